"""The client that a test holds: requests in, captures out."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypedDict, TypeVar, Unpack

from apptheory_streaming.errors import LoopError, UsageError
from apptheory_streaming.handlers import Handler
from apptheory_streaming.invocation import InvocationPolicy, OnDisconnect
from apptheory_streaming.options import check_environment, check_switch, choose
from apptheory_streaming.wire.front import FunctionUrlFront, InvokeMode
from apptheory_streaming.wire.limits import Limits, check_limits
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.faults import disconnect
from apptheory_testkit.faults.plan import FaultPlan, Faults, plan_faults
from apptheory_testkit.request_ids import RequestIds
from apptheory_testkit.stream_error import raise_stream_error
from apptheory_testkit.sweeping.leak_watch import Leaks, probes_of
from apptheory_testkit.sweeping.sweep import FaultFactory, SweepReport, check_factory, sweep
from apptheory_testkit.sweeping.swept_test import current_swept_test
from apptheory_testkit.transports.http_request import HeaderPairs, Params, make_request
from apptheory_testkit.transports.in_process import InProcessTransport
from apptheory_testkit.transports.live import LiveStream
from apptheory_testkit.transports.transport import Transport
from apptheory_testkit.virtual_time.clock import ClockKind
from apptheory_testkit.virtual_time.loop import VirtualLoop

__all__ = ["RequestOptions", "RequestParts", "StreamClient", "StreamClientFactory", "SyncStreamClient", "stream_client"]

_T = TypeVar("_T")


class RequestParts(TypedDict, total=False):
    """The keywords that say what is sent; one of `json`, `content` and `data` gives the body."""

    params: Params | None
    headers: HeaderPairs | None
    cookies: Mapping[str, str] | None
    json: Any
    content: bytes | str | None
    data: Mapping[str, Any] | None


class RequestOptions(RequestParts, total=False):
    """The keywords of every request method; `fault` is one of `apptheory_testkit.faults`, or several."""

    fault: Faults


class StreamClientFactory(Protocol):
    """What the `stream_client` fixture gives."""

    def __call__(
        self,
        target: Handler | str,
        *,
        strict: bool = True,
        raise_on_stream_error: bool = False,
        on_disconnect: str = "continue",
        timeout: float | None = None,
        invoke_mode: str = "RESPONSE_STREAM",
        limits: Limits | None = None,
        env: Mapping[str, str] | None = None,
        clock: str | None = None,
    ) -> "StreamClient":
        """Make a client for a handler or an import string; see `apptheory_testkit.stream_client`."""
        ...


def stream_client(
    target: Handler | str,
    *,
    raise_on_stream_error: bool = False,
    on_disconnect: str = "continue",
    timeout: float | None = None,
    invoke_mode: str = "RESPONSE_STREAM",
    limits: Limits | None = None,
    env: Mapping[str, str] | None = None,
    request_ids: RequestIds | None = None,
    on_capture: Callable[[StreamCapture], None] | None = None,
    clock: str | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    transport: Callable[..., Transport] = InProcessTransport,
) -> "StreamClient":
    """Make a client for a handler, or for an import string such as `app.main:handler`.

    `raise_on_stream_error` lets requests raise what a handler raised after its first chunk.
    `timeout` is in seconds and None arms none (the context then shows 900 s); `env` is added to
    the environment while a call runs.  `clock` is `virtual` or `real`, which the running loop then
    must be, or None for either; `loop_factory` makes the loops of `sync`; `transport` makes the path
    of requests, such as `apptheory_emulator.HttpTransport`.  Raises UsageError for a value that an
    option cannot have, and TargetError for what is no handler.
    """
    if not callable(transport):
        raise UsageError(
            f"transport makes the path of requests, such as apptheory_emulator.HttpTransport, not {transport!r}; "
            'a test is sent over HTTP by @pytest.mark.streaming(transport="http")'
        )
    kind = None if clock is None else choose(ClockKind, "clock", clock)
    if getattr(target, "needs_real_time", False):  # what runs in another process
        kind = _real_time(kind)
    if timeout is None:
        timeout = getattr(target, "function_timeout", None)
    default_loop = VirtualLoop if kind is ClockKind.VIRTUAL else asyncio.new_event_loop
    path = transport(
        target,
        front=FunctionUrlFront(choose(InvokeMode, "invoke_mode", invoke_mode)),
        policy=InvocationPolicy(
            timeout=timeout,
            on_disconnect=choose(OnDisconnect, "on_disconnect", on_disconnect),
            limits=check_limits(limits),
            watch_foreign=True,
        ),
        request_ids=request_ids or RequestIds(),
        env=check_environment(env),
    )
    return StreamClient(
        path,
        on_capture=on_capture,
        clock=kind,
        loop_factory=loop_factory or default_loop,
        raise_on_stream_error=check_switch("raise_on_stream_error", raise_on_stream_error),
    )


def _real_time(asked: ClockKind | None) -> ClockKind:
    """Raise UsageError where a test in virtual time is to run what cannot."""
    if asked is ClockKind.VIRTUAL:
        raise UsageError(
            "this handler runs in another process, and so in real time: let "
            '@pytest.mark.streaming(clock="real") mark the test, its class or its module, '
            "or make the client with the fixture worker_client"
        )
    return ClockKind.REAL


class StreamClient:
    """Sends requests to one handler and captures its responses."""

    def __init__(
        self,
        transport: Transport,
        *,
        on_capture: Callable[[StreamCapture], None] | None = None,
        clock: ClockKind | None = None,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
        raise_on_stream_error: bool = False,
    ) -> None:
        """Send through `transport`; `on_capture` hears of every capture.

        `clock` is what the running loop must be, if not None; `loop_factory` makes the loops of `sync`;
        `raise_on_stream_error` is for late errors.
        """
        self._transport = transport
        self._clock = clock
        self._loop_factory = loop_factory
        self._on_capture = on_capture
        self._raise_on_stream_error = raise_on_stream_error

    async def request(self, method: str, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a request and capture the whole response."""
        self._check_clock()
        request, faults = self._prepared(method, path, options)
        swept = current_swept_test()
        if swept is None:
            return self._given(self._captured(await self._transport.send(request, faults=faults)))
        return self._given(
            await swept.exchange(
                f"{method} {path}", lambda plan: self._transport.send(request, faults=plan), faults, self._captured
            )
        )

    async def get(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a GET request."""
        return await self.request("GET", path, **options)

    async def post(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a POST request."""
        return await self.request("POST", path, **options)

    async def put(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a PUT request."""
        return await self.request("PUT", path, **options)

    async def patch(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a PATCH request."""
        return await self.request("PATCH", path, **options)

    async def delete(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a DELETE request."""
        return await self.request("DELETE", path, **options)

    async def head(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a HEAD request; its response has no chunks (rule E6)."""
        return await self.request("HEAD", path, **options)

    async def options(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send an OPTIONS request."""
        return await self.request("OPTIONS", path, **options)

    async def invoke(self, event: Any, *, fault: Faults = None) -> StreamCapture:
        """Hand the handler an event as it is."""
        self._check_clock()
        faults = plan_faults(fault)
        swept = current_swept_test()
        if swept is None:
            return self._given(self._captured(await self._transport.invoke(event, faults=faults)))
        return self._given(
            await swept.exchange(
                "invoke", lambda plan: self._transport.invoke(event, faults=plan), faults, self._captured
            )
        )

    def stream(self, method: str, path: str = "/", **options: Unpack[RequestOptions]) -> LiveStream:
        """Open a response to take chunk by chunk: `async with client.stream("GET", "/") as live`."""
        self._check_clock()
        request, faults = self._prepared(method, path, options)
        swept = current_swept_test()
        if swept is not None:
            live = swept.open(
                f"{method} {path}", lambda plan: self._transport.open(request, faults=plan), faults, self._captured
            )
        else:
            live = self._transport.open(request, faults=faults)
            live.on_capture = self._captured
        live.on_left = self._given
        return live

    async def sweep(
        self,
        method: str,
        path: str = "/",
        *,
        fault: FaultFactory = disconnect,
        leaks: Leaks = None,
        **parts: Unpack[RequestParts],
    ) -> SweepReport:
        """Send a request again and again, with a fault at every one of its events; raises AssertionError for leaks.

        `fault` makes the fault of a position: `disconnect`, `cancel`, or your own function of `at`;
        `leaks` gives something that a run must leave as it was, or several by name.
        """
        __tracebackhide__ = True
        self._check_clock()
        probes = probes_of(leaks)
        request = self._request(method, path, parts)
        return await sweep(
            lambda plan: self._transport.send(request, faults=plan),
            what=f"{method} {path}",
            fault=check_factory(fault),
            probes=probes,
        )

    @property
    def sync(self) -> "SyncStreamClient":
        """The same client for a test that is not async; each call runs a loop of its own."""
        return SyncStreamClient(self, self._loop_factory)

    def _check_clock(self) -> None:
        """Raise UsageError where the running loop has another clock than the client was made for."""
        try:
            running = ClockKind.VIRTUAL if isinstance(asyncio.get_running_loop(), VirtualLoop) else ClockKind.REAL
        except RuntimeError:  # the transport says what it needs
            return
        if self._clock not in (None, running):
            raise UsageError(
                f"this client is for {self._clock} time, but the running loop is in {running} time: let "
                f'@pytest.mark.streaming(clock="{self._clock}") mark the test, its class or its module (in '
                "`pytest.param` it comes too late), and let the test run on the loop that its plugin gives it"
            )

    def _prepared(self, method: str, path: str, options: RequestOptions) -> tuple[HttpRequest, FaultPlan | None]:
        faults = plan_faults(options.pop("fault", None))
        return self._request(method, path, options), faults

    def _request(self, method: str, path: str, parts: Mapping[str, Any]) -> HttpRequest:
        """Make a request; raises UsageError for a keyword that it does not have."""
        known = RequestParts.__annotations__
        for name in parts:
            if name not in known:
                raise UsageError(f"a request has no keyword {name!r}: it takes {', '.join(known)} and fault")
        return make_request(method, path, host=self._transport.host, **parts)

    def _captured(self, capture: StreamCapture) -> StreamCapture:
        if self._on_capture is not None:
            self._on_capture(capture)
        return capture

    def _given(self, capture: StreamCapture) -> StreamCapture:
        if self._raise_on_stream_error:
            raise_stream_error(capture)
        return capture


class SyncStreamClient:
    """A StreamClient without `await`; raises LoopError inside a running loop."""

    def __init__(self, client: StreamClient, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
        """Call `client` on a loop of its own for each call."""
        self._client = client
        self._loop_factory = loop_factory

    def request(self, method: str, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a request and capture the whole response."""
        return self._run(self._client.request(method, path, **options))

    def get(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a GET request."""
        return self.request("GET", path, **options)

    def post(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a POST request."""
        return self.request("POST", path, **options)

    def put(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a PUT request."""
        return self.request("PUT", path, **options)

    def patch(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a PATCH request."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a DELETE request."""
        return self.request("DELETE", path, **options)

    def head(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a HEAD request; its response has no chunks (rule E6)."""
        return self.request("HEAD", path, **options)

    def options(self, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send an OPTIONS request."""
        return self.request("OPTIONS", path, **options)

    def invoke(self, event: Any, *, fault: Faults = None) -> StreamCapture:
        """Hand the handler an event as it is."""
        return self._run(self._client.invoke(event, fault=fault))

    def sweep(
        self,
        method: str,
        path: str = "/",
        *,
        fault: FaultFactory = disconnect,
        leaks: Leaks = None,
        **parts: Unpack[RequestParts],
    ) -> SweepReport:
        """Send a request again and again, with a fault at every one of its events; raises AssertionError for leaks."""
        __tracebackhide__ = True
        return self._run(self._client.sweep(method, path, fault=fault, leaks=leaks, **parts))

    def _run(self, call: Coroutine[Any, Any, _T]) -> _T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # A factory, because without one the runner takes away the loop that others may have set.
            with asyncio.Runner(loop_factory=self._loop_factory) as runner:
                return runner.run(call)
        call.close()
        raise LoopError("`client.sync` would block the running loop; in an async test write `await client.get(...)`")
