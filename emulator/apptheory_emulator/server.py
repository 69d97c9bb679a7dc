"""The emulator: an async context manager that serves functions on Function URLs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, TypedDict, Unpack

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.typedefs import Handler

from apptheory_emulator.access_log import log_exchange, log_refusal
from apptheory_emulator.config import FunctionConfig, LateErrors
from apptheory_emulator.front.function_url import Exchange, FunctionUrlHandler
from apptheory_emulator.front.reception import Reception
from apptheory_emulator.http_log import http_log
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_emulator.workers.real_time import need_real_time
from apptheory_streaming.environment import environment
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.options import check_environment, choose
from apptheory_streaming.target import LazyHandler
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.limits import Limits, check_limits
from apptheory_streaming.wire.pacing import Pacing, pacing_named

if TYPE_CHECKING:
    from apptheory_emulator.threaded import ThreadedUrl

__all__ = ["Emulator", "FunctionUrlFactory", "ServeOptions", "ServedFunction", "ServedUrl", "serve_function_url"]

SHUTDOWN_SECONDS = 5.0
"""How long streams in flight may go on once the emulator is told to stop."""

CLOSE_SECONDS = 0.5
"""How long aiohttp may take for connections whose responses are over, twice."""


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class ServedFunction:
    """A function that is being served."""

    name: str
    url: str
    invoke_mode: InvokeMode


class Emulator:
    """Serves each function on a port of its own: the first on `port`, the others on free ones.

    Entering raises OSError when a port cannot be had; leaving gives streams in flight
    `shutdown_seconds` and leaves no task behind.
    """

    def __init__(
        self,
        functions: Sequence[FunctionConfig],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        on_exchange: Callable[[Exchange], None] = log_exchange,
        shutdown_seconds: float = SHUTDOWN_SECONDS,
        reception: Reception | None = None,
    ) -> None:
        """Serve `functions` on `host`; port 0 takes a free one; `reception` names their requests."""
        self.functions: list[ServedFunction] = []
        self._configs = tuple(functions)
        self._host = host
        self._port = port
        self._on_exchange = on_exchange
        self._shutdown_seconds = shutdown_seconds
        self._reception = reception
        self._handlers: list[FunctionUrlHandler] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            for index, config in enumerate(self._configs):
                port = self._port if index == 0 else 0
                url = await starting.enter_async_context(self._serve(config, port))
                self.functions.append(ServedFunction(config.name, url, config.invoke_mode))
            self._stack = starting.pop_all()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    async def settled(self) -> None:
        """Wait until no handler runs; `on_exchange` has heard of every request then."""
        for handler in self._handlers:
            await handler.settled()

    @asynccontextmanager
    async def _serve(self, config: FunctionConfig, port: int) -> AsyncIterator[str]:
        function = InProcessFunction(config)
        handler = FunctionUrlHandler(function, on_exchange=self._on_exchange, reception=self._reception)
        self._handlers.append(handler)
        runner = web.AppRunner(
            self._application(handler),
            access_log=None,
            logger=http_log,
            auto_decompress=False,  # a function gets the body as it was sent
            handler_cancellation=True,
            shutdown_timeout=CLOSE_SECONDS,
        )
        await runner.setup()
        with function.environment():
            try:
                function.load()
                await web.TCPSite(runner, self._host, port).start()
                yield _url(self._host, runner.addresses[0][1])
            finally:
                await _stop_accepting(runner)
                await runner.cleanup()
                await handler.close()
                await function.close()

    def _application(self, front: FunctionUrlHandler) -> web.Application:
        @web.middleware
        async def every_request(request: web.Request, handler: Handler) -> web.StreamResponse:  # noqa: ARG001
            """Take the place of routes, for those do not match `OPTIONS *` or a target without a path."""
            if request.method == "CONNECT":  # asks for a tunnel, which no function is
                raise web.HTTPMethodNotAllowed("CONNECT", METHODS)
            return await front.handle(request)

        async def stop(_: web.Application) -> None:
            await front.stop(self._shutdown_seconds)

        app = web.Application(middlewares=[every_request])
        app.on_response_prepare.append(_drop_server_header)
        app.on_response_prepare.append(log_refusal)
        app.on_shutdown.append(stop)  # comes when nothing more is accepted
        return app


class ServedUrl(str):
    """The URL of a served function, a text that every HTTP client takes, and what happened behind it."""

    __slots__ = ("exchanges", "settled")

    exchanges: list[Exchange]
    """What the front saw, in the order in which it was over."""

    settled: Callable[[], Coroutine[Any, Any, None]]
    """Wait until no handler runs: a client may have its whole response a moment before its exchange is listed."""


class ServeOptions(TypedDict, total=False):
    """The options with which one handler is served."""

    on_disconnect: str
    late_errors: str
    timeout: float | None
    invoke_mode: str
    limits: Limits | None
    pace: str | Pacing | None
    env: Mapping[str, str] | None


class FunctionUrlFactory(Protocol):
    """What the `function_url` fixture gives."""

    async def __call__(
        self,
        target: str | Callable[..., Any],
        *,
        on_disconnect: str = "continue",
        late_errors: str = "aws",
        timeout: float | None = None,
        invoke_mode: str = "RESPONSE_STREAM",
        limits: Limits | None = None,
        pace: str | Pacing | None = None,
        env: Mapping[str, str] | None = None,
    ) -> ServedUrl:
        """Serve a handler or an import string until the test ends, and give its URL."""
        ...

    def threaded(
        self, target: str | Callable[..., Any], **options: Unpack[ServeOptions]
    ) -> "AbstractContextManager[ThreadedUrl]":
        """Serve on a thread of its own in real time, for clients that block, until the block is left."""
        ...


@asynccontextmanager
async def serve_function_url(
    target: str | Callable[..., Any],
    *,
    on_disconnect: str = "continue",
    late_errors: str = "aws",
    timeout: float | None = None,
    invoke_mode: str = "RESPONSE_STREAM",
    limits: Limits | None = None,
    pace: str | Pacing | None = None,
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[ServedUrl]:
    """Serve one handler on the running loop and give its URL, which ends in a slash.

    `pace` is `aws`, `api-gateway` or a Pacing of other numbers (rule L3); None holds nothing back.
    Raises UsageError for a value that an option cannot have, and TargetError for a handler that
    cannot be had: whoever is to ask this URL is waiting.
    """
    exchanges: list[Exchange] = []

    def over(exchange: Exchange) -> None:
        exchanges.append(exchange)
        log_exchange(exchange)

    handler = LazyHandler(target)
    if getattr(target, "needs_real_time", False):
        need_real_time()
    config = FunctionConfig(
        name=handler.name,
        target=target,
        timeout=getattr(target, "function_timeout", None) if timeout is None else timeout,
        env=check_environment(env),
        on_disconnect=choose(OnDisconnect, "on_disconnect", on_disconnect),
        late_errors=choose(LateErrors, "late_errors", late_errors),
        invoke_mode=choose(InvokeMode, "invoke_mode", invoke_mode),
        limits=check_limits(limits),
        pace=pacing_named(pace) if isinstance(pace, str) else pace,
        keep_chunks=None,
        watch_foreign=True,
    )
    with environment(config.env):  # the import of the handler may need it
        handler.load()
    # A test that ends is not interested in what still streams.
    async with Emulator([config], on_exchange=over, shutdown_seconds=0) as emulator:
        url = ServedUrl(emulator.functions[0].url)
        url.exchanges = exchanges
        url.settled = emulator.settled
        yield url


async def _stop_accepting(runner: web.AppRunner) -> None:
    """Close the port at a moment when the loop is not about to accept: CPython would leak that connection."""
    while accepting := {task for task in asyncio.all_tasks() if _is_accepting(task)}:
        await asyncio.wait(accepting)
    for site in runner.sites:
        await site.stop()


def _is_accepting(task: "asyncio.Task[Any]") -> bool:
    return getattr(task.get_coro(), "__name__", "") == "_accept_connection2"


async def _drop_server_header(_request: web.Request, response: web.StreamResponse) -> None:
    """A Function URL sends none; a function's own stays."""
    if response.headers.get("Server") == SERVER_SOFTWARE:
        del response.headers["Server"]


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
