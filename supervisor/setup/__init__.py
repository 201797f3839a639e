"""`rtpipe setup`: the database side of topics that exist."""
