"""`rtpipe doctor`: looks at services, tables, topics and this machine; each check says what to do."""
