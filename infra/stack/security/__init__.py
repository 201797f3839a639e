"""A secure stack: its passwords, its own authority, and what a client needs to know of both."""
