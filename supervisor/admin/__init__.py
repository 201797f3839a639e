"""What a person reads or changes in the database by a command, without a worker."""
