"""The server of an HTTP transport: it starts with the first call, and knows whose request each one is."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from urllib.parse import urlsplit

from aiohttp import web

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.frame_client import FrameClient
from apptheory_emulator.front.reception import Reception
from apptheory_emulator.http_call import HttpCall
from apptheory_emulator.keeper import Keeper
from apptheory_emulator.server import Emulator
from apptheory_streaming.invocation import Invocation
from apptheory_streaming.wire.events.function_url import FunctionUrl
from apptheory_streaming.wire.transcript import Transcript

__all__ = ["CallServer"]

LOOPBACK = "127.0.0.1"


class CallServer:
    """Serves one function for the calls of one transport, on whatever loop a call is made.

    A server ends with its loop, unless whoever hears of it by `on_server` ends it before; the next
    call then starts another.
    """

    def __init__(
        self, config: Callable[[], FunctionConfig], domain: str, on_server: Callable[[Keeper[int]], object]
    ) -> None:
        """Serve the function that `config` gives, under the domain that its events are to show."""
        self._config = config
        self._on_server = on_server
        self._reception = _CallReception(domain)
        self._keeper: Keeper[int] | None = None
        self._starting: asyncio.Task[int] | None = None

    async def connect(self) -> FrameClient:
        """Open a connection to the server of the running loop, starting one where there is none."""
        loop = asyncio.get_running_loop()
        if self._starting is None or self._keeper is None or self._keeper.ended or self._keeper.loop is not loop:
            self._keeper = Keeper(self._serve())
            self._on_server(self._keeper)
            self._starting = loop.create_task(self._keeper.start())
        # One call that is given up must not take the server from the others.
        return await FrameClient.connect(LOOPBACK, await asyncio.shield(self._starting))

    def expecting(self, port: int, call: HttpCall) -> AbstractContextManager[None]:
        """Tell `call` of the request that comes from `port` on the client's side, inside the block."""
        return self._reception.expecting(port, call)

    @asynccontextmanager
    async def _serve(self) -> AsyncIterator[int]:
        # What still streams when a test ends interests nobody; a test has its captures, and needs no log.
        emulator = Emulator(
            [self._config()],
            on_exchange=lambda _: None,
            shutdown_seconds=0,
            reception=self._reception,
            host=LOOPBACK,
            quiet=True,
        )
        async with emulator:
            yield urlsplit(emulator.functions[0].url).port or 0


class _CallReception(Reception):
    """Names requests as the in-process transport does, and tells each call of its own."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._expected: dict[int, HttpCall] = {}
        self._calls: dict[int, HttpCall] = {}

    @contextmanager
    def expecting(self, port: int, call: HttpCall) -> Iterator[None]:
        """Take the request from this port for that of `call`."""
        self._expected[port] = call
        try:
            yield
        finally:
            del self._expected[port]

    def request_id(self, http: web.Request) -> str:
        address = http.transport.get_extra_info("peername") if http.transport is not None else None
        call = self._expected.get(address[1]) if address else None
        if call is None:  # given up before it came here
            raise web.HTTPServiceUnavailable
        self._calls[id(http)] = call
        return call.request_id

    def trace_id(self, request_id: str, epoch_ms: int) -> str:
        digest = hashlib.sha256(request_id.encode()).hexdigest()
        return f"Root=1-{epoch_ms // 1000:08x}-{digest[:24]}"

    def url(self, http: web.Request, name: str) -> FunctionUrl:  # noqa: ARG002 - the same for all
        return FunctionUrl(url_id=name, domain=self._domain, scheme="https", port=443)

    def began(self, http: web.Request, invocation: Invocation, running: "asyncio.Task[Transcript]") -> None:
        self._calls[id(http)].began(invocation, running)

    def over(self, http: web.Request) -> None:
        self._calls.pop(id(http)).over()
