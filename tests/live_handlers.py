"""Handlers for tests of live streams, which say how far they came."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

__all__ = ["Counting", "turns"]


class Counting:
    """A handler that yields 0, 1, 2 … up to `last`, and says how far it came and how it was left."""

    def __init__(self, last: int | None = None) -> None:
        self.produced: list[int] = []
        self.left_by: str | None = None
        self._last = last

    async def __call__(self, event: Any, context: Any) -> AsyncIterator[str]:
        numbers = itertools.count() if self._last is None else range(self._last + 1)
        try:
            for number in numbers:
                self.produced.append(number)
                yield str(number)
            self.left_by = "the end"
        except BaseException as error:
            self.left_by = type(error).__name__
            raise


async def turns(count: int = 50) -> None:
    """Let everything run that can."""
    for _ in range(count):
        await asyncio.sleep(0)
