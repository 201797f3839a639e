"""What every Kafka client of ours must know: the meaning of error codes, and the properties that are not the user's."""
