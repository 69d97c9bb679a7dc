"""A whole test as a sweep: run again and again, each time with a fault at another event of one of its requests."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from apptheory_streaming.errors import UsageError
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.faults.plan import FaultPlan
from apptheory_testkit.sweeping.leak_watch import LeakWatch, Probes
from apptheory_testkit.sweeping.positions import Position, positions_of
from apptheory_testkit.sweeping.sweep import Disturbance, FaultFactory, Findings, disturbances
from apptheory_testkit.transports.live import LiveStream

__all__ = ["SweptTest", "current_swept_test"]

_current: ContextVar["SweptTest | None"] = ContextVar("swept_test", default=None)

Keep = Callable[[StreamCapture], StreamCapture]
"""Hands a capture to those who judge the test."""


def current_swept_test() -> "SweptTest | None":
    """Give the sweep of the test that runs here, if there is one."""
    return _current.get()


@dataclass(slots=True)
class _Seen:
    """A request of the undisturbed run."""

    what: str
    request_id: str = ""
    positions: Sequence[Position] = ()


@dataclass(frozen=True, slots=True)
class _Target:
    """The request that is disturbed in a run, and how."""

    number: int
    disturbance: Disturbance


class SweptTest:
    """The requests of one test function, and the one that is disturbed in this run.

    `undisturbed` is the block of the first run.  `runs` then gives a block for each of the others:
    what the test raises in there after its request was disturbed does not count.
    """

    def __init__(self, fault: FaultFactory, probes: Probes) -> None:
        """Disturb by `fault`, and look at `probes`."""
        self._fault = fault
        self._probes = probes
        self._seen: list[_Seen] = []
        self._count = 0
        self._target: _Target | None = None
        self._reached = False
        self._findings = Findings()

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Watch the first run."""
        with self._running(None):
            yield

    def runs(self) -> Iterator[AbstractContextManager[None]]:
        """Give the blocks of the disturbed runs; raises UsageError when there is nothing to disturb."""
        if not self._seen:
            raise UsageError("a sweep needs a request to disturb: let the test make one with stream_client")
        for number, seen in enumerate(tuple(self._seen)):
            for disturbance in disturbances(self._fault, seen.positions, seen.request_id):
                yield self._disturbed(_Target(number, disturbance))

    @property
    def problems(self) -> str | None:
        """Everything that was found, as one message."""
        return self._findings.message("this test") if self._findings.lines else None

    # -- what a client calls ------------------------------------------------------------------

    async def exchange(
        self,
        what: str,
        send: Callable[[FaultPlan | None], Awaitable[StreamCapture]],
        faults: FaultPlan | None,
        keep: Keep,
    ) -> StreamCapture:
        """Send a request of the test, disturbed if it is the one."""
        number = self._next()
        if self._target is None:
            seen = _Seen(what)
            self._seen.append(seen)
            return keep(_noted(seen, await send(faults)))
        plan = self._plan(number, faults)
        if number != self._target.number:
            return await send(plan)
        self._reached = True
        disturbance = replace(self._target.disturbance, plan=plan)
        return await self._findings.disturb(send, disturbance, self._probes, where=self._where(number))

    def open(
        self, what: str, begin: Callable[[FaultPlan | None], LiveStream], faults: FaultPlan | None, keep: Keep
    ) -> LiveStream:
        """Open a live stream of the test, disturbed if it is the one."""
        number = self._next()
        if self._target is None:
            seen = _Seen(what)
            self._seen.append(seen)
            live = begin(faults)
            live.on_capture = lambda capture: keep(_noted(seen, capture))
            return live
        plan = self._plan(number, faults)
        if number != self._target.number:
            return begin(plan)
        watch = LeakWatch(self._probes)
        live = begin(replace(plan, observer=watch))
        live.on_enter = self._begin_live(watch)
        live.on_exit = self._end_live(watch, replace(self._target.disturbance, plan=plan))
        return live

    # -- one run ------------------------------------------------------------------------------

    def _next(self) -> int:
        self._count += 1
        return self._count - 1

    def _plan(self, number: int, faults: FaultPlan | None) -> FaultPlan:
        """The faults of the test itself, those of the sweep, and the request id of the first run."""
        plan = faults or FaultPlan()
        assert self._target is not None
        if number == self._target.number:
            ours = self._target.disturbance.plan
            plan = replace(
                ours,
                strikes=(*plan.strikes, *ours.strikes),
                readings=(*plan.readings, *ours.readings),
                bounds=(*plan.bounds, *ours.bounds),
            )
        if number < len(self._seen):
            plan = replace(plan, request_id=self._seen[number].request_id)
        return plan

    def _where(self, number: int) -> str:
        return f"request {number + 1} ({self._seen[number].what}), "

    def _begin_live(self, watch: LeakWatch) -> Callable[[], AbstractContextManager[None]]:
        def begin() -> AbstractContextManager[None]:
            self._reached = True
            self._findings.runs += 1
            watch.begin()
            return watch.mine()

        return begin

    def _end_live(self, watch: LeakWatch, disturbance: Disturbance) -> Callable[[], Awaitable[None]]:
        async def end() -> None:
            where = f"{self._where(self._target.number)}{disturbance}" if self._target is not None else ""
            self._findings.lines += [f"{where}: {line}" for line in await watch.findings()]

        return end

    @contextmanager
    def _running(self, target: _Target | None) -> Iterator[None]:
        self._target, self._count, self._reached = target, 0, False
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    @contextmanager
    def _disturbed(self, target: _Target) -> Iterator[None]:
        error: BaseException | None = None
        with self._running(target):
            try:
                yield
            except (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
                raise
            except BaseException as raised:  # noqa: BLE001 - pytest's own outcomes too: it speaks of another run
                error = raised
        if not self._reached:
            self._missed(target, error)

    def _missed(self, target: _Target, error: BaseException | None) -> None:
        """Take down a run that did not come to its request: the test is not the same each time."""
        why = "the test made fewer requests" if error is None else f"{type(error).__name__}: {error}".splitlines()[0]
        self._findings.runs += 1
        self._findings.lines.append(
            f"{self._where(target.number)}{target.disturbance}: this run did not come to it: {why}"
        )


def _noted(seen: _Seen, capture: StreamCapture) -> StreamCapture:
    seen.request_id, seen.positions = capture.request_id, positions_of(capture)
    return capture
