"""The real services of a test session, and the processes that they are."""
