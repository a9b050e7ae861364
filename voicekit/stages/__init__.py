"""What is done to a piece, and how the pieces are put together again."""
