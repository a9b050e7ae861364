"""Pitch, loudness and timing: measured in the original, carried over to another voice, and compared."""
