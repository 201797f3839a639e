"""The consumer's side: Kafka -> batches -> the bounded queue, which pauses reading when it is full."""
