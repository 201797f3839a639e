"""`rtpipe dead-letters`: list, show, export, retry, drop."""
