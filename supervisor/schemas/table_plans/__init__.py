"""What a table lacks for its schemas: planned, shown, judged, and done."""
