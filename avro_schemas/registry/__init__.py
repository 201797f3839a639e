"""The schema registry: its client, its errors in words, and which subjects belong to a topic."""
