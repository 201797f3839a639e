"""What a batch writes inside its transaction, and which of its rows the server refuses."""
