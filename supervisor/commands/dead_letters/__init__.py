"""`rtpipe dead-letters`: the messages that could not become rows, some of them or all."""
