"""A time as people read it."""

__all__ = ["SECONDS_DIGITS", "render_seconds"]

SECONDS_DIGITS = 6
"""Times are told to the microsecond: what is finer is noise of floats."""


def render_seconds(seconds: float) -> str:
    """Give a time with its unit: `0.25 s`."""
    return f"{seconds:.{SECONDS_DIGITS}f}".rstrip("0").rstrip(".") + " s"
