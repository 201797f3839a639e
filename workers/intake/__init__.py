"""The consumer's side: Kafka -> batches -> the bounded queue, with backpressure."""
