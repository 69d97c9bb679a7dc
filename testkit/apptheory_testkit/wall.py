"""The wall clock in virtual time: what `time.time`, `time.monotonic` and `datetime.now` say."""

import importlib.util
import queue
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from apptheory_testkit.clock import VirtualClock

__all__ = ["FreezegunWall", "RealWall", "Wall", "default_wall"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Wall(Protocol):
    """Freezes the wall clock at the moment of a virtual clock, and moves it with that clock."""

    def frozen(self, clock: VirtualClock, /) -> AbstractContextManager[None]:
        """Freeze for as long as the context lasts."""
        ...


class RealWall:
    """Leaves the wall clock as it is: only the loop's own time is virtual."""

    @contextmanager
    def frozen(self, _clock: VirtualClock) -> Iterator[None]:
        """Freeze nothing."""
        yield


class FreezegunWall:
    """Freezes by freezegun, which also reaches names that were bound early (`from time import time`).

    freezegun looks through all modules when it starts, about ten milliseconds; its resolution is
    a microsecond.
    """

    @contextmanager
    def frozen(self, clock: VirtualClock) -> Iterator[None]:
        """Freeze every clock of the standard library but those by which threads wait for each other."""
        import freezegun  # noqa: PLC0415 - slow, and only needed by tests that run in virtual time

        settings = freezegun.config.settings
        # freezegun lets `threading` see the real time; a handler on a thread must see the virtual one.
        usual = settings.default_ignore_list
        settings.default_ignore_list = [name for name in usual if name not in ("threading", "queue")]
        try:
            freezer = freezegun.freeze_time(_moment(clock.wall_ns))
        finally:
            settings.default_ignore_list = usual
        real = [(module, dict(vars(module))) for module in (threading, queue)]
        with freezer as frozen:
            for module, names in real:  # or waiting with a timeout, on any thread, would never end
                vars(module).update(names)
            clock.follower = lambda wall_ns: frozen.move_to(_moment(wall_ns))
            try:
                yield
            finally:
                clock.follower = None


def default_wall() -> Wall:
    """Give the freezegun adapter where freezegun is installed."""
    return RealWall() if importlib.util.find_spec("freezegun") is None else FreezegunWall()


def _moment(wall_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=wall_ns // 1000)
