"""`rtpipe infra create`: subjects, topics, tables, users and privileges."""
