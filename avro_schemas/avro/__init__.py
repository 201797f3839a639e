"""Avro itself: types read and checked, names, the wire format; knows no table and no file."""
