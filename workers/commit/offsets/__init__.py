"""The row of a partition in kafka_offsets: who owns it, and the transaction of a batch, which moves it."""
