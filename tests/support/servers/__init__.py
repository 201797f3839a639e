"""Servers inside the test: each says what the test wants."""
