"""The exactly-once core: a batch -> its rows, dead letters and offset in one transaction."""
