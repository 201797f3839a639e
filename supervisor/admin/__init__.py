"""One question or change of a person to the database, outside of any worker."""
