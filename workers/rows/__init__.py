"""Messages -> SQL rows: decoding -> literals, and keys; pure but for the question about a new schema id."""
