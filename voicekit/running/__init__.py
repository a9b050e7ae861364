"""One run: many recordings, one set of workers, one loop."""
