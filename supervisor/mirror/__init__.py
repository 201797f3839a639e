"""Shows Kafka's own tools what is committed, by a process beside the workers; never read back."""
