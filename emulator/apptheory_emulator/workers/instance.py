"""One worker: a process, the Runtime API that only it uses, and what it is doing."""

import asyncio
import os
from collections.abc import Callable

from apptheory_emulator.workers.environment import worker_environment
from apptheory_emulator.workers.guard import guard
from apptheory_emulator.workers.process import POLITE_SECONDS, WorkerProcess, describe_exit
from apptheory_emulator.workers.program import WorkerProgram
from apptheory_emulator.workers.runtime_api import RuntimeApi
from apptheory_emulator.workers.worker_log import log_output
from apptheory_streaming.errors import RuntimeExit, UsageError

__all__ = ["WorkerInstance"]

EXIT_SECONDS = 0.25
"""How long the end of a process may come behind that of its connections."""


class WorkerInstance:
    """Runs a program for one invocation at a time.  `on_gone` hears when its process has ended by itself."""

    def __init__(self, program: WorkerProgram, *, on_gone: Callable[["WorkerInstance"], object]) -> None:
        """Start nothing yet."""
        self.api = RuntimeApi()
        self.request_id = ""
        """Of the invocation that it runs, else empty."""
        self.started = False
        """Whether its runtime has asked for an invocation."""
        self._program = program
        self._on_gone = on_gone
        self._process: WorkerProcess | None = None
        self._doomed = False
        self._killed = False

    @property
    def alive(self) -> bool:
        """Whether it can take an invocation."""
        return not self._doomed and self._process is not None and self._process.alive

    @property
    def pid(self) -> int | None:
        """Its process, which leads its group; None before the start."""
        return None if self._process is None else self._process.pid

    @property
    def peak_memory_mb(self) -> int | None:
        """The most memory its process has had, in MB, where that is to be known."""
        return None if self._process is None else self._process.peak_memory_mb

    async def start(self) -> float:
        """Start the process, wait until its runtime asks for an invocation, and say how many seconds that took.

        Raises RuntimeFailure for what the runtime reports, RuntimeExit for a process that ends, and
        UsageError for a command that cannot be run.
        """
        loop = asyncio.get_running_loop()
        await self.api.start()
        if self._doomed:
            raise RuntimeExit("the worker was closed before it was started")
        began = loop.time()
        env = worker_environment(self._program, runtime_api=self.api.address, user=os.environ, mark=guard.mark)
        try:
            self._process = WorkerProcess.start(
                self._program.command, env=env, cwd=self._program.cwd, on_line=self._print, on_exit=self._exited
            )
        except OSError as error:
            command = " ".join(self._program.command)
            raise UsageError(f"`{command}` cannot be run in {self._program.cwd}: {error.strerror or error}") from error
        await self.api.initialised()
        self.started = True
        seconds = loop.time() - began
        await self._process.output_taken()  # which stands before START in the log
        return seconds

    async def output_taken(self) -> None:
        """Wait until what it has printed is in the log."""
        if self._process is not None:
            await self._process.output_taken()

    async def output_over(self) -> None:
        """Wait until it has ended, and all that it has printed is in the log."""
        if self._process is not None:
            await self._process.ended()

    async def exit_error(self) -> RuntimeExit | None:
        """Give how its process ended, which may be about to; None for one that lives."""
        returncode = None if self._process is None else await self._process.wait(EXIT_SECONDS)
        return None if returncode is None else self._exit_error(returncode)

    def kill(self) -> None:
        """Kill it at once; `close` has still to be called."""
        self._doomed = self._killed = True
        self.api.abandon()
        if self._process is not None:
            self._process.kill()

    async def close(self, *, linger: bool = False) -> None:
        """End it, with SIGTERM and some time unless it was killed; returns when nothing of it is left.

        With `linger` it gets that time to end by itself before.
        """
        polite_seconds = 0 if self._killed else POLITE_SECONDS
        self._doomed = True
        if self._process is not None:
            if linger:
                await self._process.wait(POLITE_SECONDS)
            await self._process.stop(polite_seconds=polite_seconds)
        await self.api.close()

    def _print(self, line: str) -> None:
        log_output(self._program.name, self.request_id, line)

    def _exit_error(self, returncode: int) -> RuntimeExit:
        return RuntimeExit(f"RequestId: {self.request_id} Error: {describe_exit(returncode)}")

    def _exited(self, returncode: int) -> None:
        self.api.worker_gone(self._exit_error(returncode))
        if not self._doomed:
            self._doomed = True
            self._on_gone(self)
