"""Virtual time: one counter of nanoseconds that the loop, the wall clock and the deadline share."""

import math
from collections.abc import Callable
from enum import StrEnum

from apptheory_streaming.errors import UsageError

__all__ = ["END_NS", "EPOCH_NS", "NANOSECONDS", "ClockKind", "VirtualClock"]

NANOSECONDS = 1_000_000_000

EPOCH_NS = 1_893_456_000 * NANOSECONDS
"""2030-01-01T00:00:00Z, the wall time at which a virtual clock begins unless it is told another."""

END_NS = 253_402_300_799 * NANOSECONDS
"""The last second of the year 9999, behind which there are no dates."""

# Not 0, which much code takes for "never", and small enough for a float to hold nanoseconds.
UPTIME_NS = 1_000_000 * NANOSECONDS


class ClockKind(StrEnum):
    """Which time a test runs in."""

    VIRTUAL = "virtual"
    REAL = "real"


class VirtualClock:
    """Counts whole nanoseconds from 0, never back; `follower` is called with the wall time when it changed.

    It is moved by a VirtualLoop, when nothing is left to do but to wait.
    """

    def __init__(self, *, epoch_ns: int = EPOCH_NS) -> None:
        """Begin at 0; `epoch_ns` is the wall time of that moment, in nanoseconds since 1970."""
        self._now_ns = 0
        self._began_ns = 0
        self._first_wall_ns = self._epoch_ns = epoch_ns
        self.follower: Callable[[int], object] | None = None

    @property
    def now(self) -> float:
        """Seconds since the clock began."""
        return self._now_ns / NANOSECONDS

    @property
    def now_ns(self) -> int:
        """Nanoseconds since the clock began."""
        return self._now_ns

    @property
    def began(self) -> float:
        """The moment of the last `begin`, in seconds since the clock itself began."""
        return self._began_ns / NANOSECONDS

    @property
    def wall_ns(self) -> int:
        """Nanoseconds since 1970 on the virtual wall clock."""
        return self._epoch_ns + self._now_ns

    @property
    def end(self) -> float:
        """Seconds from when the clock began to the end of the year 9999: a timer behind it never fires."""
        return (END_NS - self._epoch_ns) / NANOSECONDS

    @property
    def monotonic_ns(self) -> int:
        """What `time.monotonic_ns` says: the machine seems to be up for a million seconds when the clock begins."""
        return UPTIME_NS + self._now_ns

    def move_to(self, seconds: float) -> None:
        """Move forward to a moment, in seconds since the clock began; one in the past changes nothing."""
        moment = math.ceil(seconds * NANOSECONDS)  # up, or who waits for the rest of a nanosecond waits for ever
        if moment > self._now_ns:
            self._now_ns = moment
            self._tell()

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward, or back, and nothing else, as a time server does.

        Raises UsageError for what is no number, and for a step out of the years 1970 to 9999.
        """
        if not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
            raise UsageError(f"the wall clock can be stepped by a number of seconds, not by {seconds!r}")
        if not 0 <= self.wall_ns / NANOSECONDS + seconds < END_NS / NANOSECONDS:
            raise UsageError(f"stepped by {seconds!r} s, the wall clock would leave the years 1970 to 9999")
        self._epoch_ns += round(seconds * NANOSECONDS)
        self._tell()

    def begin(self) -> None:
        """Set the wall clock to where it first stood, and count from here: another test takes over the loop."""
        self._began_ns = self._now_ns
        self._epoch_ns = self._first_wall_ns - self._now_ns
        self._tell()

    def _tell(self) -> None:
        if self.follower is not None:
            self.follower(self.wall_ns)
