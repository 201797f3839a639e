"""Messages on the page, for its operator alone: looked at beside their rows, and retried, by commands of rtpipe."""
