"""Values of a record -> SQL literals for the columns that they go to; nothing is changed in silence."""
