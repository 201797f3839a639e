"""One lifetime of a consumer, its queue and its writer: its processes, what they said, how they ended."""
