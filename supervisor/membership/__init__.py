"""Several hosts share the partitions: a member of a Kafka group in a process of its own says which are ours."""
