"""Dead letters, tried again beside the writer that owns the partition."""
