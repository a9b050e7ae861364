"""What one worker process does with a piece: load its engine once, run the stage, keep and return the result."""
