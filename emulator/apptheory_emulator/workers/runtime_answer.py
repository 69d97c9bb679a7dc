"""The answer of a runtime, whose bytes can be read while they arrive."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

__all__ = ["AnswerBody", "RuntimeAnswer"]

HIGH_WATER_BYTES = 64 * 1024
"""When so many bytes wait to be read, the runtime's connection is read no more."""
LOW_WATER_BYTES = HIGH_WATER_BYTES // 2


class AnswerBody(AsyncIterator[bytes]):
    """The body of one answer, cut as it came.

    Iterating raises, behind the last byte, RuntimeFailure for the error that the trailers report, and
    RuntimeExit for a body that never came to its end.  `aclose` gives the rest up: it is dropped as it comes.
    """

    def __init__(self, on_room: Callable[[], None]) -> None:
        """Begin empty; `on_room` is called when a full body has room again."""
        self.received_bytes = 0
        self.buffered_bytes = 0
        self._on_room = on_room
        self._pieces: deque[bytes] = deque()
        self._error: Exception | None = None
        self._ended = False
        self._dropped = False
        self._news = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether enough bytes wait to be read."""
        return self.buffered_bytes >= HIGH_WATER_BYTES

    def put(self, data: bytes) -> None:
        """Take bytes from the runtime."""
        self.received_bytes += len(data)
        if self._ended or self._dropped:
            return
        self.buffered_bytes += len(data)
        self._pieces.append(data)
        self._news.set()

    def end(self, error: Exception | None = None) -> None:
        """Say that no more bytes come, and why; only the first call counts."""
        if self._ended:
            return
        self._ended = True
        self._error = error
        self._news.set()

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._dropped or self._ended:
                error, self._error = self._error, None
                raise error or StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        piece = self._pieces.popleft()
        before = self.buffered_bytes
        self.buffered_bytes -= len(piece)
        if self.buffered_bytes <= LOW_WATER_BYTES < before:
            self._on_room()
        return piece

    async def aclose(self) -> None:
        """Read no further; what the runtime still sends is dropped, so that it can go on."""
        self._dropped = True
        self._error = None
        self._pieces.clear()
        self.buffered_bytes = 0
        self._news.set()
        self._on_room()


@dataclass(frozen=True, slots=True)
class RuntimeAnswer:
    """What a runtime answered: its head, and a body that has `aclose` for who does not read to the end.

    `content_type` is empty where the runtime sent none.  `streaming` is false for a buffered answer, which
    is there as a whole.
    """

    content_type: str
    streaming: bool
    body: AsyncIterator[bytes]
