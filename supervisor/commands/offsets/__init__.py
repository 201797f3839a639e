"""`rtpipe offsets`: for a partition that stopped for a reason that only a person can judge."""
