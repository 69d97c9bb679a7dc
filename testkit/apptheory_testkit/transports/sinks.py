"""Sinks that keep the bytes: one takes all at once, one gives the test a chunk at a time."""

import asyncio
from collections import deque

from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryKind, Ending
from apptheory_testkit.faults.reader import Reader

__all__ = ["CaptureSink", "LiveSink", "ReaderSink"]


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


class _HoldingSink(CaptureSink):
    """Holds each chunk until it is taken, at the pace of a reader if there is one."""

    def __init__(self, reader: Reader | None = None) -> None:
        """Begin with nothing to take."""
        super().__init__()
        self._reader = reader
        self._waiting: deque[bytes] = deque()

    def start(self, _head: Head) -> None:
        """Tell the reader, who may leave instead."""
        if self._reader is not None:
            self._reader.head_sent()

    def write(self, data: bytes) -> bool:
        """Put a chunk down; it counts as captured once it is taken."""
        self._waiting.append(data)
        return False

    async def take(self) -> bytes | None:
        """Take the oldest chunk, once the reader is ready for it; None when nothing waits any more."""
        if self._waiting and self._reader is not None:
            await self._reader.ready_for(self._waiting[0])
        if not self._waiting:
            return None
        chunk = self._waiting.popleft()
        self.chunks.append(chunk)
        if self._reader is not None:
            self._reader.took(chunk)
        return chunk


class ReaderSink(_HoldingSink):
    """Gives each chunk to a reader, who may be slow or leave, and holds the handler back until it was taken."""

    def __init__(self, reader: Reader) -> None:
        """Begin with nothing to take."""
        super().__init__(reader)

    async def drain(self) -> None:
        """Wait until the reader took every chunk."""
        while self._waiting:
            await self.take()
            await asyncio.sleep(0)  # where the delivery to a client that has left ends

    async def end(self, ending: Ending) -> DeliveryKind:
        """Wait until the reader took every chunk, unless nobody waits for them."""
        if ending is not Ending.CUT:
            await self.drain()
        return await super().end(ending)


class LiveSink(_HoldingSink):
    """Hands each chunk to the test and holds the handler back until it was taken.

    `next_chunk` waits for a chunk and gives None after the last one; `over` says that no more
    chunks come, whether or not the test took all of them.  With a reader, the test gets each chunk
    when that reader has it.  Tasks that ask at the same time get theirs in turns.
    """

    def __init__(self, reader: Reader | None = None) -> None:
        """Begin with nothing to take."""
        super().__init__(reader)
        self.started = asyncio.Event()
        self._taking = asyncio.Lock()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self.over = False

    def start(self, head: Head) -> None:
        """Let the test see the head."""
        self.started.set()
        super().start(head)

    def write(self, data: bytes) -> bool:
        """Put a chunk before the test; it counts as captured once it is taken."""
        self._arrived.set()
        return super().write(data)

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
        async with self._taking:  # a client takes one at a time, and asks for the next when it has that
            while not self._waiting and not self.over:
                self._arrived.clear()
                await self._arrived.wait()
            chunk = await self.take()
            self._taken.set()
            return chunk

    def leave(self) -> None:
        """Take nothing more: the client is gone."""
        self._waiting.clear()
        self.over = True
        self._arrived.set()
        self.started.set()
