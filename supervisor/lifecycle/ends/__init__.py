"""What follows from the end of a generation: halt, stop, retry or restart, and when."""
