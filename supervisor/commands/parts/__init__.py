"""What commands have in common: how they are found and loaded, options, completion, output, errors."""
