"""The report for a test in which nothing can ever happen again: which task waits where."""

import asyncio
import gc
from types import AsyncGeneratorType, CoroutineType, FrameType
from typing import Any

from apptheory_streaming.errors import UsageError
from apptheory_testkit.places import is_library, is_ours, place_of

__all__ = ["DeadlockError", "describe_waiting", "waiting_at"]


_REMEDY = 'let the test run in real time: @pytest.mark.streaming(clock="real")'


class DeadlockError(UsageError):
    """Every task waits for something that nothing will bring; the message lists where each waits."""

    name = "DeadlockError"
    remedy = _REMEDY
    """The part of the message that is for tests alone."""


def describe_waiting(loop: asyncio.AbstractEventLoop) -> str:
    """Say which task waits where, written `handlers.py:35`."""
    tasks = sorted((task for task in asyncio.all_tasks(loop) if not task.done()), key=lambda task: task.get_name())
    waits = [(task.get_name(), _waits(task)) for task in tasks]
    rows = [f"  {name} waits {where}" for name, where in waits if where is not None]
    return (
        "deadlock in virtual time: no timer is set, no work is under way and no I/O came, so nothing will happen "
        "any more.\n" + "".join(f"{row}\n" for row in rows) + f"Set what is waited for, or {_REMEDY}."
    )


def _waits(task: "asyncio.Task[Any]") -> str | None:
    """Where a task waits; None for one of ours or of a library, which is nobody's mistake."""
    place = waiting_at(task)
    if place is not None:
        return f"at {place}"
    coroutine: Any = task.get_coro()
    code = getattr(coroutine, "cr_code", None)
    made_by_a_library = code is None or is_ours(code) or "site-packages" in code.co_filename
    return None if made_by_a_library else f"in {coroutine.__qualname__}"  # such as create_task(event.wait())


def waiting_at(task: "asyncio.Task[Any]") -> str | None:
    """Give the innermost place, in neither the standard library nor our own, at which a task is suspended."""
    places = [place for place in _chain(task.get_coro()) if place is not None]
    return places[-1] if places else None


def _chain(awaitable: Any) -> list[str | None]:
    """The places from the outermost coroutine to the innermost."""
    places: list[str | None] = []
    for _ in range(100):  # a chain of awaits, never a loop, but not ours to trust
        if isinstance(awaitable, CoroutineType):
            places.append(_place(awaitable.cr_frame))
            awaitable = awaitable.cr_await
        elif isinstance(awaitable, AsyncGeneratorType):
            places.append(_place(awaitable.ag_frame))
            awaitable = awaitable.ag_await
        else:
            awaitable = _behind(awaitable)
        if awaitable is None:
            break
    return places


def _behind(awaitable: Any) -> Any:
    """The generator behind an opaque `asend`, which only the collector can name."""
    if type(awaitable).__name__ not in ("async_generator_asend", "async_generator_athrow"):
        return None
    return next((each for each in gc.get_referents(awaitable) if isinstance(each, AsyncGeneratorType)), None)


def _place(frame: FrameType | None) -> str | None:
    return None if frame is None or is_library(frame.f_code) else place_of(frame.f_code, frame.f_lineno)
