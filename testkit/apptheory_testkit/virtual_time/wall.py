"""The clocks of the standard library in virtual time: `time.time`, `datetime.now`, `time.monotonic` and so on."""

import datetime as dt
import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from apptheory_streaming.errors import UsageError
from apptheory_testkit.virtual_time.clock import NANOSECONDS, VirtualClock
from apptheory_testkit.virtual_time.rebinding import REAL_TIME, EarlyBindings, Swap, leave, settle
from apptheory_testkit.virtual_time.sleep import virtual_sleep

__all__ = [
    "FreezegunWall",
    "RealWall",
    "TimeMachineWall",
    "Wall",
    "WallKind",
    "follow_another_thread",
    "make_wall",
    "standard_clocks",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLY = EarlyBindings()

WALL = ("time", "time_ns", "localtime", "gmtime", "strftime")
STEADY = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")


class Wall(Protocol):
    """Freezes the wall clock at the moment of a virtual clock, and moves it with that clock."""

    def frozen(self, clock: VirtualClock, /) -> AbstractContextManager[list[Swap]]:
        """Freeze for as long as the context lasts; gives what modules may have bound early."""
        ...


class WallKind(StrEnum):
    """What freezes the wall clock."""

    FREEZEGUN = "freezegun"
    TIME_MACHINE = "time-machine"
    NONE = "none"
    """Nothing does: only the loop's own time is virtual."""


class RealWall:
    """Leaves the wall clock as it is."""

    @contextmanager
    def frozen(self, _clock: VirtualClock) -> Iterator[list[Swap]]:
        """Freeze nothing."""
        yield []


class FreezegunWall:
    """Freezes by freezegun, in whole microseconds.

    Left to itself, freezegun looks through all modules at each start, ten times as long as a small
    test takes.  What the test put in the place of a clock by itself, by a monkeypatch, stays.
    """

    @contextmanager
    def frozen(self, clock: VirtualClock) -> Iterator[list[Swap]]:
        """Freeze, and give what freezegun would have looked for."""
        from freezegun import api  # noqa: PLC0415 - slow, and only needed by tests that run in virtual time

        freezer = api.freeze_time(_moment(clock.wall_ns))
        freezer.ignore = ("",)  # a prefix of the name of every module, so that it looks through none
        places = _frozen_places(api)
        own = [place for place in places if not place.is_real]
        steady = [place for place in places if place.name in STEADY]
        frozen = freezer.start()
        try:
            api.ignore_lists[-1] = ()  # and nobody sees the real time for its place in the call stack
            for place in (*own, *steady):
                place.names[place.name] = place.bound
            with _following(clock, lambda wall_ns: frozen.move_to(_moment(wall_ns))):
                yield [place.swap for place in places if place.name not in STEADY]
        finally:
            own = [place for place in _frozen_places(api) if not place.is_real and not place.is_fake]
            _move_up(frozen, api.freeze_factories, api.ignore_lists, api.tick_flags, api.tz_offsets)
            freezer.stop()
            if api.freeze_factories:
                _let_end(type(freezer))
            for place in own:
                place.names[place.name] = place.bound
                if place.name not in STEADY:  # in the place of those there was ours, not freezegun's
                    leave(place.names, place.name, place.swap)


class TimeMachineWall:
    """Freezes by time-machine, which reaches every caller of the wall clock and is faster."""

    @contextmanager
    def frozen(self, clock: VirtualClock) -> Iterator[list[Swap]]:
        """Freeze; nothing is left to bind anew."""
        import time_machine  # noqa: PLC0415 - only needed by tests that run in virtual time

        travel = time_machine.travel(_moment(clock.wall_ns), tick=False)
        frozen = travel.start()
        try:
            with _following(clock, lambda wall_ns: frozen.move_to(_moment(wall_ns))):
                yield []
        finally:
            _move_up(frozen, time_machine.traveller_stack)
            travel.stop()


def make_wall(kind: WallKind | None = None) -> Wall:
    """Give the adapter of this kind; raises UsageError where it is not installed.

    Of two that are installed time-machine is taken: who installed it uses it, and freezegun came with us.
    """
    if kind is None:
        installed = (each for each in (WallKind.TIME_MACHINE, WallKind.FREEZEGUN) if _is_installed(each))
        kind = next(installed, WallKind.NONE)
    if kind is WallKind.NONE:
        return RealWall()
    if not _is_installed(kind):
        raise UsageError(f"the wall clock of virtual tests needs {kind}: pip install {kind}")
    return FreezegunWall() if kind is WallKind.FREEZEGUN else TimeMachineWall()


@contextmanager
def standard_clocks(wall: Wall, clock: VirtualClock) -> Iterator[None]:
    """Make the clocks of the standard library follow `clock` in all modules, and `time.sleep` in our threads.

    A wall clock that the test froze by itself stays the test's.
    """
    settle()
    if isinstance(wall, RealWall):
        with _EARLY.swapped([_SLEEP]):
            yield
        return
    theirs = _is_frozen()
    early = EarlyBindings() if theirs else _EARLY  # what modules have bound now is only theirs for a while
    running = _Running(threading.get_ident(), clock)
    _running.append(running)
    try:
        ours = [*_STEADY, *(_steady_under_freezegun() if theirs else ()), _SLEEP, Swap(time, REAL_TIME)]
        with (RealWall() if theirs else wall).frozen(clock) as swaps, early.swapped([*swaps, *ours]):
            yield
    finally:
        _running.remove(running)


def follow_another_thread() -> bool:
    """Whether the clocks of the standard library, of which a process has one, follow a loop on another thread."""
    return any(each.thread != threading.get_ident() for each in _running)


def _steady_clock(name: str) -> Callable[[], float]:
    """Make what stands in the place of a clock for good: code may have kept it when no virtual loop runs any more."""
    real: Callable[[], float] = getattr(REAL_TIME, name)
    in_nanoseconds = name.endswith("_ns")

    def steady_clock() -> float:
        if not _running:
            return real()
        nanoseconds = _running[-1].clock.monotonic_ns
        return nanoseconds if in_nanoseconds else nanoseconds / NANOSECONDS

    return steady_clock


@dataclass(frozen=True, slots=True, eq=False)
class _Running:
    """A virtual clock that the standard library follows, and the thread on which its loop runs."""

    thread: int
    clock: VirtualClock


_running: list[_Running] = []
_STEADY = [Swap(getattr(REAL_TIME, name), _steady_clock(name)) for name in STEADY]
_SLEEP = Swap(REAL_TIME.sleep, virtual_sleep)


def _steady_under_freezegun() -> list[Swap]:
    """The same in the places where a freeze of the test's own has put freezegun's."""
    api = sys.modules.get("freezegun.api")
    return [
        Swap(getattr(api, f"fake_{name}", None), swap.replacement) for name, swap in zip(STEADY, _STEADY, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Place:
    """A name that freezegun binds anew at its start, and what was bound to it before."""

    names: dict[str, Any]
    name: str
    bound: Any
    swap: Swap

    @property
    def is_real(self) -> bool:
        return self.bound is self.swap.original

    @property
    def is_fake(self) -> bool:
        return self.bound is self.swap.replacement


def _frozen_places(api: Any) -> list[_Place]:
    clocks = [(name, Swap(getattr(api, f"real_{name}"), getattr(api, f"fake_{name}"))) for name in (*WALL, *STEADY)]
    dates = [("datetime", Swap(api.real_datetime, api.FakeDatetime)), ("date", Swap(api.real_date, api.FakeDate))]
    return [
        _Place(module.__dict__, name, module.__dict__[name], swap)
        for module, swaps in ((time, clocks), (dt, dates))
        for name, swap in swaps
    ]


def _let_end(freezers: type) -> None:
    """Let a freeze end that began inside ours and outlives it: freezegun prepares only the outermost for being last."""
    for name in ("fake_names", "reals"):
        if not hasattr(freezers, name):
            setattr(freezers, name, {})


def _move_up(ours: object, stack: list[Any], *beside: list[Any]) -> None:
    """Put our freeze on top, which is what a library ends: the test may have begun one since, and not ended it."""
    place = next(number for number, each in enumerate(stack) if each is ours)
    for each in (stack, *beside):
        each.append(each.pop(place))


@contextmanager
def _following(clock: VirtualClock, follower: Callable[[int], object]) -> Iterator[None]:
    clock.follower = follower
    try:
        yield
    finally:
        clock.follower = None


def _is_frozen() -> bool:
    """Whether the test itself uses one of the two libraries around us."""
    freezegun, time_machine = sys.modules.get("freezegun.api"), sys.modules.get("time_machine")
    frozen = freezegun is not None and bool(freezegun.freeze_factories)
    return frozen or (time_machine is not None and time_machine.escape_hatch.is_travelling())


def _is_installed(kind: WallKind) -> bool:
    return importlib.util.find_spec(kind.replace("-", "_")) is not None


def _moment(wall_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=wall_ns // 1000)
