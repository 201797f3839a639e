"""The servers of the embedded stack: how each is prepared, started, found, stopped."""
