"""Files of any kind that people hand over -> the Avro schemas in them."""
