"""A real pipeline of a test's own: its topics, its tables, what is sent, and the commands that run on it."""
