"""Avro of many kinds: made-up types, schemas and files of others, and a decoder by the specification."""
