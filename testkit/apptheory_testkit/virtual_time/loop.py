"""An event loop on virtual time: a sleep takes no time, and simultaneous timers keep their order.

When there is no I/O that is ready, the loop decides how to wait: for work in a thread really, for
the next timer by moving the clock, and if there is nothing at all, that is a deadlock and is
reported as one.
"""

import asyncio
import contextvars
import heapq
import threading
import time
import warnings
import weakref
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from dataclasses import replace
from itertools import count
from typing import Any, TypeVarTuple

from apptheory_streaming.errors import LoopError, UsageError
from apptheory_streaming.writer import Clock
from apptheory_testkit.virtual_time.clock import VirtualClock
from apptheory_testkit.virtual_time.deadlock import DeadlockError, describe_waiting
from apptheory_testkit.virtual_time.real_io import RealIOError, describe_threads
from apptheory_testkit.virtual_time.rebinding import REAL_TIME
from apptheory_testkit.virtual_time.rests import Rests
from apptheory_testkit.virtual_time.selector import PatientSelector, Ready
from apptheory_testkit.virtual_time.sleep import Sleepers
from apptheory_testkit.virtual_time.sleepers import Sleeper, list_sleepers
from apptheory_testkit.virtual_time.wall import Wall, follow_another_thread, make_wall, standard_clocks
from apptheory_testkit.virtual_time.worker_threads import works_in_anyio

__all__ = ["CurrentClock", "VirtualLoop", "begin_test", "virtual_now"]

_Arguments = TypeVarTuple("_Arguments")

QUIET_SECONDS = 0.2
"""Real seconds without any I/O, timer or work after which nothing will ever happen again."""

STUCK_SECONDS = 5.0
"""Real seconds for which a thread may block while a timer waits for the clock, which waits for the thread."""

BUSY_SHARE = 0.02
"""The share of them that the process must have computed for the thread to count as busy, on a shared core."""

# Above the spacing of floats at 400 days in seconds (7e-9), or a timer that is due would never be.
RESOLUTION_SECONDS = 1e-6


def virtual_now() -> Clock:
    """Give the clock of the running loop if it is a virtual one; of any other loop no times are taken (rule D3)."""
    loop = asyncio.get_running_loop()
    return loop.time if isinstance(loop, VirtualLoop) else lambda: None


_tests = count()
_test = 0


