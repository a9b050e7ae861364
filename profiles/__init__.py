"""Measurements of voicekit, each a program of its own: ``python -m profiles.NAME --help``."""
