"""The emulator: an async context manager that serves functions on Function URLs."""

import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, TypedDict, Unpack

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.typedefs import Handler

from apptheory_emulator.access_log import log_exchange, log_refusal
from apptheory_emulator.closing import stop_accepting
from apptheory_emulator.config import FunctionConfig, LateErrors
from apptheory_emulator.control_server import ControlPort, ControlServer
from apptheory_emulator.differences import check_strict, say_at_start
from apptheory_emulator.front.platform_response import PlatformResponse
from apptheory_emulator.front.reception import Reception
from apptheory_emulator.front.request_handler import HEAD_BYTES, Exchange, RequestHandler, host_of
from apptheory_emulator.front.routes import Destination
from apptheory_emulator.front.sites import Site, sites_of
from apptheory_emulator.gateways import FrontKind
from apptheory_emulator.http_log import http_log
from apptheory_emulator.listening import listen
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_emulator.workers.real_time import need_real_time
from apptheory_streaming.environment import environment
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.options import check_environment, choose
from apptheory_streaming.target import LazyHandler
from apptheory_streaming.wire.cors import CorsConfig, CorsMerge
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from apptheory_streaming.wire.iam import AuthType, unknown_url
from apptheory_streaming.wire.limits import Limits, check_limits
from apptheory_streaming.wire.pacing import Pacing, pacing_named

if TYPE_CHECKING:
    from apptheory_emulator.threaded import ThreadedUrl

__all__ = ["Emulator", "FunctionUrlFactory", "ServeOptions", "ServedFunction", "ServedUrl", "serve_function_url"]

SHUTDOWN_SECONDS = 5.0
"""How long streams in flight may go on once the emulator is told to stop."""

URL_DOMAIN = ".lambda-url.localhost"

CLOSE_SECONDS = 0.5
"""How long aiohttp may take for connections whose responses are over, twice."""


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class ServedFunction:
    """A function that is being served behind one of its fronts; `routes` say which requests of an API are its own."""

    name: str
    url: str
    invoke_mode: InvokeMode
    front: FrontKind = FrontKind.FUNCTION_URL
    routes: tuple[str, ...] = ()


