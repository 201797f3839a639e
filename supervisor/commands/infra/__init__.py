"""`rtpipe infra`: the embedded stack, and what a pipeline needs before it runs."""
