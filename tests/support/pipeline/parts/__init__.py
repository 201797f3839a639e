"""What a Pipeline is made of: its topics and tables, what is sent to them, its commands, and the oracle."""
