"""Captures as the text of snapshot files, and what kind of difference two of them have."""
