"""A schema and its table: the layout wanted, the table found, the changes between them."""
