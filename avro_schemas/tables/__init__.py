"""A schema and its table: the layout wanted, the table found, and the changes between the two."""
