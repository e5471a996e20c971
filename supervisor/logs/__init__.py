"""What workers printed: segments of a log, how much is kept, and how it is read."""
