"""Sync handlers: a thread of their own, and how a loop on virtual time knows what it does."""

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

__all__ = ["HandlerCall", "HandlerThread", "StartWork", "WorkCounter", "handler_call", "is_real_time", "start_thread"]

_T = TypeVar("_T")

_here = threading.local()


class WorkCounter(Protocol):
    """A loop that must know what goes on outside it: one on virtual time, whose clock stands still meanwhile."""

    def work_began(self, work: object) -> None:
        """Hold the clock for this piece of work; calling it twice is calling it once."""
        ...

    def work_ended(self, work: object) -> None:
        """Let the clock go, as far as this piece of work is concerned."""
        ...


@dataclass(frozen=True, slots=True)
class HandlerCall:
    """A call that runs on a thread: for which loop, and the future that is done when nobody waits for it any more."""

    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Any]"

    def pause(self) -> None:
        """Say, from any thread, that the call waits and is no work."""
        if (counter := _counter_of(self.loop)) is not None:
            self.loop.call_soon_threadsafe(counter.work_ended, self.done)

    def resume(self) -> None:
        """Say, on the loop, that the call goes on."""
        if not self.done.done() and (counter := _counter_of(self.loop)) is not None:
            counter.work_began(self.done)


def handler_call() -> HandlerCall | None:
    """Give the call that this thread runs; None on any thread that is not ours."""
    return getattr(_here, "call", None)


_UNSET = object()

StartWork = Callable[[Callable[[], None]], threading.Thread | None]
"""Runs something that may block, beside the loop; gives the thread that was started for it, if one was."""


def start_thread(work: Callable[[], None]) -> threading.Thread:
    """Run `work` on a new daemon thread."""
    thread = threading.Thread(target=work, daemon=True, name="handler")
    thread.start()
    return thread


class HandlerThread:
    """One daemon thread for all that may block in one invocation, so thread-bound objects work.

    A daemon, and never joined: a handler that sleeps must not hold up a timeout or the exit.
    """

    def __init__(self, start: StartWork = start_thread) -> None:
        """Start nothing until the first call."""
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._start = start
        self._started = False
        self._thread: threading.Thread | None = None
        self.closed = False

    @property
    def runs(self) -> bool:
        """Whether the thread was started and has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait for the end of the thread, at most so many real seconds."""
        if self._thread is not None:
            self._thread.join(seconds)

    async def run(self, function: Callable[[], _T], *, discard: Callable[[_T], object] | None = None) -> _T:
        """Call the function on the thread, with context variables as if it were called here.

        Cancelling the wait leaves the call to itself; `discard` then gets what it returns.
        """
        if self.closed:
            raise RuntimeError("the handler was stopped; its thread takes no more calls")
        if not self._started:
            self._started = True
            self._thread = self._start(self._work)
        context = contextvars.copy_context()
        done: asyncio.Future[_T] = self._loop.create_future()
        if (counter := _counter_of(self._loop)) is not None:
            counter.work_began(done)
            done.add_done_callback(counter.work_ended)
        self._jobs.put(_Job(lambda: context.run(function), done, discard))
        try:
            return await done
        except asyncio.CancelledError:
            if done.done() and not done.cancelled() and done.exception() is None and discard is not None:
                discard(done.result())  # it came in the same turn of the loop as the cancelling
            raise
        finally:
            if not done.cancelled():
                _take_over(context)

    def close(self) -> None:
        """Let the thread end once its current call is over."""
        self.closed = True
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            _here.call = HandlerCall(self._loop, job.done)
            result, error = _outcome(job.function)
            if job.done.cancelled():  # given up here, where what it holds belongs
                job.drop(result, error)
                continue
            try:
                self._loop.call_soon_threadsafe(job.settle, result, error)
            except RuntimeError:  # the loop was closed while the handler ran on: nobody waits any more
                job.drop(result, error)
                return


@dataclass(frozen=True, slots=True)
class _Job:
    """A call for the thread, and who waits for it."""

    function: Callable[[], Any]
    done: asyncio.Future[Any]
    discard: Callable[[Any], object] | None

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Hand over what the call gave; on the loop."""
        if self.done.done():
            self.drop(result, error)
        elif error is None:
            self.done.set_result(result)
        else:
            self.done.set_exception(error)

    def drop(self, result: Any, error: BaseException | None) -> None:
        """Give up a result that came too late."""
        if error is None and self.discard is not None:
            self.discard(result)


def is_real_time(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the clock of a loop is the real one, which runs on while a thread works."""
    return _counter_of(loop) is None


def _counter_of(loop: asyncio.AbstractEventLoop) -> WorkCounter | None:
    return cast("WorkCounter", loop) if hasattr(loop, "work_began") else None


def _outcome(function: Callable[[], _T]) -> tuple[_T | None, BaseException | None]:
    """What a call gave; an exception of any kind travels to the loop, which decides."""
    try:
        return function(), None
    except StopIteration as error:  # a future cannot hold one
        return None, RuntimeError(f"the handler raised StopIteration: {error}")
    except BaseException as error:  # noqa: BLE001 - it comes out of the future
        return None, error


def _take_over(context: contextvars.Context) -> None:
    """Set here what a call set in its copy of the context, as if it had run here."""
    for variable, value in context.items():
        if variable.get(_UNSET) is not value:
            variable.set(value)
