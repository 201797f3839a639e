"""Processes beside the workers that no row depends on: started, watched, started again when they die, ended."""
