"""The exactly-once core: a batch -> rows, dead letters and offset in one transaction."""
