"""Avro itself: types read and checked, names, the wire format. Knows no table and no file."""
