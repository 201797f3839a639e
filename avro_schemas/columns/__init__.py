"""A field and its column: which type it gets, and what an existing column can hold."""
