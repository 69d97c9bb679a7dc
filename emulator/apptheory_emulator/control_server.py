"""The control port: the Lambda API for the functions that are served, for AWS's SDKs and command."""

import errno
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.typedefs import Handler

from apptheory_emulator.access_log import log_exchange
from apptheory_emulator.closing import stop_accepting
from apptheory_emulator.front.function_list import describe_function
from apptheory_emulator.front.invoke_api import InvokeApi
from apptheory_emulator.front.invoke_error import InvokeError, service_error
from apptheory_emulator.front.request_handler import Exchange
from apptheory_emulator.http_log import http_log
from apptheory_emulator.listening import listen
from apptheory_emulator.workers.in_process import InProcessFunction

__all__ = ["CONTROL_PORT", "ControlPort", "ControlServer"]

CONTROL_PORT = 9000
"""Where the command serves it: the port of AWS's own emulator."""

SHUTDOWN_SECONDS = 5.0
CLOSE_SECONDS = 0.5
"""How long aiohttp may take for connections whose responses are over, twice."""

_ROOT = "/{slashes:/*}"  # some add a path to a URL that ends in a slash
_FUNCTIONS = f"{_ROOT}2015-03-31/functions"
_NAMED = f"{_FUNCTIONS}/{{name}}"
_STREAM = f"{_ROOT}2021-11-15/functions/{{name}}/response-streaming-invocations"

_log = logging.getLogger("apptheory_emulator")


@dataclass(frozen=True, slots=True)
class ControlPort:
    """Where to serve; 0 is a free port, and a port that is taken is an error only where it is `required`."""

    number: int = CONTROL_PORT
    required: bool = False


class ControlServer:
    """Serves the Invoke APIs for functions that somebody else loads and closes.

    Entering raises OSError when the port cannot be had; leaving gives answers in flight
    `shutdown_seconds`.
    """

    def __init__(
        self,
        functions: Sequence[InProcessFunction],
        *,
        host: str = "127.0.0.1",
        port: ControlPort,
        on_exchange: Callable[[Exchange], None] = log_exchange,
        shutdown_seconds: float = SHUTDOWN_SECONDS,
    ) -> None:
        """Serve `functions` on `host`; `url` is known once it is entered."""
        self.url = ""
        self._functions = tuple(functions)
        self._host = host
        self._port = port
        self._shutdown_seconds = shutdown_seconds
        self._api = InvokeApi(self._functions, on_exchange=on_exchange)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            runner = web.AppRunner(
                self._application(),
                access_log=None,
                logger=http_log,
                auto_decompress=False,  # of a bomb, even what is only thrown away would hold up the loop
                handler_cancellation=True,
                shutdown_timeout=CLOSE_SECONDS,
            )
            await runner.setup()
            starting.push_async_callback(self._api.close)
            starting.push_async_callback(runner.cleanup)
            starting.push_async_callback(stop_accepting, runner)
            await self._listen(runner)
            host = f"[{self._host}]" if ":" in self._host else self._host
            self.url = f"http://{host}:{runner.addresses[0][1]}/"
            self._stack = starting.pop_all()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    async def settled(self) -> None:
        """Wait until no invocation of its own runs."""
        await self._api.settled()

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await listen(runner, self._host, self._port.number)
        except OSError as error:
            if self._port.required or error.errno != errno.EADDRINUSE:
                raise
            _log.warning("port %s is taken: the control port is another one", self._port.number)
            await listen(runner, self._host, 0)

    def _application(self) -> web.Application:
        async def stop(_: web.Application) -> None:
            await self._api.stop(self._shutdown_seconds)

        app = web.Application(middlewares=[_errors_as_documents])
        app.router.add_post(f"{_NAMED}/invocations", self._api.invoke)
        app.router.add_post(_STREAM, self._api.stream)
        app.router.add_get(_FUNCTIONS, self._list)
        app.router.add_get(f"{_FUNCTIONS}/", self._list)
        app.router.add_get(_NAMED, self._get)
        app.router.add_get(f"{_NAMED}/configuration", self._get_configuration)
        app.on_response_prepare.append(_drop_server_header)
        app.on_shutdown.append(stop)  # comes when nothing more is accepted
        return app

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({"Functions": [describe_function(each) for each in self._functions]})

    async def _get(self, http: web.Request) -> web.Response:
        function, _ = self._api.function(http.match_info["name"])
        return web.json_response({"Configuration": describe_function(function), "Code": {}, "Tags": {}})

    async def _get_configuration(self, http: web.Request) -> web.Response:
        function, _ = self._api.function(http.match_info["name"])
        return web.json_response(describe_function(function))


@web.middleware
async def _errors_as_documents(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what SDKs can read, whatever went wrong."""
    try:
        return await handler(request)
    except InvokeError as error:
        return _refuse(request, error)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        what = f"{_asked(request)}: this emulator has no such operation"
        return _refuse(request, InvokeError(404, "UnknownOperationException", what))
    except web.HTTPException as error:
        return _refuse(request, InvokeError(error.status, "InvalidRequestContentException", error.reason, Type="User"))
    except Exception:  # noqa: BLE001 - whatever it is, the server goes on
        _log.exception("%s: the control port failed", _asked(request))
        return _refuse(request, service_error("the emulator failed; its log says why"))


def _refuse(request: web.Request, error: InvokeError) -> web.Response:
    _log.warning("%s: %s: %s", _asked(request), error.error_type, error.message)
    return error.response()


def _asked(request: web.Request) -> str:
    """Method and path as they came: decoded, a path could write lines of its own into the log."""
    return f"{request.method} {request.raw_path.partition('?')[0]}"


async def _drop_server_header(_request: web.Request, response: web.StreamResponse) -> None:
    """AWS sends none."""
    if response.headers.get("Server") == SERVER_SOFTWARE:
        del response.headers["Server"]