class Emulator:
    """Serves each function on a port of its own: one that names none on a free one, but the first of them on `port`.

    Functions that share an API share its port, and one with several fronts has several.  On each of these
    ports the host name `NAME.lambda-url.localhost` reaches the function of that name.  Raises UsageError
    for functions that cannot share an API.  Entering raises OSError when a port cannot be had, and
    UsageError for routes that two functions have; leaving gives streams in flight `shutdown_seconds` and
    leaves no task behind.
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
        control: ControlPort | None = None,
        quiet: bool = False,
    ) -> None:
        """Serve `functions` on `host`; port 0 takes a free one; `reception` names their requests.

        `control` serves the Invoke APIs for them, on the loopback address.  Raises UsageError for a strict
        function that AWS would not take; of another the log says so, unless this is `quiet`.
        """
        for config in functions:
            check_strict(config)
        for config in () if quiet else functions:
            say_at_start(config)
        self.functions: list[ServedFunction] = []
        self.control_url: str | None = None
        """Where the Invoke APIs are, None while they are not served."""
        self.listening = 0
        """On how many of `ports` it listens."""
        self._functions = tuple(InProcessFunction(config) for config in functions)
        self._sites = sites_of(self._functions)
        self._host = host
        self._port = port
        self._on_exchange = on_exchange
        self._shutdown_seconds = shutdown_seconds
        self._reception = reception
        self._handlers: list[RequestHandler] = []
        self._by_host: dict[str, RequestHandler] = {}
        self._control_port = control
        self._control: ControlServer | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            handlers = [self._handler(site) for site in self._sites]
            for function in self._functions:
                await starting.enter_async_context(self._load(function))
            served: list[tuple[Destination, str]] = []
            for site, handler, port in zip(self._sites, handlers, self.ports, strict=True):
                url = await starting.enter_async_context(self._serve(site, handler, port))
                self.listening += 1
                served += [(at, url) for at in site.destinations]
            self.functions += [_served(at, url) for at, url in sorted(served, key=self._order)]
            if self._control_port is not None:
                await self._serve_control(starting, self._control_port)
            self._stack = starting.pop_all()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that were asked for, of each front, 0 for a free one."""
        first = next((site for site in self._sites if site.port is None), None)
        return tuple(
            site.port if site.port is not None else (self._port if site is first else 0) for site in self._sites
        )

    async def settled(self) -> None:
        """Wait until no handler runs; `on_exchange` has heard of every request then."""
        for handler in self._handlers:
            await handler.settled()
        if self._control is not None:
            await self._control.settled()

    async def _serve_control(self, starting: AsyncExitStack, port: ControlPort) -> None:
        control = ControlServer(
            self._functions, port=port, on_exchange=self._on_exchange, shutdown_seconds=self._shutdown_seconds
        )
        self._control = await starting.enter_async_context(control)
        self.control_url = control.url

    def _order(self, served: tuple[Destination, str]) -> tuple[int, bool]:
        """By function, and its first front first."""
        function, gateway = served[0].function, served[0].gateway
        return self._functions.index(function), gateway is not function.config.gateway

    def _handler(self, site: Site) -> RequestHandler:
        handler = RequestHandler(site.destinations, on_exchange=self._on_exchange, reception=self._reception)
        self._handlers.append(handler)
        return handler

    @asynccontextmanager
    async def _load(self, function: InProcessFunction) -> AsyncIterator[None]:
        with function.environment():
            try:
                function.load()
                yield
            finally:
                await function.close()

    @asynccontextmanager
    async def _serve(self, site: Site, handler: RequestHandler, port: int) -> AsyncIterator[str]:
        runner = web.AppRunner(
            self._application(handler),
            access_log=None,
            logger=http_log,
            auto_decompress=False,  # a function gets the body as it was sent
            max_line_size=HEAD_BYTES,
            max_field_size=HEAD_BYTES,
            handler_cancellation=True,
            shutdown_timeout=CLOSE_SECONDS,
        )
        await runner.setup()
        configs = [at.function.config for at in site.destinations if at.gateway is at.function.config.gateway]
        names = [config.name.lower() for config in configs]
        try:
            for name in names:
                self._by_host.setdefault(name, handler)
            await listen(runner, self._host, port)
            yield _url(self._host, runner.addresses[0][1]) + handler.path.removeprefix("/")
        finally:
            for name in names:
                if self._by_host.get(name) is handler:  # it is not to be had through another port
                    del self._by_host[name]
            await stop_accepting(runner)
            await runner.cleanup()
            await handler.close()

    def _application(self, front: RequestHandler) -> web.Application:
        @web.middleware
        async def every_request(request: web.Request, handler: Handler) -> web.StreamResponse:  # noqa: ARG001
            """Take the place of routes, for those do not match `OPTIONS *` or a target without a path."""
            if request.method == "CONNECT":  # asks for a tunnel, which no function is
                raise web.HTTPMethodNotAllowed("CONNECT", METHODS)
            name = _named_by_host(request)
            asked = front if name is None else self._by_host.get(name)
            if asked is None:
                return PlatformResponse(unknown_url(), request_id=str(uuid.uuid4()))
            return await asked.handle(request)

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
    auth: str
    cors: CorsConfig | None
    cors_merge: str
    strict: bool


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
        auth: str = "NONE",
        cors: CorsConfig | None = None,
        cors_merge: str = "both",
        strict: bool = False,
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
    auth: str = "NONE",
    cors: CorsConfig | None = None,
    cors_merge: str = "both",
    strict: bool = False,
) -> AsyncIterator[ServedUrl]:
    """Serve one handler on the running loop and give its URL, which ends in a slash.

    `pace` is `aws`, `api-gateway` or a Pacing of other numbers (rule L3); None holds nothing back.
    `auth` AWS_IAM takes only requests that are signed with the key of the environment.  `cors` answers
    preflights; of what it adds and the function sends, a client gets `both` or what is `configured`.
    `strict` refuses what AWS would refuse, where the log only says so without it.
    Raises UsageError for a value that an option cannot have, and TargetError for a handler that
    cannot be had: whoever is to ask this URL is waiting.
    """
    exchanges: list[Exchange] = []

    def over(exchange: Exchange) -> None:
        exchanges.append(exchange)
        log_exchange(exchange)

    handler = _handler_of(target)
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
        auth=choose(AuthType, "auth", auth),
        cors=cors,
        cors_merge=choose(CorsMerge, "cors_merge", cors_merge),
        keep_chunks=None,
        watch_foreign=True,
        strict=strict,
    )
    _load(handler, config)
    # A test that ends is not interested in what still streams.
    async with Emulator([config], on_exchange=over, shutdown_seconds=0) as emulator:
        url = ServedUrl(emulator.functions[0].url)
        url.exchanges, url.settled = exchanges, emulator.settled
        yield url


def _handler_of(target: str | Callable[..., Any]) -> LazyHandler:
    if getattr(target, "needs_real_time", False):
        need_real_time()
    return LazyHandler(target)


def _load(handler: LazyHandler, config: FunctionConfig) -> None:
    with environment(config.env):  # which its import may need
        handler.load()


async def _drop_server_header(_request: web.Request, response: web.StreamResponse) -> None:
    """A Function URL sends none; a function's own stays."""
    if response.headers.get("Server") == SERVER_SOFTWARE:
        del response.headers["Server"]


def _served(at: Destination, url: str) -> ServedFunction:
    """Give a function behind one front, whose address is `url`."""
    config, gateway = at.function.config, at.gateway
    if gateway is None:
        return ServedFunction(config.name, url, config.invoke_mode)
    streams = gateway.transfer_mode is TransferMode.STREAM  # what a client sees, in the words of a Function URL
    mode = InvokeMode.RESPONSE_STREAM if streams else InvokeMode.BUFFERED
    return ServedFunction(config.name, url, mode, gateway.kind, gateway.routes)


def _named_by_host(request: web.Request) -> str | None:
    """The function that a host such as `chat.lambda-url.localhost:3000` names."""
    host = host_of(request).lower().partition(":")[0].removesuffix(".")
    return host.removesuffix(URL_DOMAIN) if host.endswith(URL_DOMAIN) else None


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
