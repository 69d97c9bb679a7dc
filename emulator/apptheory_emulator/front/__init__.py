"""Fronts: what stands between HTTP clients and functions."""
