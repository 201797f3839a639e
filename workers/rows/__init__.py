"""Messages -> SQL rows: decoding, keys, literals; pure, but for the question about a new schema id."""
