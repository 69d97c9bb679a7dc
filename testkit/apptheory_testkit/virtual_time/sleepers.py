"""Who waits for the virtual clock, until when, and where."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apptheory_testkit.places import place_of
from apptheory_testkit.virtual_time.deadlock import waiting_at
from apptheory_testkit.virtual_time.sleep import SleepingThread

__all__ = ["Sleeper", "list_sleepers"]


@dataclass(frozen=True, slots=True)
class Sleeper:
    """One timer: `until` in seconds of the virtual clock, and `where` who set it stands, written `handlers.py:35`."""

    until: float
    where: str

    def __str__(self) -> str:
        return f"{self.where} until {self.until:g} s"


def list_sleepers(loop: asyncio.AbstractEventLoop, timers: Iterable[asyncio.TimerHandle]) -> list[Sleeper]:
    """Name the sleepers of these timers, the next one first."""
    futures = ((getattr(each, "_fut_waiter", None), each) for each in asyncio.all_tasks(loop))
    waiting = {id(future): each for future, each in futures if future is not None}
    return [Sleeper(each.when(), _where(each, waiting)) for each in sorted(timers) if not each.cancelled()]


def _where(timer: asyncio.TimerHandle, waiting: dict[int, "asyncio.Task[Any]"]) -> str:
    callback, arguments = timer._callback, timer._args  # type: ignore[attr-defined]  # noqa: SLF001
    task = next((waiting[id(each)] for each in arguments if id(each) in waiting), None)
    if task is not None:
        return waiting_at(task) or task.get_name()
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, SleepingThread):
        return owner.where
    if isinstance(task := getattr(owner, "_task", None), asyncio.Task):  # asyncio.timeout
        return waiting_at(task) or task.get_name()
    code = getattr(getattr(callback, "__func__", callback), "__code__", None)
    if code is None:
        return repr(callback)
    return place_of(code, code.co_firstlineno)
