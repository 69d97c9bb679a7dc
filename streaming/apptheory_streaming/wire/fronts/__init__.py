"""The fronts beside the Function URL, one module each: how their clients see the answers of a function."""
