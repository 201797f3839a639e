"""Dead letters, written again beside the writer that owns the partition."""
