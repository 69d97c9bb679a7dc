"""A body cut in other places, for tests of parsers."""
