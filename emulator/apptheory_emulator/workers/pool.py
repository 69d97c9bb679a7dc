"""The workers of one function on one loop: started when they are needed, kept warm, never shared."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Self

from apptheory_emulator.workers.guard import guard
from apptheory_emulator.workers.instance import WorkerInstance
from apptheory_emulator.workers.process import POLITE_SECONDS
from apptheory_emulator.workers.program import WorkerProgram
from apptheory_emulator.workers.reload import FileWatch
from apptheory_streaming.errors import Throttled, UsageError

__all__ = ["DEFAULT_CONCURRENCY", "DEFAULT_IDLE_SECONDS", "WorkerPool"]

DEFAULT_CONCURRENCY = 10
DEFAULT_IDLE_SECONDS = 300.0
FINISHING_SECONDS = 1.0
"""How long a request waits for a worker that has answered but has not asked for the next invocation."""


class WorkerPool:
    """Gives each invocation a worker of its own; entered when the first is started, it leaves no process behind.

    A worker is in one of three places: idle, finishing (it has answered), or with whoever acquired it.
    """

    def __init__(self, program: WorkerProgram, *, concurrency: int, idle_seconds: float, reload: bool = False) -> None:
        """Start nothing yet; a worker that nobody needs for `idle_seconds` is ended.

        With `reload` all are replaced when a file of the function changes.
        """
        self._program = program
        self._concurrency = concurrency
        self._idle_seconds = idle_seconds
        self._counted: set[WorkerInstance] = set()
        self._idle: dict[WorkerInstance, asyncio.TimerHandle] = {}  # the most recently used last
        self._finishing: set[WorkerInstance] = set()
        self._open: set[WorkerInstance] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._waiters: set[asyncio.Future[None]] = set()
        self._entered = asyncio.Event()
        self._closed = False
        self._files = FileWatch(program.task_root) if reload else None
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        guard.enter()
        self._entered.set()
        if self._files is not None:
            self._watching = asyncio.get_running_loop().create_task(self._files.follow(self.replace_all))
        return self

    async def __aexit__(self, *exception: object) -> None:
        try:
            await self.close()
        finally:
            guard.leave()

    async def acquire(self) -> WorkerInstance:
        """Give a worker that runs nothing, perhaps one to be started; raises Throttled when there are enough.

        One that is about to be free is waited for, for a moment: the client of its last invocation
        may be faster than its runtime.
        """
        await self._entered.wait()  # a loop that ends before that would leave the worker to nobody
        loop = asyncio.get_running_loop()
        until = loop.time() + FINISHING_SECONDS
        while not self._closed:
            if (worker := self._take_idle()) is not None:
                return worker
            left = until - loop.time()
            if left <= 0 or len(self._waiters) >= len(self._finishing):
                return self._new()
            await self._change(left)
        raise UsageError(f"the worker of {self._program.name} is closed")

    def finishing(self, worker: WorkerInstance) -> None:
        """Say that a worker has answered, and will soon be free."""
        self._finishing.add(worker)

    def release(self, worker: WorkerInstance) -> None:
        """Keep a worker for the next invocation; one that was replaced in the meantime is ended."""
        self._finishing.discard(worker)
        if worker in self._counted and worker.alive:
            timer = asyncio.get_running_loop().call_later(self._idle_seconds, self.retire, worker)
            self._idle[worker] = timer
            self._changed()
        else:
            self.retire(worker)

    def discard(self, worker: WorkerInstance) -> None:
        """Kill a worker at once; the next request may start another."""
        worker.kill()
        self.retire(worker)

    def retire(self, worker: WorkerInstance, *, linger: bool = False) -> None:
        """Count a worker no longer, and end it; with `linger` it may end by itself."""
        timer = self._idle.pop(worker, None)
        if timer is not None:
            timer.cancel()
        self._counted.discard(worker)
        self._finishing.discard(worker)
        self._changed()
        self.run(self._close(worker, linger=linger))

    def replace_all(self) -> None:
        """Give no further invocation to the workers there are; those that run one come to its end."""
        for worker in tuple(self._idle):
            self.retire(worker)
        self._counted.clear()
        self._finishing.clear()
        self._changed()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that belongs to the workers, until it ends or the pool does."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until no worker finishes, and none is being ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """End all workers; returns when nothing is left of their processes."""
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        for timer in self._idle.values():
            timer.cancel()
        self._idle.clear()
        self._counted.clear()
        self._finishing.clear()
        self._changed()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=POLITE_SECONDS)
        for task in self._tasks:
            task.cancel()
        # Not by way of the tasks: a loop that ends has cancelled those.
        await asyncio.gather(*(self._close(worker) for worker in tuple(self._open)))
        await self.settled()

    def _take_idle(self) -> WorkerInstance | None:
        while self._idle:
            worker, timer = self._idle.popitem()
            timer.cancel()
            if worker.alive:
                return worker
            self.retire(worker)
        return None

    def _new(self) -> WorkerInstance:
        if len(self._counted) >= self._concurrency:
            raise Throttled(
                f"{self._program.name} runs {self._concurrency} invocation{'' if self._concurrency == 1 else 's'} "
                "already, as many as its concurrency allows"
            )
        worker = WorkerInstance(self._program, on_gone=self._gone)
        self._counted.add(worker)
        self._open.add(worker)
        return worker

    def _gone(self, worker: WorkerInstance) -> None:
        """Take note of a process that ended by itself; whoever runs an invocation on it gets to know by that."""
        if worker in self._idle:
            self.retire(worker)

    async def _close(self, worker: WorkerInstance, *, linger: bool = False) -> None:
        await worker.close(linger=linger)
        self._open.discard(worker)

    async def _change(self, seconds: float) -> None:
        """Wait until a worker is free or gone, at most so long."""
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(changed)
        try:
            await asyncio.wait({changed}, timeout=seconds)
        finally:
            self._waiters.discard(changed)

    def _changed(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
