"""Workers: what runs a function."""
