"""Where pieces run. Knows nothing of speech."""
