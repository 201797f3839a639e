"""`make bench`: rtpipe beside what people write by hand, and beside what the bare database takes."""
