"""Schemas, messages, tables and specs that tests are made of."""
