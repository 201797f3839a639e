"""The bytes of a message's key -> the values of the key columns."""
