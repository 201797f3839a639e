"""Makes what is missing: subjects, topics, databases, users, tables, privileges."""
