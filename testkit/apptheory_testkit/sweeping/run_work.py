"""Which tasks and async generators belong to one run of a sweep, among all that go on beside it on the loop."""

import asyncio
import sys
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import AsyncGeneratorType
from typing import Any, ClassVar, Optional

__all__ = ["RunWork"]

_run: ContextVar[Optional["RunWork"]] = ContextVar("sweep_run", default=None)
"""The run in whose context code runs; tasks, callbacks and threads take it along."""


class RunWork:
    """The tasks and async generators of one run: those that begin inside `mine`, and those that these begin.

    A task is held until it is done: the loop alone would let one that nobody holds be collected
    before it is looked for.  What a worker does for a run is the worker's, if it was there before.
    """

    def __init__(self) -> None:
        """Nothing is noted before `begin`."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._generators: list[weakref.ref[AsyncGeneratorType[Any, Any]]] = []
        self._hooks: _LoopHooks | None = None

    def begin(self) -> None:
        """Note from now on what begins; on the loop of the run."""
        self._hooks = _LoopHooks.of(asyncio.get_running_loop())
        self._hooks.enter()

    def end(self) -> None:
        """Note nothing more."""
        if self._hooks is not None:
            self._hooks.leave()
            self._hooks = None

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Let what begins in this block belong to the run."""
        token = _run.set(self)
        try:
            yield
        finally:
            _run.reset(token)

    @property
    def tasks(self) -> list["asyncio.Task[Any]"]:
        """The tasks that are not done, by name."""
        return sorted((task for task in self._tasks if not task.done()), key=lambda task: task.get_name())

    @property
    def generators(self) -> list[AsyncGeneratorType[Any, Any]]:
        """The async generators that somebody still holds."""
        return [generator for each in self._generators if (generator := each()) is not None]

    def note_task(self, task: "asyncio.Task[Any]") -> None:
        """Count a task in until it is done."""
        if not task.done():  # as one that began eagerly may be
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def note_generator(self, generator: AsyncGeneratorType[Any, Any]) -> None:
        """Count a generator in for as long as somebody holds it."""
        self._generators.append(weakref.ref(generator))


class _LoopHooks:
    """Hears of each new task and async generator of a loop while any run is under way, and tells the run that it is of.

    One for all runs on a loop: they may overlap, and the hooks are taken back only behind the last.
    """

    _in_use: ClassVar[dict[asyncio.AbstractEventLoop, "_LoopHooks"]] = {}

    def __init__(self) -> None:
        self._runs = 0
        self._factory: Any = None
        self._firstiter: Callable[[AsyncGenerator[Any, Any]], None] | None = None

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> "_LoopHooks":
        return cls._in_use.setdefault(loop, cls())

    def enter(self) -> None:
        self._runs += 1
        if self._runs > 1:
            return
        loop = asyncio.get_running_loop()
        self._factory = loop.get_task_factory()
        loop.set_task_factory(self._make_task)
        self._firstiter = sys.get_asyncgen_hooks().firstiter
        sys.set_asyncgen_hooks(firstiter=self._generator_begins)

    def leave(self) -> None:
        """Give the loop back what it had, unless somebody has put something else there since."""
        self._runs -= 1
        if self._runs:
            return
        loop = asyncio.get_running_loop()
        del self._in_use[loop]
        if loop.get_task_factory() == self._make_task:
            loop.set_task_factory(self._factory)
        if sys.get_asyncgen_hooks().firstiter == self._generator_begins:
            sys.set_asyncgen_hooks(firstiter=self._firstiter)

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        make = self._factory
        task = asyncio.Task(coro, loop=loop, **options) if make is None else make(loop, coro, **options)
        run = _run.get()
        if run is not None:
            run.note_task(task)
        return task

    def _generator_begins(self, generator: AsyncGenerator[Any, Any]) -> None:
        if self._firstiter is not None:
            self._firstiter(generator)
        run = _run.get()
        if run is not None and isinstance(generator, AsyncGeneratorType):
            run.note_generator(generator)
