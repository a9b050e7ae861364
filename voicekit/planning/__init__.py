"""Decide once for the whole recording: where speech is, where to cut, who works on what."""
