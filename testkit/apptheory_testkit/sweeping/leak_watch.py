"""What a run leaves behind: tasks, threads, open generators, missed `finally` blocks, and what probes see."""

import asyncio
import functools
import gc
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import CodeType, GeneratorType
from typing import Any

from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import Invocation
from apptheory_testkit.places import is_ours, place_of
from apptheory_testkit.sweeping.finally_blocks import (
    Generators,
    finally_around,
    frame_of,
    generator_code,
    generators_in,
    guarding_finally,
)
from apptheory_testkit.sweeping.run_work import RunWork
from apptheory_testkit.virtual_time.deadlock import waiting_at
from apptheory_testkit.virtual_time.loop import VirtualLoop

__all__ = ["LeakWatch", "Leaks", "Probes", "probes_of"]

Probe = Callable[[], object]
Leaks = Probe | Mapping[str, Probe] | None
"""What the keyword `leaks` takes: a function that gives something to compare, or several by name."""

Probes = Mapping[str, Probe]

TURNS = 20
"""So many turns of the loop may what ends with a response still take."""

CLEANUP_SECONDS = 5.0
"""How long a thread of a cancelled handler may take in real time, and a task that is left once it is cancelled."""

JOIN_SECONDS = 0.002


def probes_of(leaks: Leaks) -> Probes:
    """Give the probes by name; raises UsageError for what is none."""
    probes: Any = {} if leaks is None else leaks if isinstance(leaks, Mapping) else {"": leaks}
    for name, probe in probes.items():
        if not callable(probe):
            raise UsageError(
                f"leaks{f'[{name!r}]' if name else ''} must be a function without arguments, such as "
                f"`lambda: pool.in_use`, not {probe!r}"
            )
    return dict(probes)


class LeakWatch:
    """Looks before a run and after it; `begin` and `findings` are called on the loop of the run.

    Of what goes on there it looks at what began inside `mine`, where the request is sent; probes
    look at what they look at.  To the response it is an observer: it sees the body that the handler
    made.
    """

    def __init__(self, probes: Probes) -> None:
        """Nothing is looked at yet."""
        self._probes = probes
        self._work = RunWork()
        self._invocation: Invocation | None = None
        self._body: object = None
        self._body_begun = False
        self._guards: list[str] = []

    def attend(self, invocation: Invocation) -> None:
        """Take note of the invocation, whose thread must end."""
        self._invocation = invocation

    def body_made(self, body: object) -> None:
        """Take note of a body before it is asked for anything, and of what would be missed if it never is."""
        self._body = body
        self._guards = [line for each in generators_in(body) if not self._has_begun(each) for line in self._guard(each)]

    def body_asked(self) -> None:
        """Take note that the body is now asked for its first chunk."""
        self._body_begun = True

    def begin(self) -> None:
        """Look at how things are before the run."""
        self._values = {name: probe() for name, probe in self._probes.items()}
        self._work.begin()

    def mine(self) -> AbstractContextManager[None]:
        """Give a block in which the run begins: what begins there belongs to it."""
        return self._work.mine()

    async def findings(self) -> list[str]:
        """Give, a line each, what is not as it was before the run."""
        try:
            return await self._look()
        finally:
            self._work.end()

    # -- looking ------------------------------------------------------------------------------

    async def _look(self) -> list[str]:
        await self._settle()
        left = [*self._thread(), *self._left_tasks(), *await self._unclosed()]
        if not self._body_begun:
            left += self._guards
        left += self._changed_probes()
        await self._end_tasks()
        return left

    async def _settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        for _ in range(round(CLEANUP_SECONDS / JOIN_SECONDS)):
            if self._invocation is None or not self._invocation.thread_runs:
                break
            self._invocation.join_thread(JOIN_SECONDS)  # really, for one that computes
            await asyncio.sleep(_until_next_sleeper())  # in the time of the loop, for one that sleeps in it

    def _thread(self) -> list[str]:
        runs = self._invocation is not None and self._invocation.thread_runs
        return ["the thread of the handler still runs"] if runs else []

    def _left_tasks(self) -> list[str]:
        return [f"a task is left that waits at {waiting_at(task) or task.get_name()}" for task in self._tasks()]

    def _tasks(self) -> list["asyncio.Task[Any]"]:
        current = asyncio.current_task()
        return [task for task in self._work.tasks if task is not current]

    async def _unclosed(self) -> list[str]:
        found = self._open_generators()
        if found:  # perhaps only because they wait for the collector
            found.clear()
            gc.collect()
            for _ in range(TURNS):
                await asyncio.sleep(0)
            found = self._open_generators()
        return [_unclosed_line(generator) for generator in found]

    def _open_generators(self) -> list[Generators]:
        begun: list[Generators] = list(self._work.generators)
        if isinstance(self._body, GeneratorType) and self._body_begun:
            begun.append(self._body)
        return [each for each in begun if frame_of(each) is not None and not is_ours(generator_code(each))]

    def _has_begun(self, generator: Generators) -> bool:
        """Whether a generator was asked for something before, such as by its handler."""
        if isinstance(generator, GeneratorType):
            return inspect.getgeneratorstate(generator) != inspect.GEN_CREATED
        return generator in self._work.generators  # Python 3.11 does not tell

    def _guard(self, generator: Generators) -> list[str]:
        """Say which `finally` of a body is missed if the body never begins; a handler had nothing before it."""
        code = generator_code(generator)
        handlers = set() if self._invocation is None else _codes(self._invocation.handler)
        line = None if is_ours(code) or code in handlers else guarding_finally(generator)
        missed = "" if line is None else place_of(code, line)
        return [f"the `finally` at {missed} did not run, because its body never began"] if missed else []

    def _changed_probes(self) -> list[str]:
        now = {name: probe() for name, probe in self._probes.items()}
        return [
            f"{f'the probe {name!r}' if name else 'the probe'} was {before!r} before and is {now[name]!r} after"
            for name, before in self._values.items()
            if now[name] != before
        ]

    async def _end_tasks(self) -> None:
        """Cancel what is left, so that the next run is not blamed for it."""
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLEANUP_SECONDS)


def _until_next_sleeper() -> float:
    loop = asyncio.get_running_loop()
    sleepers = loop.sleepers if isinstance(loop, VirtualLoop) else []
    return max(0.0, sleepers[0].until - loop.time()) if sleepers else 0.0


def _unclosed_line(generator: Generators) -> str:
    code, frame = generator_code(generator), frame_of(generator)
    line = code.co_firstlineno if frame is None else frame.f_lineno
    guard = finally_around(code, line)
    missed = "" if guard is None else f", and the `finally` at {place_of(code, guard)} did not run"
    return f"a generator is not closed: it stands at {place_of(code, line)}{missed}"


def _codes(handler: Any) -> set[CodeType]:
    """The code of a handler, behind partials, decorators, methods and `__call__`."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    function = handler if inspect.isroutine(handler) else type(handler).__call__
    chain = [function, inspect.unwrap(function)]
    return {each.__code__ for each in chain if hasattr(each, "__code__")}
