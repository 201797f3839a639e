"""Kafka, for every client: what its error codes mean, and the properties that users cannot change."""
