"""Dead letters of a batch: their rows, how many there may be, what the log says."""
