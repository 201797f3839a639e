"""A field and its column: the type that it gets, and what a column that is there can hold of it."""
