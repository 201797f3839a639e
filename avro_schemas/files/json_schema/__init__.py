"""JSON Schema -> Avro: `conversion` has the rules, the others are its parts."""
