"""What a person does with dead letters: list, show, export, retry, drop."""
