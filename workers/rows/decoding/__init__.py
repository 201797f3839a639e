"""The bytes of a message -> its record, exactly as they are."""
