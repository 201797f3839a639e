"""Every host sees all that share partitions: what each says of itself, in a table; what is asked of it goes there."""
