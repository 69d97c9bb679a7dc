"""Heartbeats: what a stream that is silent sends, so that nobody on the way takes it for dead (rule W4).

Not a wrapper around the body, which would run it in another task: a timer at the write boundary.
A write only leaves a note; the timer looks at the note when it fires, and goes on from there.
"""

import asyncio
import reprlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

from apptheory_streaming.errors import UsageError
from apptheory_streaming.watch import HeadWatch
from apptheory_streaming.wire.sse_gap import KEEP_ALIVE, ends_event
from apptheory_streaming.write_queue import WriteQueue
from apptheory_streaming.writer import ResponseWriter

__all__ = ["Heartbeat", "HeartbeatTimer", "RestingLoop", "Timer", "make_heartbeat"]

TAIL_BYTES = 4
"""The most that two line ends take."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A frame, the seconds of silence after which it is sent, behind which bytes, and whom to tell when it was."""

    interval: float
    frame: bytes = KEEP_ALIVE
    may_follow: Callable[[bytes], bool] = ends_event
    on_sent: Callable[[], object] | None = field(default=None, compare=False)


def make_heartbeat(seconds: float | Heartbeat | None) -> Heartbeat | None:
    """Give the heartbeat of an interval, None for None and 0; raises UsageError for what is no interval."""
    if seconds is None or isinstance(seconds, Heartbeat):
        return seconds
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 <= seconds <= sys.float_info.max:
        raise UsageError(f"heartbeat must be a number of seconds, or None or 0 for none, not {reprlib.repr(seconds)}")
    return Heartbeat(float(seconds)) if seconds else None


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> object:
        """Let it not happen."""
        ...


class RestingLoop(Protocol):
    """A loop that knows when nothing is left to do at a moment: one on virtual time."""

    def call_at_rest(self, moment: float, callback: Callable[[], object]) -> Timer:
        """Call back at a moment, in seconds, behind everything else that happens at it."""
        ...


class HeartbeatTimer:
    """Sends the heartbeat of one response whenever nothing was written for its interval.

    None is sent while the client has not taken what is there: the count then begins again when it
    has.  None between two parts of an event, none that would go over the limit of rule L2.
    """

    def __init__(self, heartbeat: Heartbeat, *, writer: ResponseWriter, writes: WriteQueue, watch: HeadWatch) -> None:
        """Prepare; nothing happens before `start`."""
        self._heartbeat = heartbeat
        self._writer = writer
        self._writes = writes
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._timer: Timer | None = None
        self._stopped = False
        self._last = 0.0
        self._tail = b""

    def start(self) -> None:
        """Count from now on; does nothing for a response that has no body, or that is not sent as it comes."""
        if self._writer.streams:
            self._writer.on_chunk(self._note)
            self._writer.on_drained = self._note_drain
            self._begin_again()

    def stop(self) -> None:
        """Send nothing more; stopping twice is stopping once."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _note(self, chunk: bytes) -> None:
        self._last = self._loop.time()
        self._tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else (self._tail + chunk)[-TAIL_BYTES:]

    def _note_drain(self) -> None:
        self._last = self._loop.time()

    def _begin_again(self) -> None:
        if not self._stopped:
            self._last = self._loop.time()
            self._arm()

    def _arm(self) -> None:
        moment = self._last + self._heartbeat.interval
        if hasattr(self._loop, "call_at_rest"):
            self._timer = cast("RestingLoop", self._loop).call_at_rest(moment, self._look)
        else:
            self._timer = self._loop.call_at(moment, self._look)

    def _look(self) -> None:
        if self._loop.time() < self._last + self._heartbeat.interval:
            self._arm()
        elif self._writer.held_back:
            self._writer.when_drained(self._begin_again)
        else:
            self._beat()
            self._begin_again()

    def _beat(self) -> None:
        """Send one, unless it would stand inside an event, before what a thread has put, or over the limit."""
        if self._heartbeat.may_follow(self._tail) and self._writes.put_if_idle(self._heartbeat.frame):
            self._watch.chunk_produced()
            if self._heartbeat.on_sent is not None:
                self._heartbeat.on_sent()
