"""What the supervisor asks Kafka: topics, partitions, the ends of their logs, and what changes in them."""
