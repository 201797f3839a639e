"""The DDL of the topics' tables: looked at, planned, made and altered under a lock."""
