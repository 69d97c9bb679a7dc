"""The report for a test in which nothing can ever happen again: which task waits where."""

import asyncio
import gc
from pathlib import Path
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType
from typing import Any

import apptheory_streaming
from apptheory_streaming.errors import UsageError

__all__ = ["DeadlockError", "describe_waiting", "innermost_place", "waiting_at"]


class DeadlockError(UsageError):
    """Every task waits for something that nothing will bring; the message lists where each waits."""

    name = "DeadlockError"


def describe_waiting(loop: asyncio.AbstractEventLoop) -> str:
    """Say which task waits where, written `handlers.py:35`."""
    tasks = sorted((task for task in asyncio.all_tasks(loop) if not task.done()), key=lambda task: task.get_name())
    places = [(task.get_name(), waiting_at(task)) for task in tasks]
    rows = [f"  {name} waits at {place}" for name, place in places if place is not None]
    return (
        "deadlock in virtual time: no timer is set, no work is under way and no I/O came, so nothing will happen "
        "any more.\n" + "\n".join(rows) + "\nSet what is waited for, or let the test run in real time: "
        '@pytest.mark.streaming(clock="real").'
    )


def waiting_at(task: "asyncio.Task[Any]") -> str | None:
    """Give the innermost place, in neither the standard library nor our own, at which a task is suspended."""
    places = [place for place in _chain(task.get_coro()) if place is not None]
    return places[-1] if places else None


def innermost_place(frame: FrameType | None) -> str:
    """Give the place, in neither the standard library nor our own code, that a running thread has reached."""
    while frame is not None:
        if (place := _place(frame)) is not None:
            return place
        frame = frame.f_back
    return "a library"


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
    if frame is None or _is_library(frame.f_code):
        return None
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


_STANDARD = str(Path(asyncio.__file__).parent.parent)
_OURS = (str(Path(apptheory_streaming.__file__).parent), str(Path(__file__).parent))


def _is_library(code: CodeType) -> bool:
    name = code.co_filename
    return name.startswith((*_OURS, "<frozen")) or (name.startswith(_STANDARD) and "site-packages" not in name)
