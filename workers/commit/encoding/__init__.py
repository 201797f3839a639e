"""The messages of a batch -> what is written for them: rows, tombstones, and why some can be neither."""
