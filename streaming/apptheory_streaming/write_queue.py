"""The bounded way of chunks to the loop, from any thread and in the order of the calls."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from apptheory_streaming.errors import EndedTwice, WriteAfterEnd
from apptheory_streaming.threads import HandlerCall, handler_call, is_real_time
from apptheory_streaming.wire.head import Head
from apptheory_streaming.writer import Clock, ResponseWriter

__all__ = ["HANDOVERS", "WINDOW_BYTES", "WINDOW_CHUNKS", "BodyEnd", "Handovers", "WriteQueue"]

WINDOW_CHUNKS = 64  # 77 000 chunks a second measured, against 12 000 for a window of one
WINDOW_BYTES = 1024 * 1024
HANDOVERS = 16
"""So many chunks of a burst are each seen off before the thread goes on."""
HANDOVERS_A_SECOND = 1000  # about 40 us each, so that a handler of many small chunks loses 4 %
HELD_TURNS = 16
"""So many turns of the loop a sink may take to send what it asked to drain; then its client is slow."""


class BodyEnd:
    """Stands in the queue for the end of the body."""


_Item = tuple[bytes | Head | BodyEnd, float | None]
"""What was put, and when."""


class Handovers:
    """How often a thread may wait for the loop: at each chunk of a slow handler, seldom in a fast one."""

    def __init__(self) -> None:
        """Begin with all that a burst may have."""
        self._left = float(HANDOVERS)
        self._counted_at = 0.0

    def take(self, now: float) -> bool:
        """Take one, at a time in seconds; false when the handler is too fast for it."""
        self._left = min(HANDOVERS, self._left + (now - self._counted_at) * HANDOVERS_A_SECOND)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class WriteQueue:
    """Chunks of one response in the order of the calls, from any thread, written on the loop (rule W1).

    A thread that is 64 chunks or 1 MiB ahead waits until all are taken; the loop's own thread never
    waits, and its calls first write what came before.  `close` makes every later `put` raise.  In
    lockstep a thread is never ahead: it waits at each chunk until the sink asks for the next one, so
    that what happens at a chunk happens at the same line in every run.

    In real time the thread of a handler also waits until its chunk has left, unless the client is slow or
    it has made too many.  What it does next may keep the interpreter to itself, or end the process.
    """

    def __init__(self, writer: ResponseWriter, *, now: Clock, lockstep: bool = False) -> None:
        """Write to `writer`, with production times from `now`."""
        self._lockstep = lockstep
        self._handovers = Handovers() if is_real_time(asyncio.get_running_loop()) else None
        self._writer = writer
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._room = threading.Condition()
        self._items: deque[_Item] = deque()
        self._bytes = 0
        self._awake = False
        self._held = False
        self._runs = 0
        self._blocked: list[HandlerCall] = []
        self._ended = False
        self._closed: Exception | None = None

    def put(self, item: bytes | Head | BodyEnd, make: Callable[[], bytes] | None = None) -> bool:
        """Add a chunk, the head, or the end; false when the caller should wait for the writer to drain.

        `make` gives the chunk, called in the order of the chunks: once there is room for it.
        Raises ResponseTooLarge at the very call that goes over the limit, so that a thread, which
        runs ahead of the loop, stops where a handler on the loop would.
        """
        on_loop = threading.get_ident() == self._loop_thread
        with self._room:
            while not on_loop and self._full() and self._closed is None:
                self._wait_for_room()
            if make is not None:
                item = make()
            self._check(item)
            if on_loop and not self._items:  # nothing is ahead of it, and only the loop takes
                return self._write_now(item)
            self._items.append((item, self._now()))
            self._bytes += len(item) if isinstance(item, bytes) else 0
            asleep, self._awake = not self._awake, True
        if on_loop:
            return self._write_all(asleep)
        if asleep:
            self._loop.call_soon_threadsafe(self._wake)
        if self._lockstep and not isinstance(item, Head):  # a head is put under a lock
            self._wait_until_drained()
        elif isinstance(item, bytes) and self._hands_over():
            self._see_off()
        return True

    def put_if_idle(self, data: bytes) -> bool:
        """Write a chunk, on the loop, unless something is ahead of it, the body is over, or it would not fit."""
        with self._room:
            if self._items or self._ended or self._closed is not None or not self._writer.fits(len(data)):
                return False
            self._writer.admit(len(data))
            self._write_now(data)
            return True

    async def flush(self) -> None:
        """Wait until everything is written, at the pace of the sink; raises what closed the queue."""
        while self._items:
            await self._writer.drained()
        if self._closed is not None:
            raise self._closed

    def close(self, error: Exception) -> None:
        """Drop what is left and make every later `put` raise `error`."""
        with self._room:
            self._closed = self._closed or error
            self._items.clear()
            self._bytes = 0
            self._make_room()

    def _check(self, item: bytes | Head | BodyEnd) -> None:
        if self._closed is not None:
            raise self._closed
        if isinstance(item, BodyEnd):
            self._writer.check_refused()
            if self._ended:
                raise EndedTwice("end was called a second time")
            self._ended = True
        elif isinstance(item, bytes):
            if self._ended:
                raise WriteAfterEnd("write came after end")
            self._writer.admit(len(item))

    def _wait_for_room(self) -> None:
        """A thread that waits for the loop is no work, or the clock would wait for the thread."""
        if (call := handler_call()) is not None:
            self._blocked.append(call)
            call.pause()
        self._room.wait()

    def _wait_until_drained(self) -> None:
        with self._room:
            while self._awake and self._closed is None:
                self._wait_for_room()
            if self._closed is not None:
                raise self._closed

    def _hands_over(self) -> bool:
        """Any thread but the handler's own goes on: the loop may be waiting for it at this moment."""
        if self._handovers is None or handler_call() is None:
            return False
        return self._handovers.take(self._loop.time())

    def _see_off(self) -> None:
        """Wait until everything has left, as far as the client takes it."""
        with self._room:
            while self._awake and not self._held and self._closed is None:
                self._room.wait()

    def _hold(self, run: int, turns: int) -> None:
        """Let threads go on beside a sink that has still not drained."""
        if run != self._runs:
            return
        if turns:
            self._loop.call_soon(self._hold, run, turns - 1)
            return
        with self._room:
            self._held = True
            self._room.notify_all()

    def _make_room(self) -> None:
        for call in self._blocked:
            self._loop.call_soon(call.resume)  # behind its `pause`, which may still be on its way to the loop
        self._blocked.clear()
        self._room.notify_all()

    def _full(self) -> bool:
        return len(self._items) >= WINDOW_CHUNKS or self._bytes >= WINDOW_BYTES

    def _wake(self) -> None:
        """Write until the sink asks for a pause or nothing is left."""
        self._runs += 1
        self._held = False
        try:
            while (item := self._take()) is not None:
                if not self._apply(*item):
                    self._writer.when_drained(self._wake)
                    if self._handovers is not None:
                        self._hold(self._runs, HELD_TURNS)
                    return
        except Exception as error:  # noqa: BLE001 - the next `put` of the thread raises it, or `flush`
            self.close(error)

    def _write_now(self, item: bytes | Head | BodyEnd) -> bool:
        """Write what the loop put, without a way through the queue."""
        try:
            return self._apply(item, self._now())
        except Exception as error:
            self.close(error)
            raise

    def _write_all(self, asleep: bool) -> bool:
        """Write everything at once: the caller is on the loop and cannot wait here.

        When a wake-up is on its way already, it will find nothing to do and fall asleep.
        """
        may_go_on = True
        try:
            while (item := self._take(fall_asleep=asleep)) is not None:
                may_go_on = self._apply(*item)
        except Exception as error:
            self.close(error)
            raise
        return may_go_on

    def _take(self, *, fall_asleep: bool = True) -> _Item | None:
        """The next item; that there is none and that the next `put` must wake us are one step."""
        with self._room:
            if not self._items:
                self._awake = self._awake and not fall_asleep
                self._make_room()
                return None
            item, produced_at = self._items.popleft()
            self._bytes -= len(item) if isinstance(item, bytes) else 0
            if not self._items:  # not at each item: waking a thread for one chunk costs more than the chunk
                self._make_room()
        return item, produced_at

    def _apply(self, item: bytes | Head | BodyEnd, produced_at: float | None) -> bool:
        if isinstance(item, bytes):
            return self._writer.take(item, produced_at)
        if isinstance(item, Head):
            self._writer.finalize(item)
        else:
            self._writer.end_body()
        return True
