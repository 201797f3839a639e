"""Avro topics into MySQL, exactly once. The front door, and what every room stands on; imports none of them."""
