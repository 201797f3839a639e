"""`rtpipe bench`: rows per second on a stack, beside what its database takes from anybody; `make bench` shares it."""
