"""Clients that do not read: a handler is held back, and nothing piles up in memory."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import HttpResponseStream, streamify_response
from raw_http import WAIT_SECONDS, fetch

pytestmark = pytest.mark.streaming(clock="real")

CHUNK = b"x" * 64 * 1024
GIB = 1024 * 1024 * 1024
MOST_BYTES = 8 * 1024 * 1024
"""What may be on its way: kernel buffers of both sides, one window of a thread, the buffer of the connection."""


class Producer:
    """Makes 1 GiB if it is let, counts what it made, and says when it was closed."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = threading.Event()

    def chunks(self) -> Iterator[bytes]:
        try:
            while self.made < GIB:
                self.made += len(CHUNK)
                yield CHUNK
        finally:
            self.closed.set()

    async def async_chunks(self) -> AsyncIterator[bytes]:
        try:
            while self.made < GIB:
                self.made += len(CHUNK)
                yield CHUNK
        finally:
            self.closed.set()

    def async_handler(self) -> Callable[..., Any]:
        async def handler(event: Any, context: Any) -> dict[str, Any]:
            return {"body": iter([b"ok"]) if event["rawPath"] == "/other" else self.async_chunks()}

        return handler

    def sync_handler(self) -> Callable[..., Any]:
        def handler(event: Any, context: Any) -> dict[str, Any]:
            return {"body": iter([b"ok"]) if event["rawPath"] == "/other" else self.chunks()}

        return handler

    def streamify_handler(self) -> Callable[..., Any]:
        @streamify_response
        async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
            if event["rawPath"] != "/other":
                async for chunk in self.async_chunks():
                    await stream.write(chunk)
            stream.end(b"ok")

        return handler

    def sync_streamify_handler(self) -> Callable[..., Any]:
        @streamify_response
        def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
            if event["rawPath"] != "/other":
                for chunk in self.chunks():
                    stream.write(chunk)
            stream.end(b"ok")

        return handler


@contextmanager
def stalled_client(url: str) -> Iterator[socket.socket]:
    """A connection with a small receive buffer that has sent its request and reads nothing by itself."""
    parts = urlsplit(url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((parts.hostname, parts.port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        client.setblocking(False)
        yield client


async def stalls(url: str, producer: Producer) -> int:
    """Wait until the handler makes no more, although ten whole requests of others come and go; give what it made."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            before = producer.made
            for _ in range(10):
                assert (await fetch(url, target="/other")).body == b"ok"
            if producer.made == before > 0:
                return before


KINDS = ["async_handler", "sync_handler", "streamify_handler", "sync_streamify_handler"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on_disconnect", ["cancel", "continue"])
async def test_handler_of_a_client_that_stops_reading_makes_a_bounded_number_of_bytes(
    function_url: FunctionUrlFactory, kind: str, on_disconnect: str
) -> None:
    """One byte is read and no more: of 1 GiB a few MiB are made; when the client goes, nothing is left (E4)."""
    producer = Producer()
    url = await function_url(getattr(producer, kind)(), on_disconnect=on_disconnect)
    loop = asyncio.get_running_loop()

    with stalled_client(url) as client:
        assert await loop.sock_recv(client, 1) == b"H"
        assert await stalls(url, producer) <= MOST_BYTES
        assert not producer.closed.is_set()
    async with asyncio.timeout(WAIT_SECONDS):
        await url.settled()
        assert await asyncio.to_thread(producer.closed.wait, WAIT_SECONDS)

    transcript = next(each.transcript for each in url.exchanges if each.request.path == "/")
    assert transcript.delivery.kind == "client_gone"
    assert transcript.handler == ("cancelled" if on_disconnect == "cancel" else "ended")
    assert producer.made <= MOST_BYTES if on_disconnect == "cancel" else producer.made == GIB
    assert transcript.body_bytes <= MOST_BYTES


async def test_slow_client_that_reads_on_gets_everything(function_url: FunctionUrlFactory) -> None:
    """A reader that stalls and goes on loses nothing: 32 MiB arrive whole and in order."""
    chunks = [bytes([index % 251]) * 64 * 1024 for index in range(512)]
    made = Producer()

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            made.made += len(chunk)
            yield chunk

    async def handler(event: Any, context: Any) -> dict[str, Any]:
        return {"body": iter([b"ok"]) if event["rawPath"] == "/other" else body()}

    url = await function_url(handler)
    with stalled_client(url) as client:
        assert await stalls(url, made) < 32 * 1024 * 1024
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
        reader, writer = await asyncio.open_connection(sock=client)
        async with asyncio.timeout(WAIT_SECONDS):
            received = await reader.readuntil(b"\r\n\r\n")
            for chunk in chunks:
                assert await reader.readexactly(7 + len(chunk) + 2) == b"10000\r\n%b\r\n" % chunk
            assert await reader.readexactly(5) == b"0\r\n\r\n"
        writer.close()
        await writer.wait_closed()
    assert received.startswith(b"HTTP/1.1 200")


async def test_timeout_reaches_a_handler_whose_client_does_not_read(function_url: FunctionUrlFactory) -> None:
    """E5: the deadline does not wait for the client; the response is cut and the handler closed."""
    producer = Producer()
    url = await function_url(producer.async_handler(), timeout=0.2)

    with stalled_client(url):
        async with asyncio.timeout(WAIT_SECONDS):
            while not producer.closed.is_set():
                await fetch(url, target="/other")
            await url.settled()

    transcript = next(each.transcript for each in url.exchanges if each.request.path == "/")
    assert f"{transcript.handler} {transcript.delivery} {transcript.stream_error_code}" == "timed_out cut app.timeout"
