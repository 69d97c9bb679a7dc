"""What a run leaves behind: tasks, threads, open generators, missed `finally` blocks, and what probes see."""

import asyncio
import functools
import gc
import inspect
import sys
import weakref
from collections.abc import AsyncGenerator, Callable, Mapping
from types import AsyncGeneratorType, CodeType, GeneratorType
from typing import Any

from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import Invocation
from apptheory_testkit.deadlock import waiting_at
from apptheory_testkit.finally_blocks import (
    Generators,
    code_of,
    finally_around,
    first_finally,
    frame_of,
    generators_in,
    is_ours,
    place_in,
)
from apptheory_testkit.loop import VirtualLoop

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

    To the response it is an observer: it sees the body that the handler made.
    """

    def __init__(self, probes: Probes) -> None:
        """Nothing is looked at yet."""
        self._probes = probes
        self._invocation: Invocation | None = None
        self._unbegun: list[Generators] = []
        self._body: object = None
        self._begun: list[weakref.ref[AsyncGeneratorType[Any, Any]]] = []

    def attend(self, invocation: Invocation) -> None:
        """Take note of the invocation, whose threads must end."""
        self._invocation = invocation

    def body_made(self, body: object) -> None:
        """Take note of a body before it is asked for anything."""
        self._body = body
        self._unbegun = generators_in(body)

    def body_asked(self) -> None:
        """Take note that the body is now asked for its first chunk."""
        self._unbegun = []

    def begin(self) -> None:
        """Look at how things are before the run.

        The garbage collector waits until `findings`: a task that nobody holds is left too, and would
        be found in one run and not in the next.
        """
        self._values = {name: probe() for name, probe in self._probes.items()}
        self._collecting = gc.isenabled()
        gc.disable()
        self._tasks = asyncio.all_tasks()
        self._hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=self._generator_begins)

    async def findings(self) -> list[str]:
        """Give, a line each, what is not as it was before the run."""
        try:
            return await self._look()
        finally:
            if self._collecting:
                gc.enable()

    async def _look(self) -> list[str]:
        await self._settle()
        sys.set_asyncgen_hooks(*self._hooks)
        left = [*self._thread(), *self._left_tasks(), *await self._unclosed(), *self._finally_blocks()]
        left += self._changed_probes()
        await self._end_tasks()
        return left

    # -- looking ------------------------------------------------------------------------------

    def _generator_begins(self, generator: AsyncGenerator[Any, Any]) -> None:
        if self._hooks.firstiter is not None:
            self._hooks.firstiter(generator)
        if isinstance(generator, AsyncGeneratorType) and not is_ours(generator.ag_code):
            self._begun.append(weakref.ref(generator))

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

    def _new_tasks(self) -> list["asyncio.Task[Any]"]:
        tasks = asyncio.all_tasks() - self._tasks - {asyncio.current_task()}
        return sorted((task for task in tasks if task is not None), key=lambda task: task.get_name())

    def _left_tasks(self) -> list[str]:
        return [f"a task is left that waits at {waiting_at(task) or task.get_name()}" for task in self._new_tasks()]

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
        begun: list[Generators] = [generator for each in self._begun if (generator := each()) is not None]
        if isinstance(self._body, GeneratorType) and not self._unbegun and not is_ours(self._body.gi_code):
            begun.append(self._body)
        return [each for each in begun if frame_of(each) is not None]

    def _finally_blocks(self) -> list[str]:
        """Of bodies that never began: a `finally` that guards all of one is for what was there before it."""
        handlers = set() if self._invocation is None else _codes(self._invocation.handler)
        found: list[str] = []
        for generator in self._unbegun:
            code = code_of(generator)
            line = None if is_ours(code) or code in handlers else first_finally(code)
            if line is not None:
                found.append(f"the `finally` at {place_in(code, line)} did not run, because its body never began")
        return found

    def _changed_probes(self) -> list[str]:
        now = {name: probe() for name, probe in self._probes.items()}
        return [
            f"{f'the probe {name!r}' if name else 'the probe'} was {before!r} before and is {now[name]!r} after"
            for name, before in self._values.items()
            if now[name] != before
        ]

    async def _end_tasks(self) -> None:
        """Cancel what is left, so that the next run is not blamed for it."""
        tasks = self._new_tasks()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLEANUP_SECONDS)


def _until_next_sleeper() -> float:
    loop = asyncio.get_running_loop()
    sleepers = loop.sleepers if isinstance(loop, VirtualLoop) else []
    return max(0.0, sleepers[0].until - loop.time()) if sleepers else 0.0


def _unclosed_line(generator: Generators) -> str:
    code, frame = code_of(generator), frame_of(generator)
    line = code.co_firstlineno if frame is None else frame.f_lineno
    guard = finally_around(code, line)
    missed = "" if guard is None else f", and the `finally` at {place_in(code, guard)} did not run"
    return f"a generator is not closed: it stands at {place_in(code, line)}{missed}"


def _codes(handler: Any) -> set[CodeType]:
    """The code of a handler, behind partials, decorators, methods and `__call__`."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    function = handler if inspect.isroutine(handler) else type(handler).__call__
    chain = [function, inspect.unwrap(function)]
    return {each.__code__ for each in chain if hasattr(each, "__code__")}
