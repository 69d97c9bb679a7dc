"""`time.sleep` in virtual time, in the threads that run sync handlers and nowhere else."""

import asyncio
import math
import operator
import sys
import threading
from dataclasses import dataclass, field
from typing import SupportsIndex

from apptheory_streaming.threads import HandlerCall, handler_call
from apptheory_testkit.places import innermost_place
from apptheory_testkit.virtual_time.rebinding import REAL_TIME

__all__ = ["Sleepers", "SleepingThread", "virtual_sleep"]


@dataclass(slots=True, eq=False)
class SleepingThread:
    """A thread that sleeps: what it waits for, and where it called `sleep`."""

    call: HandlerCall
    where: str
    woken: threading.Event = field(default_factory=threading.Event)

    def wake(self) -> None:
        """Let the thread go on, as work; on the loop."""
        self.call.resume()
        self.woken.set()


class Sleepers:
    """The threads of one loop that sleep: each is woken by a timer of the loop, and is no work meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nobody sleeps yet."""
        self._loop = loop
        self._asleep: set[SleepingThread] = set()

    def wake_all(self) -> None:
        """Let every thread go on: the loop is closed, and no timer will come."""
        for each in tuple(self._asleep):
            each.woken.set()

    def sleep(self, seconds: float, call: HandlerCall) -> None:
        """Sleep in a thread that runs this call, until the loop's clock has moved on by so much."""
        thread = SleepingThread(call, innermost_place(sys._getframe(2)) or "a library")  # noqa: SLF001 - who called
        self._asleep.add(thread)
        try:
            self._loop.call_soon_threadsafe(self._lie_down, seconds, thread)
            thread.woken.wait()
        finally:
            self._asleep.discard(thread)

    def _lie_down(self, seconds: float, thread: SleepingThread) -> None:
        """Begin, on the loop, in one step: a pause that came behind the end of a short sleep would not end."""
        self._loop.call_later(seconds, thread.wake)
        thread.call.pause()


def virtual_sleep(seconds: float | SupportsIndex, /) -> None:
    """Stand in the place of `time.sleep`, for good: outside of our threads and of virtual loops it is `time.sleep`."""
    call = handler_call()
    sleepers = None if call is None else getattr(call.loop, "threads", None)
    if call is None or not isinstance(sleepers, Sleepers):
        REAL_TIME.sleep(seconds)
    else:
        sleepers.sleep(_checked(seconds), call)


def _checked(seconds: float | SupportsIndex) -> float:
    """Refuse what `time.sleep` refuses."""
    length = seconds if isinstance(seconds, float) else operator.index(seconds)
    if math.isnan(length):
        raise ValueError("Invalid value NaN (not a number)")
    if length < 0:
        raise ValueError("sleep length must be non-negative")
    if length > threading.TIMEOUT_MAX:
        raise OverflowError("timestamp out of range for platform time_t")
    return length
