"""`rtpipe top`: the partitions live in a terminal, with keys to filter, sort, act and look closer."""
