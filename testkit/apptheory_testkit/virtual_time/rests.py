"""Callbacks for when a moment of virtual time is at rest: everything else that falls on it has happened."""

import asyncio
import heapq
from collections.abc import Callable

__all__ = ["MOST_RESTS", "Rests"]

MOST_RESTS = 1000
"""So many in a row, with nothing else to wait for, and nothing else will ever happen."""


class Rests:
    """Callbacks by their moments.

    None of them is a reason to wait: they come while something else is waited for, and when they
    are all that is left they end after MOST_RESTS.
    """

    def __init__(self) -> None:
        """Nothing is set."""
        self._timers: list[tuple[float, int, asyncio.Handle]] = []
        self._count = 0
        self._in_a_row = 0

    def add(self, moment: float, callback: Callable[[], object], loop: asyncio.AbstractEventLoop) -> asyncio.Handle:
        """Set a callback; those of one moment come in the order in which they were set."""
        handle = asyncio.Handle(callback, (), loop)
        heapq.heappush(self._timers, (moment, self._count, handle))
        self._count += 1
        return handle

    def next_before(self, *others: float | None) -> float | None:
        """Give the next moment, if all of the others come later."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if not self._timers or any(other is not None and other <= self._timers[0][0] for other in others):
            self._in_a_row = 0
            return None
        return self._timers[0][0]

    def take(self, *, alone: bool) -> asyncio.Handle | None:
        """Take the next callback; None when that has gone on for long enough with nothing beside it."""
        self._in_a_row = self._in_a_row + 1 if alone else 0
        if self._in_a_row > MOST_RESTS:
            self._in_a_row = 0
            return None
        return heapq.heappop(self._timers)[2]
