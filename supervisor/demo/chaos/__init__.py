"""`rtpipe chaos`: random faults under load, of one supervisor or of several that share the partitions."""
