"""The requests of a front: from HTTP to the invocation of a function, and its response to the connection.

What differs between a Function URL, an API and a load balancer is their doors' (front/door.py).
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
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
from apptheory_emulator.front.routes import Destination
from apptheory_emulator.front.running import RunningInvocations
from apptheory_emulator.front.strictness import look, refusal
from apptheory_streaming.invocation import Invocation
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.request import HttpRequest
from apptheory_streaming.wire.transcript import Transcript

__all__ = ["HEAD_BYTES", "Exchange", "RequestHandler", "host_of"]

HEAD_BYTES = AWS_NUMBERS["request line and headers"].value
_AUTHORITY = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")  # RFC 9112, section 3.2.2


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came of it."""

    request: HttpRequest
    transcript: Transcript


class RequestHandler:
    """Answers the requests of one front: of one function, or of those that share an API.

    An invocation runs in a task of its own, so that a client which goes away does not take it
    along (rule E4).  `on_exchange` hears of each when it is over.
    """

    def __init__(
        self,
        destinations: Sequence[Destination],
        *,
        on_exchange: Callable[[Exchange], None],
        reception: Reception | None = None,
    ) -> None:
        """Serve the functions of `destinations` behind one front; `reception` names each request.

        Raises UsageError for functions that cannot share one.
        """
        gateway = destinations[0].gateway
        self._name = (gateway and gateway.api) or destinations[0].function.config.name
        self._door = door_of(destinations)
        self._on_exchange = on_exchange
        self._reception = reception or Reception()
        self._running = RunningInvocations()

    @property
    def path(self) -> str:
        """What the paths of its addresses begin with."""
        return self._door.path

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Answer one request; returns when its response is over, which may be before the handler is."""
        arrival = self._arrival(http, await _read(http, self._door.max_request_bytes))
        admission = self._admit(arrival)
        if isinstance(admission, Refusal):
            return PlatformResponse(admission.answer, request_id=arrival.request_id, headers=admission.platform_headers)
        sink = self._sink(http, admission, arrival.request_id)
        invocation = self._invocation(admission, arrival, sink)
        transport = http.transport
        try:
            return await self._deliver(http, invocation, arrival.request, admission, sink)
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
            url=self._reception.url(http, self._name),
        )

    def _admit(self, arrival: Arrival) -> Admission | Refusal:
        admission = self._door.admit(arrival)
        if isinstance(admission, Refusal):
            return admission
        return refusal(admission, arrival.request_id) or admission

    def _sink(self, http: web.Request, admission: Admission, request_id: str) -> HttpSink:
        options: dict[str, Any] = {
            "platform_headers": admission.platform_headers,
            "added_headers": admission.added_headers,
            "replaced": admission.replaced,
            "late_errors": admission.function.config.late_errors,
            "pace": admission.pace,
            "whole": admission.front.collects,
        }
        if admission.idle_seconds is None:
            return HttpSink(http, **options)
        return IdleSink(http, idle_seconds=admission.idle_seconds, request_id=request_id, **options)

    def _invocation(self, admission: Admission, arrival: Arrival, sink: HttpSink) -> Invocation:
        loop = asyncio.get_running_loop()
        return Invocation(
            admission.function.handler(),
            admission.event,
            admission.function.context(arrival.request_id),
            sink=sink,
            front=admission.front,
            request_id=arrival.request_id,
            policy=admission.policy,
            now=loop.time,
            head_only=arrival.request.method == "HEAD",
            request_bytes=_size(arrival.request, self._door.max_request_bytes),
        )

    async def _deliver(
        self, http: web.Request, invocation: Invocation, request: HttpRequest, admission: Admission, sink: HttpSink
    ) -> web.StreamResponse:
        def over(transcript: Transcript) -> None:
            look(admission, transcript)
            self._on_exchange(Exchange(request, transcript))

        running = self._running.start(invocation, what=f"{request.method} {request.path}", on_over=over)
        self._reception.began(http, invocation, running)
        await self._running.wait(running, sink.over, sent=lambda: sink.sent_bytes)
        if sink.gave_up:
            invocation.lose_client(after_bytes=0)
        return sink.response or web.Response(status=502, text="Internal Server Error")


def host_of(http: web.Request) -> str:
    """The host that a client means, with its port: that of an absolute target wins (RFC 9112, section 3.2.2)."""
    absolute = _AUTHORITY.match(http.raw_path)
    return absolute[1].rpartition("@")[2] if absolute else http.headers.get("Host", "")


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


def _size(request: HttpRequest, limit: int | None) -> int | None:
    """The size of a body; of one over the limit not all was read, and it is what its client says, if it does."""
    size = len(request.body)
    if limit is None or size <= limit:
        return size
    told = request.first("content-length")
    return int(told) if told.isascii() and told.isdigit() else None


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
