"""What functions to serve and how, read from `apptheory.toml`, `pyproject.toml` or a template."""
