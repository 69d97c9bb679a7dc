"""Request ids that are the same in every run."""

from itertools import count

__all__ = ["RequestIds"]


class RequestIds:
    """Counts from `req_test_0001`; one counter a test, shared by its clients (rule D2)."""

    def __init__(self, prefix: str = "req_test") -> None:
        """Count under the prefix."""
        self._prefix = prefix
        self._numbers = count(1)

    def next(self) -> str:
        """Give the next id."""
        return f"{self._prefix}_{next(self._numbers):04d}"