def begin_test() -> None:
    """Let every loop that runs on begin anew, with the wall clock of its beginning, when it runs next."""
    global _test  # noqa: PLW0603 - tests are one after the other in a process
    _test = next(_tests)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop whose time is a VirtualClock; it begins at 0."""

    def __init__(self, clock: VirtualClock | None = None, *, wall: Wall | None = None) -> None:
        """Run on `clock`, or on one of its own; `wall` says what the wall clock does meanwhile."""
        self.clock = clock or VirtualClock()
        self._wall = wall or make_wall()
        self.threads = Sleepers(self)
        self._order = count()
        self._refused = False
        self._only_closes = False
        self._test = _test
        self._work: set[object] = set()
        self._executor_work: set[object] = set()
        self._visitors: list[tuple[float, int, asyncio.Future[None]]] = []
        self._rests = Rests()
        self._patient = PatientSelector(self._wait)
        super().__init__(self._patient)
        self._clock_resolution = RESOLUTION_SECONDS

    def time(self) -> float:
        """Give the virtual time in seconds."""
        return self.clock.now

    def run_forever(self) -> None:
        """Run with the wall clock frozen: outside, such as in a runner's report, time is real."""
        __tracebackhide__ = True
        if follow_another_thread():
            self._run_refused()
            return
        if self._test != _test:
            self._test = _test
            self.clock.begin()
        if self._only_closes:  # no code of the test's runs any more, and freezing takes longer than this
            self._only_closes = False
            super().run_forever()
            return
        with standard_clocks(self._wall, self.clock):
            super().run_forever()

    def _run_refused(self) -> None:
        __tracebackhide__ = True
        if not self._refused:
            self._refused = True
            raise UsageError(
                "a virtual loop runs on another thread already, and the clocks of the standard library can follow one "
                "of them: run the others after it, or in real time"
            )
        super().run_forever()  # only what is left to clean up

    def close(self) -> None:
        """Close, and let threads go that sleep in virtual time."""
        super().close()
        self.threads.wake_all()  # after it, so that nobody can fall asleep any more

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
        for work in (self._work, self._executor_work):
            work.add(done)
            done.add_done_callback(work.discard)
        return done

    def shutdown_asyncgens(self) -> Any:
        """Close the async generators that are left."""
        self._only_closes = not self.is_running() and not self._asyncgens and not asyncio.all_tasks(self)
        return super().shutdown_asyncgens()

    def shutdown_default_executor(
        self,
        timeout: float | None = None,  # noqa: ARG002 - 3.11 has none, later ones give one in virtual time
    ) -> Any:
        """Wait for threads that nobody waited for, STUCK_SECONDS really: a virtual time limit is over at once."""
        self._only_closes = not self.is_running() and self._default_executor is None
        return self._join_threads()

    async def _join_threads(self) -> None:
        self._executor_shutdown_called = True
        if self._default_executor is None:
            return
        joining = threading.Thread(target=self._default_executor.shutdown, daemon=True)
        joining.start()
        until = REAL_TIME.monotonic() + STUCK_SECONDS
        while joining.is_alive() and REAL_TIME.monotonic() < until:
            await asyncio.sleep(0)
            joining.join(0.005)
        if joining.is_alive():
            warnings.warn(f"threads that nobody waits for still block ({describe_threads()})", RuntimeWarning, 2)

    async def subprocess_exec(self, *_: Any, **__: Any) -> Any:
        """Raise RealIOError, also out of the loop if a handler turns it into a response: it lives in real time."""
        error = RealIOError("this test starts another process")
        self._patient.refuse(error)
        raise error

    subprocess_shell = subprocess_exec

    def work_began(self, work: object) -> None:
        """Hold the clock: this piece of work is being done outside the loop."""
        self._work.add(work)

    def work_ended(self, work: object) -> None:
        """Let the clock go, as far as this piece of work is concerned."""
        self._work.discard(work)

    def call_at_rest(self, moment: float, callback: Callable[[], object]) -> asyncio.Handle:
        """Call back at a moment, behind everything else that falls on it; alone, that does not go on for ever."""
        return self._rests.add(moment, callback, self)

    async def advance_to(self, moment: float) -> None:
        """Wait until the clock stands at this moment and everything has happened that falls before or on it."""
        reached = self.create_future()
        heapq.heappush(self._visitors, (moment, next(self._order), reached))
        await reached

    @property
    def sleepers(self) -> list[Sleeper]:
        """Who waits for the clock, the next one first."""
        return list_sleepers(self, self._scheduled)

    def _wait(self) -> Ready:
        __tracebackhide__ = True
        while self._visitors and self._visitors[0][-1].done():  # who stopped waiting must not move the clock
            heapq.heappop(self._visitors)
        if self._work or works_in_anyio(self):
            return self._wait_for_work()
        next_timer = self._next_timer()
        if (rest := self._rests.next_before(next_timer)) is not None and self._rest(rest):
            return []
        if self._visitors and (next_timer is None or self._visitors[0][0] < next_timer):
            moment, _, reached = heapq.heappop(self._visitors)
            self.clock.move_to(moment)
            reached.set_result(None)
            return []
        if next_timer is not None:
            self.clock.move_to(next_timer)
            return []
        ready = self._patient.wait_really(QUIET_SECONDS)
        if not ready and not self._work and not works_in_anyio(self):
            raise DeadlockError(describe_waiting(self))
        return ready

    def _rest(self, moment: float) -> bool:
        """Do what was set for a moment of rest; false for what comes behind a visitor, raises for what never ends."""
        __tracebackhide__ = True
        if self._visitors and self._visitors[0][0] < moment:
            return False
        handle = self._rests.take(alone=self._next_timer() is None and not self._visitors)
        if handle is None:
            raise DeadlockError(describe_waiting(self))
        self.clock.move_to(moment)
        self._add_callback(handle)
        return True

    def _next_timer(self) -> float | None:
        """When the next timer is due; None if there is none, or only one that is for ever, as `sleep(math.inf)` is."""
        when = self._scheduled[0].when() if self._scheduled else None
        return None if when is None or when >= self.clock.end else when

    def _wait_for_work(self) -> Ready:
        """Wait for threads: those of handlers while they get on, others for as long as no timer waits for them."""
        __tracebackhide__ = True
        timer_waits = self._next_timer() is not None or bool(self._visitors)
        if not timer_waits and (self._executor_work or works_in_anyio(self)):
            return self._patient.wait_really(None)
        computed = time.process_time()
        ready = self._patient.wait_really(STUCK_SECONDS)
        if ready or time.process_time() - computed >= STUCK_SECONDS * BUSY_SHARE:
            return ready
        where = f"for {STUCK_SECONDS:g} s a thread has blocked ({describe_threads()})"
        if timer_waits:
            raise RealIOError(f"{where} while a timer waits for the clock, which waits for the thread")
        raise RealIOError(f"{where}, and nothing else is under way")

    _asyncgens: weakref.WeakSet[AsyncGenerator[Any, Any]]
    _scheduled: list[asyncio.TimerHandle]
    _default_executor: Executor | None
    _check_closed: Callable[[], None]
    _add_callback: Callable[[asyncio.Handle], None]


class CurrentClock:
    """The clock of the virtual loop that runs now; raises LoopError outside of one."""

    @property
    def now(self) -> float:
        """Seconds since the test began."""
        clock = self._loop().clock
        return round(clock.now - clock.began, 9)

    @property
    def sleepers(self) -> list[Sleeper]:
        """Who waits for the clock, the next one first: `until` when, and `where`."""
        loop = self._loop()
        return [replace(each, until=round(each.until - loop.clock.began, 9)) for each in loop.sleepers]

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and let everything happen that falls into it."""
        if not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
            raise UsageError(f"virtual time advances by a number of seconds, 0 or more, not by {seconds!r}")
        loop = self._loop()
        if loop.clock.now + seconds >= loop.clock.end:
            raise UsageError(f"virtual time ends with the year 9999, and would be behind it after {seconds!r} seconds")
        await loop.advance_to(loop.clock.now + seconds)

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
