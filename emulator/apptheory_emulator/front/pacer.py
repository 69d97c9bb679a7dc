"""Lets the bytes of one response leave at AWS's pace (rule L3)."""

import asyncio
from collections.abc import Iterator

from apptheory_streaming.wire.pacing import Pacing

__all__ = ["Pacer", "slices"]

SLICE_BYTES = 64 * 1024
"""A chunk leaves in such slices: at 2 MiB a second the client sees something every 31 ms."""


class Pacer:
    """Counts what has left, and waits on the running loop's clock until more may leave."""

    def __init__(self, pacing: Pacing) -> None:
        """Begin with the whole burst."""
        self._pacing = pacing
        self._loop = asyncio.get_running_loop()
        self._sent = 0
        self._free_at = self._loop.time()

    async def leave(self, size: int) -> None:
        """Wait until so many more bytes may have left."""
        seconds = self._pacing.seconds_for(size, sent=self._sent)
        self._sent += size
        if seconds:
            # From now on if the response was late itself: what was not used is not saved up.
            self._free_at = max(self._free_at, self._loop.time()) + seconds
            await asyncio.sleep(self._free_at - self._loop.time())


def slices(data: bytes) -> Iterator[bytes]:
    """Cut a chunk into what leaves at once."""
    return (data[start : start + SLICE_BYTES] for start in range(0, len(data), SLICE_BYTES))
