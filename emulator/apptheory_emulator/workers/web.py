"""`web(…)`: a web server of any language as a function, as the Lambda Web Adapter runs one."""

import asyncio
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from apptheory_emulator.keeper import Keeper
from apptheory_emulator.workers.real_time import need_real_time
from apptheory_emulator.workers.web_answer import WebBody, head_of
from apptheory_emulator.workers.web_request import web_request
from apptheory_emulator.workers.web_server import SHELL, WebProgram, WebServer
from apptheory_streaming.context import LambdaContext
from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import check_environment, check_timeout, is_count
from apptheory_streaming.shapes import StreamedAnswer

__all__ = ["DEFAULT_READY_SECONDS", "WebFunction", "web"]

DEFAULT_READY_SECONDS = 30.0
"""How long a server may take until it answers; Lambda's own limit for an init is 10 s."""

LAST_PORT = 65535

# A shell that is told to end waits for its program, which was told too and may need a moment.
_PATIENCE = "trap 'exit 143' TERM\n"


def web(
    command: Sequence[str] | str,
    *,
    ready_path: str = "/",
    port: int | None = None,
    ready_timeout: float = DEFAULT_READY_SECONDS,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    name: str | None = None,
) -> "WebFunction":
    """Make a handler that starts a web server and forwards requests to it, many at once.

    `command` is text for a shell, in which `$PORT` is the port that the server has to listen on, or
    a list of words, in which it is replaced; the environment has PORT too.  `port` is a free one by
    default.  The server is ready once `ready_path` answers with a status below 500, within
    `ready_timeout` seconds.  It runs in `cwd`.  Raises UsageError for what cannot be.
    """
    if port is not None and not (is_count(port, least=1) and port <= LAST_PORT):
        raise UsageError(f"port is a number from 1 to {LAST_PORT}, or None for a free one, not {port!r}")
    if not isinstance(ready_path, str) or not ready_path.startswith("/"):
        raise UsageError(f"ready_path is a path of the server that begins with a slash, not {ready_path!r}")
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise UsageError(f"name is that of the function, a text that is not empty, not {name!r}")
    folder = Path.cwd() if cwd is None else Path(cwd).resolve()
    if not folder.is_dir():
        raise UsageError(f"cwd is no folder: {str(cwd)!r}")
    words = _words(command)
    return WebFunction(
        WebProgram(
            name=name or _name(words),
            command=words,
            ready_path=ready_path,
            ready_seconds=check_timeout(ready_timeout) or DEFAULT_READY_SECONDS,
            port=port,
            env=check_environment(env),
            cwd=folder,
        )
    )


class WebFunction:
    """Runs a web server, one for all requests of a loop, and streams what it answers.

    It is a handler: `stream_client`, `function_url` and the emulator take it.  The server is started
    by the first request, and ends with its loop or by `aclose`.  It runs in real time only.
    """

    needs_real_time = True

    def __init__(self, program: WebProgram) -> None:
        """Start nothing yet."""
        self.function_name = program.name
        self.on_pool: Callable[[Keeper[WebServer]], object] = lambda _: None
        """Hears of the keeper of every server."""
        self._program = program
        self._servers: dict[asyncio.AbstractEventLoop, tuple[WebServer, Keeper[WebServer]]] = {}

    async def __call__(self, event: Any, context: LambdaContext) -> StreamedAnswer:
        """Forward a request and give the response once it has a head.

        Raises RuntimeFailure for a server that does not become ready, RuntimeExit for one that breaks
        off, and UsageError in virtual time and for an event that is no HTTP request.
        """
        need_real_time()
        request = web_request(event, context)
        server = self._server()
        response = await server.send(request)
        try:
            head = head_of(response)
        except BaseException:
            response.close()
            raise
        return StreamedAnswer(head, body=WebBody(response, server), commit=True)

    @property
    def program(self) -> WebProgram:
        """What is run, in which environment."""
        return self._program

    def __repr__(self) -> str:
        return f"<web {self.function_name}: {shlex.join(self._program.command)}>"

    async def aclose(self) -> None:
        """End the server of the running loop; a later request would start another."""
        known = self._servers.pop(asyncio.get_running_loop(), None)
        if known is not None:
            await known[1].end()

    def _server(self) -> WebServer:
        """Give the server of the running loop."""
        loop = asyncio.get_running_loop()
        known = self._servers.get(loop)
        if known is not None and not known[1].ended:
            return known[0]
        self._servers = {each: kept for each, kept in self._servers.items() if not kept[1].ended}
        server = WebServer(self._program)
        keeper = Keeper(server)
        self._servers[loop] = (server, keeper)
        self.on_pool(keeper)
        return server


def _words(command: Any) -> tuple[str, ...]:
    """A command for the operating system: text goes to a shell, which knows PORT."""
    if isinstance(command, str) and command.strip() and "\0" not in command:
        return (*SHELL, f"{_PATIENCE}{command}")
    words = command if isinstance(command, list | tuple) else ()
    if not words or not all(isinstance(word, str) and "\0" not in word for word in words) or not words[0]:
        raise UsageError(
            "web takes a command, as text such as 'uvicorn app:app --port $PORT' or as a list of words, "
            f"not {command!r}"
        )
    return tuple(words)


def _name(words: tuple[str, ...]) -> str:
    """The name of the program: the first word that is one, without its folder and its ending."""
    spoken = words[2].removeprefix(_PATIENCE).split() if words[:2] == SHELL else words
    program = next((word for word in spoken if word not in ("exec", "env") and "=" not in word), "")
    return Path(program).stem or "web"
