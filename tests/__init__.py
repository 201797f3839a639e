"""unit: no services; integration: real broker, registry and databases; crash: real kills; wheel: what is shipped."""
