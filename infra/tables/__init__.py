"""DDL of the topics' tables: read, planned, made and altered, under a lock."""
