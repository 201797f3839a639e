"""What happened in the last days: events and minute figures in a small file, written by a process of its own."""
