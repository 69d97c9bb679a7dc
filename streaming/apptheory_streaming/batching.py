"""Small writes that wait for each other: one chunk for many of them, sent after some time at the latest.

A timer at the write boundary, as a heartbeat is: the body is neither wrapped in a task nor woken.
"""

import asyncio
import reprlib
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from apptheory_streaming.errors import StreamingError, UsageError
from apptheory_streaming.heartbeat import RestingLoop, Timer
from apptheory_streaming.watch import HeadWatch
from apptheory_streaming.write_queue import WriteQueue
from apptheory_streaming.writer import ResponseWriter

__all__ = ["Batch", "Batching", "make_batching"]


@dataclass(frozen=True, slots=True)
class Batching:
    """A batch is sent once it has so many bytes, or was begun so many seconds ago; None waits for the end."""

    size: int
    interval: float | None


def make_batching(size: int, interval: float | None) -> Batching:
    """Check the two numbers; raises UsageError for what they cannot be."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UsageError(f"flush_bytes must be a whole number from 1, not {reprlib.repr(size)}")
    if interval is None:
        return Batching(size, None)
    number = isinstance(interval, int | float) and not isinstance(interval, bool)
    if not number or not 0 < interval <= sys.float_info.max:
        raise UsageError(
            "flush_interval must be a number of seconds above 0, or None to wait for flush_bytes or the end, "
            f"not {reprlib.repr(interval)}"
        )
    return Batching(size, float(interval))


class Batch:
    """What one response has written and not yet sent.

    One producer adds, on the loop or on a thread, and writes what `add` gives back; the timer
    writes on the loop.  The timer keeps the lock while it writes, which never waits there; the
    producer does not, since it may have to wait, and adds nothing meanwhile.
    """

    def __init__(self, batching: Batching, *, writer: ResponseWriter, writes: WriteQueue, watch: HeadWatch) -> None:
        """Begin with nothing; the timer runs while there is something."""
        self._batching = batching
        self._writer = writer
        self._writes = writes
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._pieces: list[bytes] = []
        self._size = 0
        self._due = 0.0
        self._armed = False
        self._timer: Timer | None = None
        self._stopped = False

    def add(self, data: bytes) -> bytes:
        """Put a piece to the others, and give them all once they are enough; nothing until then."""
        with self._lock:
            self._pieces.append(data)
            self._size += len(data)
            if self._size >= self._batching.size:
                return self._take()
            if self._batching.interval is None:
                return b""
            if len(self._pieces) == 1:
                self._due = self._loop.time() + self._batching.interval
            asleep, self._armed = not self._armed, True
        if asleep:
            self._loop.call_soon_threadsafe(self._arm)
        return b""

    def rest(self) -> bytes:
        """Give what is left at the end; the timer does nothing from here on."""
        self.stop()
        with self._lock:
            return self._take()

    def stop(self) -> None:
        """Send nothing more by time; stopping twice is stopping once."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _take(self) -> bytes:
        pieces, self._pieces, self._size = self._pieces, [], 0
        return b"".join(pieces)

    def _arm(self) -> None:
        if self._stopped:
            return
        if hasattr(self._loop, "call_at_rest"):
            self._timer = cast("RestingLoop", self._loop).call_at_rest(self._due, self._look)
        else:
            self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        if self._stopped:
            return
        with self._lock:
            if not self._pieces:
                self._armed = False
            elif self._loop.time() < self._due:
                self._arm()
            elif self._writer.held_back:
                self._writer.when_drained(self._look)
            else:
                self._armed = False
                self._send(self._take())

    def _send(self, data: bytes) -> None:
        with suppress(StreamingError):  # over the limit, or stopped: the next write of the producer raises it
            self._writes.put(data)
            self._watch.chunk_produced()
