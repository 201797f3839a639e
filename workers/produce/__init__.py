"""`rtpipe produce`: the load generator."""
