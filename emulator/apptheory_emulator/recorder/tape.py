"""One request to a real endpoint, and its response with the time of every chunk."""

import asyncio
import os
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from apptheory_emulator.recorder.errors import NoConnection, NotHttp, StoppedEarly, TlsFailed
from apptheory_emulator.recorder.order import Order
from apptheory_emulator.recorder.response_reader import ResponseReader
from apptheory_streaming.wire.front import PLATFORM_HEADERS
from apptheory_streaming.wire.head import Head
from apptheory_testkit.recordings.model import Ended, Recording, TimedChunk

__all__ = ["record"]

READ_BYTES = 64 * 1024
DIGITS = 9
_CONNECTION = PLATFORM_HEADERS | {"keep-alive", "proxy-connection", "upgrade"}


async def record(
    order: Order,
    *,
    recorded_on: datetime,
    stop: asyncio.Event | None = None,
    max_seconds: float | None = None,
    on_head: Callable[[Head], object] = lambda _: None,
) -> Recording:
    """Send the request and take down what comes, on the running loop's clock, until it ends or is stopped.

    `on_head` is called once the head has come.
    Raises NoConnection, TlsFailed, NotHttp, and StoppedEarly when it is stopped before there is a head.
    """
    tape = _Tape(on_head, head_only=order.request.method == "HEAD")
    ended = await _until_stopped(tape.run(order), stop or asyncio.Event(), max_seconds)
    if not tape.reader.has_head:
        raise StoppedEarly("stopped before the head of the response came, so there is nothing to keep")
    return tape.recording(order, ended, recorded_on)


async def _until_stopped(running: Coroutine[Any, Any, Ended], stop: asyncio.Event, max_seconds: float | None) -> Ended:
    reading = asyncio.ensure_future(running)
    stopping = asyncio.ensure_future(stop.wait())
    both: set[asyncio.Future[Any]] = {reading, stopping}
    try:
        await asyncio.wait(both, timeout=max_seconds, return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else Ended.STOPPED
    finally:
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)


@dataclass
class _Tape:
    on_head: Callable[[Head], object]
    head_only: bool
    began: float = 0.0
    head_at: float = 0.0
    read_at: float = 0.0
    ended_at: float = 0.0
    chunks: list[TimedChunk] = field(default_factory=list)
    reader: ResponseReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = ResponseReader(head_only=self.head_only)

    async def run(self, order: Order) -> Ended:
        reader, writer = await _connect(order)
        try:
            self.began = asyncio.get_running_loop().time()
            writer.write(order.encode())
            return await self._read(reader)
        finally:
            self._stop()
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> Ended:
        while not self.reader.complete:
            try:
                data = await reader.read(READ_BYTES)
            except OSError as error:  # a reset, or TLS that breaks off
                return self._cut(error)
            if not data:
                self._keep(self.reader.end())
                return Ended.COMPLETE if self.reader.complete else self._cut(None)
            self._take(data)
            if self.reader.broken:
                return Ended.CUT
        return Ended.COMPLETE

    def _take(self, data: bytes) -> None:
        had_head = self.reader.has_head
        self.read_at = self._now()
        chunks = self.reader.feed(data)
        self._keep(*chunks)
        if self.reader.has_head and not had_head:
            self.head_at = self.read_at
            self.on_head(self.reader.head())

    def _keep(self, *chunks: bytes) -> None:
        self.chunks += [TimedChunk(chunk, self.read_at) for chunk in chunks if chunk]

    def _cut(self, error: OSError | None) -> Ended:
        if not self.reader.has_head:
            raise NotHttp("the connection ended before the head of a response") from error
        return Ended.CUT

    def _stop(self) -> None:
        """Keep what there is of a frame that nobody waits for any more."""
        self._keep(self.reader.end())
        self.ended_at = self._now()

    def _now(self) -> float:
        return round(asyncio.get_running_loop().time() - self.began, DIGITS)

    def recording(self, order: Order, ended: Ended, recorded_on: datetime) -> Recording:
        head = self.reader.head()
        own = {name: values for name, values in head.headers.items() if name not in _CONNECTION}
        return Recording(
            id=order.id,
            name=f"{order.request.method} {order.request.path}, recorded",
            handler=order.handler,
            request=order.request,
            head=replace(head, headers=own),
            chunks=tuple(self.chunks),
            head_at=self.head_at,
            ended=ended,
            ended_at=self.ended_at,
            platform_headers={name: values for name, values in head.headers.items() if name in _CONNECTION},
            url=order.endpoint.url,
            recorded_on=recorded_on.isoformat(timespec="seconds"),
        )


async def _connect(order: Order) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    endpoint = order.endpoint
    where = f"{endpoint.host}:{endpoint.port}"
    try:
        return await asyncio.open_connection(
            endpoint.host,
            endpoint.port,
            ssl=_tls(order),
            limit=READ_BYTES,
            server_hostname=endpoint.host if endpoint.tls else None,
        )
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message or str(error)
        raise TlsFailed(
            f"the certificate of {where} is not trusted: {why}; -k behind `--` takes any, SSL_CERT_FILE names more"
        ) from error
    except ssl.SSLError as error:
        raise TlsFailed(f"no TLS with {where}: {error.reason or error}; does it speak http://?") from error
    except OSError as error:
        raise NoConnection(f"no connection to {where}: {_why(error)}") from error


def _tls(order: Order) -> ssl.SSLContext | None:
    if not order.endpoint.tls:
        return None
    context = ssl.create_default_context()
    if order.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _why(error: OSError) -> str:
    """What the system says, which for several addresses stands in none of asyncio's texts."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
