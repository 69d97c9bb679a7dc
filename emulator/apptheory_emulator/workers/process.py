"""One process of a worker, in a session of its own, from its start to the last of its descendants."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from apptheory_emulator.workers.guard import guard
from apptheory_emulator.workers.guardian import kill_group
from apptheory_emulator.workers.output import OutputLines

__all__ = ["POLITE_SECONDS", "WorkerProcess", "describe_exit"]

POLITE_SECONDS = 0.5
"""How long a process may take for its end after SIGTERM; Lambda gives as much to a runtime with an extension."""
_LAST_OUTPUT_SECONDS = 0.5
"""How long the end of its output is waited for: a process that left the group may hold it open."""
_TURNS_OF_OUTPUT = 4
"""How many turns of the loop it takes at most to read what a pipe holds."""
_READ_BYTES = 256 * 1024

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


class WorkerProcess:
    """Runs a command; its lines are handed on as they come, and its whole group ends with it.

    While lines are waiting nothing more is read, so that a flood costs neither memory nor other
    requests.  asyncio's own subprocesses are not used: one that starts while its loop ends is never
    waited for to the end, as the task that connects its pipes is cancelled with all others.
    """

    def __init__(
        self, running: "subprocess.Popen[bytes]", *, on_line: Callable[[str], None], on_exit: Callable[[int], None]
    ) -> None:
        """Have the group watched over, and read what it prints."""
        self._loop = asyncio.get_running_loop()
        self._running = running
        self._on_line = on_line
        self._on_exit = on_exit
        self._exited: asyncio.Future[int] = self._loop.create_future()
        self._output = {1: OutputLines(), 2: OutputLines()}
        self._output_over: asyncio.Future[None] = self._loop.create_future()
        self._pipes: dict[int, IO[bytes]] = {}
        self._flowing = True
        self.pid = running.pid
        guard.watch(self.pid)
        threading.Thread(target=self._wait_for_exit, name=f"exit-of-{self.pid}", daemon=True).start()
        for number, pipe in ((1, running.stdout), (2, running.stderr)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._pipes[number] = pipe
            self._loop.add_reader(pipe.fileno(), self._read, number)

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        on_line: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> Self:
        """Start a command; raises OSError for one that cannot be run.

        Lines are handed to `on_line`; `on_exit` hears of the return code once.
        """
        running = subprocess.Popen(  # noqa: S603 - the command is the user's own
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        return cls(running, on_line=on_line, on_exit=on_exit)

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
        for number in tuple(self._pipes):
            self._close(number)
        await asyncio.wait({self._output_over})

    async def output_taken(self) -> None:
        """Wait until all is handed on that was printed before this call; what has no line break is a line."""
        for _ in range(_TURNS_OF_OUTPUT):
            await asyncio.sleep(0)
        for lines in self._output.values():
            lines.close()
        if self._flowing:
            self._hand_on()
        while not self._flowing:  # noqa: ASYNC110 - no time passes: it goes on in the next turn
            await asyncio.sleep(0)

    # -- its end ------------------------------------------------------------------------------

    def _wait_for_exit(self) -> None:
        """Wait on a thread of its own: there is no other way on every system and every loop."""
        returncode = self._running.wait()
        with suppress(RuntimeError):  # its loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._process_exited, returncode)

    def _process_exited(self, returncode: int) -> None:
        """Kill what it has started and left in its group."""
        kill_group(self.pid)
        guard.forget(self.pid)
        self._exited.set_result(returncode)
        self._on_exit(returncode)

    # -- lines --------------------------------------------------------------------------------

    def _read(self, number: int) -> None:
        """Take output."""
        try:
            data = os.read(self._pipes[number].fileno(), _READ_BYTES)
        except BlockingIOError:
            return
        if data:
            self._output[number].feed(data)
            if self._flowing:
                self._hand_on()
        else:
            self._close(number)

    def _close(self, number: int) -> None:
        """Read one stream no more, and take its last line."""
        with self._pipes.pop(number) as pipe:
            self._loop.remove_reader(pipe.fileno())
        self._output[number].close()
        if self._flowing:
            self._hand_on()

    def _hand_on(self) -> None:
        """Hand lines on; while some are left, the pipes stand still and others run in between."""
        left = [lines.hand_on(self._on_line) for lines in self._output.values()]
        self._let_flow(not any(left))
        if not self._flowing:
            self._loop.call_soon(self._hand_on)
        elif not self._pipes and not self._output_over.done():
            self._output_over.set_result(None)

    def _let_flow(self, flowing: bool) -> None:
        if flowing is self._flowing:
            return
        self._flowing = flowing
        for number, pipe in self._pipes.items():
            if flowing:
                self._loop.add_reader(pipe.fileno(), self._read, number)
            else:
                self._loop.remove_reader(pipe.fileno())
