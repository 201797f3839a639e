"""Files of any kind that people give us -> the Avro schemas in them."""
