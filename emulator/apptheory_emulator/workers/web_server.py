"""A web server in a process of its own: started once, waited for, asked over loopback."""

import asyncio
import os
import re
import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from apptheory_emulator.workers.environment import RUNTIME_API, worker_environment
from apptheory_emulator.workers.guard import guard
from apptheory_emulator.workers.process import WorkerProcess, describe_exit
from apptheory_emulator.workers.program import WorkerProgram
from apptheory_emulator.workers.web_request import WebRequest
from apptheory_emulator.workers.worker_log import log_output
from apptheory_streaming.errors import RuntimeExit, RuntimeFailure, StreamingError, UsageError

__all__ = ["SHELL", "WebProgram", "WebServer"]

SHELL = ("/bin/sh", "-c")
LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.01
"""How often it is asked whether it is ready; the Lambda Web Adapter does it as often."""
EXIT_SECONDS = 0.25
"""How long the end of a process may come behind that of its connections."""
POLITE_SECONDS = 2.0
"""How long it may take for its end: as long as Lambda gives a function with an extension such as the Web Adapter.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
"""
LAST_LINES = 5
UNHEALTHY = 500

_PORT = re.compile(r"\$(?:PORT\b|\{PORT\})")
_NO_LIMIT = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_ITS_OWN = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebProgram:
    """A command that serves HTTP on the port that it is told, and when it is ready; times are in seconds."""

    name: str
    command: tuple[str, ...]
    ready_path: str
    ready_seconds: float
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path


class WebServer:
    """Runs a WebProgram from its first request until the block is left; one that has ended is started again."""

    def __init__(self, program: WebProgram) -> None:
        """Start nothing yet."""
        self._program = program
        self._process: WorkerProcess | None = None
        self._starting: asyncio.Task[None] | None = None
        self._session: ClientSession | None = None
        self._port = 0
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._guarded = False
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        if self._session is not None:
            await self._session.close()
        if self._process is not None:
            await self._process.stop(polite_seconds=POLITE_SECONDS)
        if self._guarded:
            guard.leave()

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.alive

    async def send(self, request: WebRequest) -> ClientResponse:
        """Send a request, once the server is ready, and give its response when the head is there.

        Raises RuntimeFailure for a server that does not become ready, RuntimeExit for one that does
        not answer, and UsageError for a command that cannot be run.
        """
        await self._ready()
        try:
            return await self._open(request)
        except (ClientError, ConnectionError) as error:
            raise await self.broken_off(error) from None

    async def broken_off(self, error: Exception | None) -> RuntimeExit:
        """Say why a response broke off: its process has ended, or the connection alone."""
        returncode = None if self._process is None else await self._process.wait(EXIT_SECONDS)
        if returncode is not None:
            return RuntimeExit(describe_exit(returncode))
        what = "" if error is None else f": {type(error).__name__}: {error}"
        return RuntimeExit(f"the web server broke off the connection{what}")

    async def _open(self, request: WebRequest) -> ClientResponse:
        assert self._session is not None
        return await self._session.request(
            request.method,
            self._url(request.target),
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
        )

    async def _ready(self) -> None:
        """Start it unless it runs; requests that come meanwhile wait for the same start."""
        if self._closed:
            raise RuntimeExit("the web server was stopped")
        if self._starting is None or (self._starting.done() and not self.alive):
            self._starting = asyncio.get_running_loop().create_task(self._start(), name="web-server-start")
        await asyncio.wait({self._starting})
        if self._starting.cancelled():
            raise RuntimeExit("the web server was stopped while it started")
        failure = self._starting.exception()
        if failure is not None:
            raise failure

    async def _start(self) -> None:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=0, force_close=True),
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_ITS_OWN,
                timeout=_NO_LIMIT,
            )
        process = await self._launch()
        try:
            await self._become_ready(process)
        except BaseException:
            process.kill()
            await process.ended()
            raise

    async def _launch(self) -> WorkerProcess:
        if self._process is not None:
            await self._process.ended()
        self._port = self._program.port or _free_port()
        self._last_lines.clear()
        if not self._guarded:
            self._guarded = True
            guard.enter()
        command = self._program.command
        if command[:2] != SHELL:  # which does it itself
            command = tuple(_PORT.sub(str(self._port), word) for word in command)
        try:
            self._process = WorkerProcess.start(
                command, env=self._environment(), cwd=self._program.cwd, on_line=self._print, on_exit=lambda _: None
            )
        except OSError as error:
            raise UsageError(
                f"{command[0]!r} cannot be run in {self._program.cwd}: {error.strerror or error}"
            ) from error
        return self._process

    async def _become_ready(self, process: WorkerProcess) -> None:
        seconds = self._program.ready_seconds
        try:
            async with asyncio.timeout(seconds):
                while not await self._answers():
                    if (returncode := await process.wait(POLL_SECONDS)) is not None:
                        raise await self._not_ready(describe_exit(returncode), "Runtime.ExitError", process)
        except TimeoutError:
            process.kill()
            asked = f"GET {self._program.ready_path} on port {self._port}"
            what = f"the web server was not ready within {seconds:g} s: {asked} had no answer below {UNHEALTHY}"
            raise await self._not_ready(what, "Runtime.InitError", process) from None

    async def _not_ready(self, what: str, error_type: str, process: WorkerProcess) -> StreamingError:
        """Give the failure with what the server printed last; all of it is in the log."""
        await process.ended()
        printed = f"; it printed last: {' | '.join(self._last_lines)}" if self._last_lines else "; it printed nothing"
        return RuntimeFailure(f"{what}{printed}", error_type=error_type)

    async def _answers(self) -> bool:
        assert self._session is not None
        try:
            async with self._session.get(self._url(self._program.ready_path), allow_redirects=False) as response:
                return response.status < UNHEALTHY
        except (ClientError, ConnectionError):
            return False

    def _environment(self) -> dict[str, str]:
        """What Lambda gives a function, without a Runtime API, and PORT, which no variable of the user can change."""
        program = self._program
        function = WorkerProgram(
            name=program.name,
            command=program.command,
            handler="",
            cwd=program.cwd,
            task_root=program.cwd,
            env=program.env,
        )
        variables = worker_environment(function, runtime_api="", user=os.environ, mark=guard.mark)
        del variables[RUNTIME_API]
        return variables | {"PORT": str(self._port)}

    def _print(self, line: str) -> None:
        self._last_lines.append(line)
        log_output(self._program.name, "", line)

    def _url(self, target: str) -> URL:
        return URL(f"http://{LOOPBACK}:{self._port}{target}", encoded=True)


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
        return port
