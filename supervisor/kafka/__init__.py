"""What the supervisor asks Kafka: topics, partitions, where logs begin and end."""
