"""Runs `apptheory-emulate` as a process of its own, as a person or a tool does."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Command", "Finished", "emulate", "run_to_end"]

WAIT_SECONDS = 60


@dataclass(frozen=True)
class Finished:
    """How the command ended, and what it wrote that nobody had read before."""

    code: int
    stdout: str
    stderr: str


class Command:
    """The running command: its ready line, its log, its signals."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._stdout = process.stdout
        self._stderr = process.stderr
        self._log = bytearray()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def ready(self) -> Any:
        """Read the one line of JSON; an early end fails with what the command said."""
        async with asyncio.timeout(WAIT_SECONDS):
            line = await self._stdout.readline()
            if not line:
                raise AssertionError(f"the command ended: {await self.finish()}")
        return json.loads(line)

    async def url(self) -> str:
        """Wait until it serves and give the URL of its first function."""
        url = (await self.ready())["functions"][0]["url"]
        assert isinstance(url, str)
        return url

    async def says(self, text: str) -> str:
        """Wait until the log holds a text; give the line with it."""
        async with asyncio.timeout(WAIT_SECONDS):
            while text.encode() not in self._log:
                line = await self._stderr.readline()
                assert line, f"the command ended without saying {text!r}: {self._log.decode()}"
                self._log += line
        return next(line for line in self._log.decode().splitlines() if text in line)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> Finished:
        """Send a signal and wait for the end."""
        self.send(number)
        return await self.finish()

    async def finish(self) -> Finished:
        """Wait for the end."""
        async with asyncio.timeout(WAIT_SECONDS):
            stdout, stderr = await self._process.communicate()
        assert self._process.returncode is not None
        return Finished(self._process.returncode, stdout.decode(), (self._log + stderr).decode())

    async def kill(self) -> None:
        """End it if it has not ended."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()


@asynccontextmanager
async def emulate(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    python: Sequence[str] = (),
) -> AsyncIterator[Command]:
    """Start the command in a folder; it is gone when the block is left."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *python, "-m", "apptheory_emulator", *arguments),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    command = Command(process)
    try:
        yield command
    finally:
        await command.kill()


async def run_to_end(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> Finished:
    """Run the command where it is to end by itself."""
    async with emulate(*arguments, cwd=cwd, env=env) as command:
        return await command.finish()
