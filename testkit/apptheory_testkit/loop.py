"""An event loop on virtual time: a sleep takes no time, and simultaneous timers keep their order.

The selector is the one place where an asyncio loop waits.  Ours looks for I/O that is ready and,
when there is none, asks the loop what to wait for: work in a thread (really), the next timer
(by moving the clock), or nothing at all, which is a deadlock and is reported as one.
"""

import asyncio
import contextvars
import heapq
import selectors
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from itertools import count
from typing import Any, TypeVarTuple

from apptheory_streaming.errors import LoopError
from apptheory_streaming.writer import Clock
from apptheory_testkit.clock import VirtualClock
from apptheory_testkit.deadlock import DeadlockError, describe_waiting
from apptheory_testkit.sleep import Sleepers
from apptheory_testkit.wall import Wall, default_wall

__all__ = ["CurrentClock", "VirtualLoop", "virtual_now"]

_Arguments = TypeVarTuple("_Arguments")

QUIET_SECONDS = 0.2
"""Real seconds without any I/O, timer or work after which nothing will ever happen again."""

# Above the spacing of floats at 400 days in seconds (7e-9), or a timer that is due would never be.
RESOLUTION_SECONDS = 1e-6


def virtual_now() -> Clock:
    """Give the clock of the running loop if it is a virtual one; of any other loop no times are taken (rule D3)."""
    loop = asyncio.get_running_loop()
    return loop.time if isinstance(loop, VirtualLoop) else lambda: None


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop whose time is a VirtualClock; it begins at 0."""

    def __init__(self, clock: VirtualClock | None = None, *, wall: Wall | None = None) -> None:
        """Run on `clock`, or on one of its own; `wall` says what the wall clock does meanwhile."""
        self.clock = clock or VirtualClock()
        self._wall = wall or default_wall()
        self._sleepers = Sleepers(self)
        self._real = selectors.DefaultSelector()
        self._order = count()
        self._work: set[object] = set()
        super().__init__(_PatientSelector(self._real, self._wait))
        self._clock_resolution = RESOLUTION_SECONDS

    def time(self) -> float:
        """Give the virtual time in seconds."""
        return self.clock.now

    def run_forever(self) -> None:
        """Run with the wall clock frozen: outside, such as in a runner's report, time is real."""
        with self._wall.frozen(self.clock), self._sleepers.patched():
            super().run_forever()

    def close(self) -> None:
        """Close, and let threads go that sleep in virtual time."""
        self._sleepers.wake_all()
        super().close()

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer; timers for one moment fire in the order in which they were set."""
        self._check_closed()
        timer = _OrderedTimer(when, callback, args, self, context)
        timer.number = next(self._order)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # noqa: SLF001 - what BaseEventLoop.call_at does
        return timer

    def run_in_executor(  # type: ignore[override]  # typeshed's is generic over what the function takes
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Run a function in a thread; the clock stands still until it is done."""
        done = super().run_in_executor(executor, func, *args)
        self.work_began(done)
        done.add_done_callback(self.work_ended)
        return done

    def work_began(self, work: object) -> None:
        """Hold the clock: this piece of work is being done outside the loop."""
        self._work.add(work)

    def work_ended(self, work: object) -> None:
        """Let the clock go, as far as this piece of work is concerned."""
        self._work.discard(work)

    def _wait(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._work:
            return self._real.select(None)
        if self._scheduled:
            self.clock.move_to(self._scheduled[0].when())
            return []
        if timeout is not None:  # pragma: no cover - asyncio waits for a time only when there is a timer
            return []
        ready = self._real.select(QUIET_SECONDS)
        if not ready and not self._work:
            raise DeadlockError(describe_waiting(self))
        return ready

    _scheduled: list[asyncio.TimerHandle]
    _check_closed: Callable[[], None]


class CurrentClock:
    """The clock of the virtual loop that runs now; raises LoopError outside of one."""

    @property
    def now(self) -> float:
        """Seconds since the test's loop began."""
        return self._loop().clock.now

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and let everything happen that falls into it."""
        await asyncio.sleep(seconds)

    def _loop(self) -> VirtualLoop:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if not isinstance(loop, VirtualLoop):
            raise LoopError("no virtual loop is running: use virtual_clock inside an async test in virtual time")
        return loop


class _OrderedTimer(asyncio.TimerHandle):
    """A timer that knows when it was set."""

    number = 0
    _scheduled: bool  # asyncio's own: whether the loop must be told of a cancel

    def __lt__(self, other: object) -> bool:
        if isinstance(other, _OrderedTimer):
            return (self.when(), self.number) < (other.when(), other.number)
        return NotImplemented


class _PatientSelector(selectors.BaseSelector):
    """Gives I/O that is ready at once, and leaves all waiting to the loop."""

    def __init__(
        self,
        real: selectors.BaseSelector,
        wait: Callable[[float | None], list[tuple[selectors.SelectorKey, int]]],
    ) -> None:
        """Register with `real`; `wait` is called instead of waiting."""
        self._selector = real
        self._wait = wait

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the real selector does."""
        return self._selector.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As the real selector does."""
        return self._selector.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the real selector does."""
        return self._selector.modify(fileobj, events, data)

    def close(self) -> None:
        """Close the real selector."""
        self._selector.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """What is registered."""
        return self._selector.get_map()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Give what is ready; else let the loop decide how to wait."""
        ready = self._selector.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        return self._wait(timeout)
