"""One question or change of a person's to the database, outside of any worker."""
