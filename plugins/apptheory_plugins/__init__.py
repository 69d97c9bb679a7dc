"""The pytest plugin of the project."""
