"""`rtpipe config`: the settings as they are, and where each came from."""
