"""JSON Schema -> Avro; `conversion` has the rules, the other modules are its parts."""
