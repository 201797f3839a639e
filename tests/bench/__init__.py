"""`make bench`: rtpipe beside the loop that people write by hand, and beside what the bare database takes."""
