"""`rtpipe offsets`: shows and sets the offset of a partition that is halted."""
