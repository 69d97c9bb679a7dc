"""`time.sleep` in virtual time, in the threads that run sync handlers and nowhere else."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import SupportsIndex

from apptheory_streaming.threads import HandlerCall, handler_call

__all__ = ["Sleepers"]


class Sleepers:
    """The threads of one loop that sleep: each is woken by a timer of the loop, and is no work meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nobody sleeps yet."""
        self._loop = loop
        self._asleep: set[threading.Event] = set()

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Put ours in the place of `time.sleep`."""
        usual = time.sleep

        def sleep(seconds: float | SupportsIndex, /) -> None:
            call = handler_call()
            if call is not None and call.loop is self._loop:
                self._sleep(float(seconds), call)
            else:
                usual(seconds)

        time.sleep = sleep
        try:
            yield
        finally:
            time.sleep = usual

    def wake_all(self) -> None:
        """Let every thread go on: the loop is closing, and no timer will come."""
        for woken in tuple(self._asleep):
            woken.set()

    def _sleep(self, seconds: float, call: HandlerCall) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        woken = threading.Event()
        self._asleep.add(woken)
        try:
            self._loop.call_soon_threadsafe(self._lie_down, woken, seconds, call)
            call.pause()
            woken.wait()
        finally:
            self._asleep.discard(woken)

    def _lie_down(self, woken: threading.Event, seconds: float, call: HandlerCall) -> None:
        self._loop.call_later(seconds, self._wake, woken, call)

    def _wake(self, woken: threading.Event, call: HandlerCall) -> None:
        call.resume()
        woken.set()
