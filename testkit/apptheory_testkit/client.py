"""The client that a test holds: requests in, captures out."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypedDict, Unpack

from apptheory_streaming.errors import LoopError, UsageError
from apptheory_streaming.handlers import Handler
from apptheory_streaming.invocation import InvocationPolicy, OnDisconnect
from apptheory_streaming.options import choose
from apptheory_streaming.wire.front import FunctionUrlFront, InvokeMode
from apptheory_streaming.wire.limits import Limits
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.clock import ClockKind
from apptheory_testkit.http_request import HeaderPairs, Params, make_request
from apptheory_testkit.in_process import InProcessTransport
from apptheory_testkit.live import LiveStream
from apptheory_testkit.loop import VirtualLoop
from apptheory_testkit.request_ids import RequestIds
from apptheory_testkit.transport import Transport

__all__ = ["RequestOptions", "StreamClient", "StreamClientFactory", "SyncStreamClient", "stream_client"]


class RequestOptions(TypedDict, total=False):
    """The keywords of every request method; one of `json`, `content` and `data` gives the body."""

    params: Params | None
    headers: HeaderPairs | None
    cookies: Mapping[str, str] | None
    json: Any
    content: bytes | str | None
    data: Mapping[str, Any] | None


class StreamClientFactory(Protocol):
    """What the `stream_client` fixture gives."""

    def __call__(
        self,
        target: Handler | str,
        *,
        strict: bool = True,
        on_disconnect: str = "continue",
        timeout: float | None = None,
        invoke_mode: str = "RESPONSE_STREAM",
        limits: Limits | None = None,
        env: Mapping[str, str] | None = None,
    ) -> "StreamClient":
        """Make a client for a handler or an import string; see `apptheory_testkit.stream_client`."""
        ...


def stream_client(
    target: Handler | str,
    *,
    on_disconnect: str = "continue",
    timeout: float | None = None,
    invoke_mode: str = "RESPONSE_STREAM",
    limits: Limits | None = None,
    env: Mapping[str, str] | None = None,
    request_ids: RequestIds | None = None,
    on_capture: Callable[[StreamCapture], None] | None = None,
    clock: str = "real",
) -> "StreamClient":
    """Make a client for a handler, or for an import string such as `app.main:handler`.

    `timeout` is in seconds and None arms none (the context then shows 900 s); `env` is added to
    the environment while a call runs.  Raises UsageError for a value that an option cannot have.
    """
    if timeout is not None and not timeout > 0:  # not a number is not more than 0 either
        raise UsageError(f"timeout must be more than 0 seconds, or None for no timeout, not {timeout!r}")
    transport = InProcessTransport(
        target,
        front=FunctionUrlFront(choose(InvokeMode, "invoke_mode", invoke_mode)),
        policy=InvocationPolicy(
            timeout=timeout,
            on_disconnect=choose(OnDisconnect, "on_disconnect", on_disconnect),
            limits=limits or Limits(),
            watch_foreign=True,
        ),
        request_ids=request_ids or RequestIds(),
        env=env,
    )
    return StreamClient(transport, on_capture=on_capture, clock=choose(ClockKind, "clock", clock))


class StreamClient:
    """Sends requests to one handler and captures its responses."""

    def __init__(
        self,
        transport: Transport,
        *,
        on_capture: Callable[[StreamCapture], None] | None = None,
        clock: ClockKind = ClockKind.REAL,
    ) -> None:
        """Send through `transport`; `on_capture` hears of every capture; `clock` is that of `sync`."""
        self._transport = transport
        self._clock = clock
        self._on_capture = on_capture

    async def request(self, method: str, path: str = "/", **options: Unpack[RequestOptions]) -> StreamCapture:
        """Send a request and capture the whole response."""
        request = make_request(method, path, host=self._transport.host, **options)
        return self._captured(await self._transport.send(request))

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

    async def invoke(self, event: Any) -> StreamCapture:
        """Hand the handler an event as it is."""
        return self._captured(await self._transport.invoke(event))

    def stream(self, method: str, path: str = "/", **options: Unpack[RequestOptions]) -> LiveStream:
        """Open a response to take chunk by chunk: `async with client.stream("GET", "/") as live`."""
        live = self._transport.open(make_request(method, path, host=self._transport.host, **options))
        live.on_capture = self._captured
        return live

    @property
    def sync(self) -> "SyncStreamClient":
        """The same client for a test that is not async; each call runs a loop of its own."""
        return SyncStreamClient(self, self._clock)

    def _captured(self, capture: StreamCapture) -> StreamCapture:
        if self._on_capture is not None:
            self._on_capture(capture)
        return capture


class SyncStreamClient:
    """A StreamClient without `await`; raises LoopError inside a running loop."""

    def __init__(self, client: StreamClient, clock: ClockKind) -> None:
        """Call `client` on a loop in the time of `clock`."""
        self._client = client
        self._clock = clock

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

    def invoke(self, event: Any) -> StreamCapture:
        """Hand the handler an event as it is."""
        return self._run(self._client.invoke(event))

    def _run(self, call: Coroutine[Any, Any, StreamCapture]) -> StreamCapture:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # A factory, because without one the runner takes away the loop that others may have set.
            factory = VirtualLoop if self._clock is ClockKind.VIRTUAL else asyncio.new_event_loop
            with asyncio.Runner(loop_factory=factory) as runner:
                return runner.run(call)
        call.close()
        raise LoopError("`client.sync` would block the running loop; in an async test write `await client.get(...)`")
