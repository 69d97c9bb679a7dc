"""One process of a worker, in a session of its own, from its start to the last of its descendants."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, cast

from apptheory_emulator.workers.guard import guard
from apptheory_emulator.workers.guardian import kill_group
from apptheory_emulator.workers.output import OutputLines

__all__ = ["POLITE_SECONDS", "WorkerProcess", "describe_exit"]

POLITE_SECONDS = 0.5
"""How long a process may take for its end after SIGTERM; Lambda gives as much to a runtime with an extension."""
_LAST_OUTPUT_SECONDS = 0.5
"""How long the end of its output is waited for: a process that left the group may hold it open."""
_TURNS_OF_OUTPUT = 4
"""How many turns of the loop bytes take from a pipe that is ready to what takes them."""

# As Go names them, in which Lambda is written, where strsignal does not.
_SIGNALS = {
    signal.SIGABRT: "aborted",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGFPE: "floating point exception",
}


def describe_exit(returncode: int) -> str:
    """Say in Lambda's words how a process ended; a negative number is a signal."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode > 0:
        return f"Runtime exited with error: exit status {returncode}"
    number = -returncode
    name = next((text for each, text in _SIGNALS.items() if each == number), None)
    return f"Runtime exited with error: signal: {name or (signal.strsignal(number) or str(number)).lower()}"


class WorkerProcess(asyncio.SubprocessProtocol):
    """Runs a command; its lines are handed on as they come, and its whole group ends with it.

    While lines are waiting nothing more is read, so that a flood costs neither memory nor other
    requests.
    """

    def __init__(self, *, on_line: Callable[[str], None], on_exit: Callable[[int], None]) -> None:
        """Hand lines to `on_line`; `on_exit` hears of the return code once."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._on_line = on_line
        self._on_exit = on_exit
        self._transport: asyncio.SubprocessTransport | None = None
        self._output = {1: OutputLines(), 2: OutputLines()}
        self._open = set(self._output)
        self._exited: asyncio.Future[int] = loop.create_future()
        self._output_over: asyncio.Future[None] = loop.create_future()
        self._lost: asyncio.Future[None] = loop.create_future()
        self._flowing = True
        self.pid = 0

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        on_line: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> Self:
        """Start a command; raises OSError for one that cannot be run."""
        _, process = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(on_line=on_line, on_exit=on_exit),
            *command,
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        return process

    @property
    def alive(self) -> bool:
        """Whether it runs at this very moment, which the loop may hear of later."""
        if self._exited.done() or not hasattr(os, "waitid"):
            return not self._exited.done()
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    @property
    def peak_memory_mb(self) -> int | None:
        """The most memory it has had, in MB; None where that is not to be known."""
        with suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text(errors="replace").splitlines():
                if line.startswith("VmHWM:"):
                    return -(-int(line.split()[1]) // 1024)
        return None

    async def wait(self, seconds: float) -> int | None:
        """Wait for its end at most so long, and give its return code; None when it runs on."""
        await asyncio.wait({self._exited}, timeout=seconds)
        return self._exited.result() if self._exited.done() else None

    def kill(self) -> None:
        """Kill the whole group at once; one that is gone is no error."""
        if not self._exited.done():
            kill_group(self.pid)

    async def stop(self, *, polite_seconds: float = POLITE_SECONDS) -> None:
        """Ask the group to end, kill what is left after so long, and return when nothing is left."""
        if not self._exited.done() and polite_seconds > 0:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGTERM)
            await self.wait(polite_seconds)
        self.kill()
        await self.ended()

    async def ended(self) -> None:
        """Wait until it is gone, and its last lines are handed on."""
        await asyncio.wait({self._exited})
        await asyncio.wait({self._output_over}, timeout=_LAST_OUTPUT_SECONDS)
        assert self._transport is not None
        self._transport.close()
        await asyncio.wait({self._lost})

    async def output_taken(self) -> None:
        """Wait until every line is handed on that was printed before this call."""
        for _ in range(_TURNS_OF_OUTPUT):
            await asyncio.sleep(0)
        while not self._flowing:  # noqa: ASYNC110 - no time passes: it goes on in the next turn
            await asyncio.sleep(0)

    # -- what the loop tells ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the group watched over."""
        self._transport = cast("asyncio.SubprocessTransport", transport)  # uvloop has a class of its own
        self.pid = self._transport.get_pid()
        guard.watch(self.pid)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take output."""
        self._output[fd].feed(data)
        if self._flowing:
            self._hand_on()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002
        """Take the last line of one stream."""
        self._output[fd].close()
        self._open.discard(fd)
        if self._flowing:
            self._hand_on()

    def process_exited(self) -> None:
        """Kill what it has started and left in its group."""
        assert self._transport is not None
        kill_group(self.pid)
        guard.forget(self.pid)
        returncode = self._transport.get_returncode() or 0
        self._exited.set_result(returncode)
        self._on_exit(returncode)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Know that nothing comes any more."""
        self._lost.set_result(None)

    # -- lines --------------------------------------------------------------------------------

    def _hand_on(self) -> None:
        """Hand lines on; while some are left, the pipes stand still and others run in between."""
        left = [lines.hand_on(self._on_line) for lines in self._output.values()]
        self._let_flow(not any(left))
        if not self._flowing:
            self._loop.call_soon(self._hand_on)
        elif not self._open and not self._output_over.done():
            self._output_over.set_result(None)

    def _let_flow(self, flowing: bool) -> None:
        if flowing is self._flowing:
            return
        self._flowing = flowing
        assert self._transport is not None
        for fd in self._open:
            pipe: Any = self._transport.get_pipe_transport(fd)
            if pipe is not None and not pipe.is_closing():
                (pipe.resume_reading if flowing else pipe.pause_reading)()
