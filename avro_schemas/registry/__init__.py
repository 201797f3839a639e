"""The schema registry: its client, its errors in words, the subjects of a topic."""
