"""The front of a function: HTTP request to invocation, response to the connection.

What differs between a Function URL, an API and a load balancer is their doors' (front/door.py).
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError

from apptheory_emulator.front.door import Admission, Arrival, Refusal
from apptheory_emulator.front.doors import door_of
from apptheory_emulator.front.http_sink import HttpSink
from apptheory_emulator.front.idle_sink import IdleSink
from apptheory_emulator.front.platform_response import PlatformResponse
from apptheory_emulator.front.reception import Reception
from apptheory_emulator.front.running import RunningInvocations
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_streaming.invocation import Invocation
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.request import HttpRequest
from apptheory_streaming.wire.transcript import Transcript

__all__ = ["HEAD_BYTES", "Exchange", "FunctionUrlHandler"]

HEAD_BYTES = AWS_NUMBERS["request line and headers"].value
_AUTHORITY = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")  # RFC 9112, section 3.2.2


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came of it."""

    request: HttpRequest
    transcript: Transcript


class FunctionUrlHandler:
    """Answers the requests of one function, at the door that its configuration asks for.

    An invocation runs in a task of its own, so that a client which goes away does not take it
    along (rule E4).  `on_exchange` hears of each when it is over.
    """

    def __init__(
        self,
        function: InProcessFunction,
        *,
        on_exchange: Callable[[Exchange], None],
        reception: Reception | None = None,
    ) -> None:
        """Serve `function`; `reception` names each request."""
        self._function = function
        self._door = door_of(function.config)
        self._on_exchange = on_exchange
        self._reception = reception or Reception()
        self._running = RunningInvocations()

    @property
    def path(self) -> str:
        """What the addresses of the function begin with."""
        return self._door.path

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Answer one request; returns when its response is over, which may be before the handler is."""
        arrival = self._arrival(http, await _read(http, self._door.max_request_bytes))
        admission = self._door.admit(arrival)
        if isinstance(admission, Refusal):
            return PlatformResponse(admission.answer, request_id=arrival.request_id, headers=admission.platform_headers)
        sink = self._sink(http, admission, arrival.request_id)
        invocation = self._invocation(admission, arrival, sink)
        transport = http.transport
        try:
            return await self._deliver(http, invocation, arrival.request, sink)
        finally:
            self._running.remember_if_stalled(transport)
            self._reception.over(http)

    async def settled(self) -> None:
        """Wait until no invocation runs, so that every exchange has been heard of."""
        await self._running.settled()

    async def stop(self, seconds: float) -> None:
        """Let responses in flight go on for so long, then cut them and cancel every handler that still runs."""
        await self._running.stop(seconds)

    async def close(self) -> None:
        """Drop what clients that do not read have left in their connections."""
        await self._running.close()

    def _arrival(self, http: web.Request, request: HttpRequest) -> Arrival:
        request_id = self._reception.request_id(http)
        epoch_ms = time.time_ns() // 1_000_000
        return Arrival(
            request=request,
            request_id=request_id,
            trace_id=self._reception.trace_id(request_id, epoch_ms),
            epoch_ms=epoch_ms,
            now=asyncio.get_running_loop().time(),
            url=self._reception.url(http, self._function.config.name),
        )

    def _sink(self, http: web.Request, admission: Admission, request_id: str) -> HttpSink:
        options: dict[str, Any] = {
            "platform_headers": admission.platform_headers,
            "added_headers": admission.added_headers,
            "replaced": admission.replaced,
            "late_errors": self._function.config.late_errors,
            "pace": admission.pace,
            "whole": admission.front.collects,
        }
        if admission.idle_seconds is None:
            return HttpSink(http, **options)
        return IdleSink(http, idle_seconds=admission.idle_seconds, request_id=request_id, **options)

    def _invocation(self, admission: Admission, arrival: Arrival, sink: HttpSink) -> Invocation:
        loop = asyncio.get_running_loop()
        return Invocation(
            self._function.handler(),
            admission.event,
            self._function.context(arrival.request_id),
            sink=sink,
            front=admission.front,
            request_id=arrival.request_id,
            policy=admission.policy,
            now=loop.time,
            head_only=arrival.request.method == "HEAD",
            request_bytes=len(arrival.request.body),
        )

    async def _deliver(
        self, http: web.Request, invocation: Invocation, request: HttpRequest, sink: HttpSink
    ) -> web.StreamResponse:
        running = self._running.start(
            invocation,
            what=f"{request.method} {request.path}",
            on_over=lambda transcript: self._on_exchange(Exchange(request, transcript)),
        )
        self._reception.began(http, invocation, running)
        await self._running.wait(running, sink.over, sent=lambda: sink.sent_bytes)
        return sink.response or web.Response(status=502, text="Internal Server Error")


async def _read(http: web.Request, limit: int | None) -> HttpRequest:
    if len(http.raw_path) + sum(len(name) + len(value) for name, value in http.raw_headers) > HEAD_BYTES:
        refusal = web.HTTPBadRequest(text="Bad Request")
        refusal.force_close()
        raise refusal
    path, _, query = _AUTHORITY.sub("", http.raw_path).partition("?")
    return HttpRequest(
        method=http.method,
        path=path if path.startswith("/") else "/",
        query=query,
        headers=tuple((name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in http.raw_headers),
        body=await _read_body(http, limit),
        protocol=f"HTTP/{http.version.major}.{http.version.minor}",
        source_ip=http.remote or "127.0.0.1",
    )


async def _read_body(http: web.Request, limit: int | None) -> bytes:
    """The body, or as much of it as shows that it is over the limit."""
    parts = bytearray()
    try:
        async for part in http.content.iter_any():
            parts += part
            if limit is not None and len(parts) > limit:
                break
    except (web.RequestPayloadError, HttpProcessingError) as error:
        raise web.HTTPBadRequest(text="Bad Request") from error
    return bytes(parts)
