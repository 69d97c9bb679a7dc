"""Sinks that keep the bytes: one takes all at once, one gives the test a chunk at a time."""

import asyncio
from collections import deque

from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryKind, Ending

__all__ = ["CaptureSink", "LiveSink"]


class CaptureSink:
    """Takes every chunk as soon as it is written."""

    def __init__(self) -> None:
        """Begin without a chunk."""
        self.chunks: list[bytes] = []

    def start(self, _head: Head) -> None:
        """Take the head, which the transcript keeps."""

    def write(self, data: bytes) -> bool:
        """Keep a chunk."""
        self.chunks.append(data)
        return True

    async def drain(self) -> None:
        """Never wait."""

    async def end(self, ending: Ending) -> DeliveryKind:
        """Say what a client would have seen; a late error ends cleanly, as on AWS."""
        return DeliveryKind.CUT if ending is Ending.CUT else DeliveryKind.COMPLETE


class LiveSink(CaptureSink):
    """Hands each chunk to the test and holds the handler back until it was taken.

    `next_chunk` waits for a chunk and gives None after the last one; `over` says that no more
    chunks come, whether or not the test took all of them.
    """

    def __init__(self) -> None:
        """Begin with nothing to take."""
        super().__init__()
        self.started = asyncio.Event()
        self._waiting: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self.over = False

    def start(self, _head: Head) -> None:
        """Let the test see the head."""
        self.started.set()

    def write(self, data: bytes) -> bool:
        """Put a chunk before the test; it counts as captured once it is taken."""
        self._waiting.append(data)
        self._arrived.set()
        return False

    async def drain(self) -> None:
        """Wait until the test took every chunk."""
        while self._waiting:
            self._taken.clear()
            await self._taken.wait()

    async def end(self, ending: Ending) -> DeliveryKind:
        """Wait until the test took every chunk, then say that there are no more."""
        if ending is not Ending.CUT:
            await self.drain()
        await self.finish()
        return await super().end(ending)

    async def finish(self) -> None:
        """Say that no more chunks come."""
        self.over = True
        self._arrived.set()

    async def next_chunk(self) -> bytes | None:
        """Take the next chunk."""
        while not self._waiting and not self.over:
            self._arrived.clear()
            await self._arrived.wait()
        if not self._waiting:
            return None
        chunk = self._waiting.popleft()
        self.chunks.append(chunk)
        self._taken.set()
        return chunk
