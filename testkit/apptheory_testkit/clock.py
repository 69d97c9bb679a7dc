"""Virtual time: one counter of nanoseconds that the loop, the wall clock and the deadline share."""

import math
from collections.abc import Callable
from enum import StrEnum

__all__ = ["EPOCH_NS", "ClockKind", "VirtualClock"]

NANOSECONDS = 1_000_000_000

EPOCH_NS = 1_893_456_000 * NANOSECONDS
"""2030-01-01T00:00:00Z, the wall time at which a virtual clock begins unless it is told another."""


class ClockKind(StrEnum):
    """Which time a test runs in."""

    VIRTUAL = "virtual"
    REAL = "real"


class VirtualClock:
    """Counts whole nanoseconds from 0, never back; `follower` is called with the wall time of each move.

    It is moved by a VirtualLoop, when nothing is left to do but to wait.
    """

    def __init__(self, *, epoch_ns: int = EPOCH_NS) -> None:
        """Begin at 0; `epoch_ns` is the wall time of that moment, in nanoseconds since 1970."""
        self._now_ns = 0
        self._epoch_ns = epoch_ns
        self.follower: Callable[[int], None] | None = None

    @property
    def now(self) -> float:
        """Seconds since the clock began."""
        return self._now_ns / NANOSECONDS

    @property
    def now_ns(self) -> int:
        """Nanoseconds since the clock began."""
        return self._now_ns

    @property
    def wall_ns(self) -> int:
        """Nanoseconds since 1970 on the virtual wall clock."""
        return self._epoch_ns + self._now_ns

    def move_to(self, seconds: float) -> None:
        """Move forward to a moment, in seconds since the clock began; one in the past changes nothing."""
        moment = math.ceil(seconds * NANOSECONDS)
        if moment > self._now_ns:
            self._now_ns = moment
            if self.follower is not None:
                self.follower(self.wall_ns)
