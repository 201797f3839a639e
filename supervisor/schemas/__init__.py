"""What a new schema id needs: its schema, its layout, and its table made fit."""
