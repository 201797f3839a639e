"""Values of a record -> SQL literals; no value is changed in silence."""
