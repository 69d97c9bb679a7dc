"""Chunks as text, and the explanation of a failed comparison."""
