"""What a new schema id needs: its schema, its layout, and a table that fits."""
