"""The emulator as a context manager: what it opens it closes, and what still runs it ends."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from apptheory_emulator import Emulator, Exchange, FunctionConfig, serve_function_url
from apptheory_streaming.wire.front import InvokeMode
from raw_http import WAIT_SECONDS, Cut, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")


def config(handler: Any, **options: Any) -> FunctionConfig:
    return FunctionConfig(name="own", target=handler, **options)


async def two_chunks(event: Any, context: Any) -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"


def in_thread(event: Any, context: Any) -> Iterator[bytes]:
    yield b"one"
    yield b"two"


class Stream:
    """Streams `first`, waits for its gate, streams `last`; says when its `finally` block has run."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.closed = asyncio.Event()

    async def handler(self, event: Any, context: Any) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await self.gate.wait()
            yield b"last"
        finally:
            self.closed.set()


def open_files() -> int:
    """How many files and sockets this process has open."""
    return len([*Path("/dev/fd").iterdir()])


def refuses(url: str) -> bool:
    """Whether nobody listens at the port of a URL any more."""
    parts = urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((parts.hostname, parts.port)) != 0


async def test_emulator_leaves_no_task_port_or_thread() -> None:
    """After the block there are the tasks and threads of before, and the port is free."""
    tasks = asyncio.all_tasks()
    threads = set(threading.enumerate())
    files = open_files()

    async with Emulator([config(two_chunks), config(in_thread)]) as emulator:
        urls = [function.url for function in emulator.functions]
        async with connect(urls[0]) as idle:
            await idle.request("GET")
            await idle.read_response()
            await asyncio.gather(*(fetch(url) for url in urls * 10))
        kept = await asyncio.open_connection(urlsplit(urls[0]).hostname, urlsplit(urls[0]).port)  # and says nothing

    assert asyncio.all_tasks() == tasks
    for thread in set(threading.enumerate()) - threads:  # they were told to end; see that they do
        await asyncio.to_thread(thread.join, WAIT_SECONDS)
        assert not thread.is_alive() or thread.name.startswith("asyncio")
    assert all(map(refuses, urls))
    assert await kept[0].read() == b""
    kept[1].close()
    await kept[1].wait_closed()
    assert open_files() == files


@pytest.mark.parametrize("passes", range(6))
async def test_connection_of_the_last_moment_is_closed_too(passes: int) -> None:
    """A client that connects as the emulator stops is refused or closed, wherever the loop is with accepting it."""
    tasks = asyncio.all_tasks()
    files = open_files()

    with socket.socket() as client:
        async with Emulator([config(two_chunks)]) as served:
            parts = urlsplit(served.functions[0].url)
            client.connect((parts.hostname, parts.port))
            for _ in range(passes):
                await asyncio.sleep(0)
        assert asyncio.all_tasks() == tasks
        assert open_files() == files + 1


async def test_each_function_has_a_port_of_its_own() -> None:
    """Several functions: file order, own names, own modes, own handlers."""
    configs = [
        FunctionConfig(name="first", target=two_chunks),
        FunctionConfig(name="second", target=in_thread, invoke_mode=InvokeMode.BUFFERED),
    ]

    async with Emulator(configs) as emulator:
        assert [function.name for function in emulator.functions] == ["first", "second"]
        assert [function.invoke_mode for function in emulator.functions] == ["RESPONSE_STREAM", "BUFFERED"]
        first, second = (function.url for function in emulator.functions)
        assert first != second
        assert (await fetch(first)).frames == [b"one", b"two"]
        assert (await fetch(second)).frames == [b"onetwo"]


async def test_emulator_listens_where_it_is_told_to() -> None:
    """An address of IPv6 stands in brackets in the URL, and as it is in the event."""
    if not has_ipv6():
        pytest.skip("there is no IPv6 loopback on this machine")

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield event["requestContext"]["http"]["sourceIp"]

    async with Emulator([config(handler)], host="::1") as served:
        url = served.functions[0].url
        assert url.startswith("http://[::1]:")
        assert (await fetch(url)).body == b"::1"


def has_ipv6() -> bool:
    """Whether a socket can be bound to the IPv6 loopback."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_long_stream_leaves_a_bounded_transcript() -> None:
    """A front that serves for days counts every chunk and keeps the records of the first `keep_chunks`."""

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x"

    exchanges: list[Exchange] = []
    async with Emulator([config(handler, keep_chunks=10)], on_exchange=exchanges.append) as served:
        assert len((await fetch(served.functions[0].url)).frames) == 1000
        await served.settled()

    (transcript,) = (each.transcript for each in exchanges)
    assert (len(transcript.chunks), transcript.chunk_count, transcript.body_bytes) == (10, 1000, 1000)


async def test_port_that_is_taken_is_an_error_and_leaves_nothing() -> None:
    """OSError on entering, for the first function or a later one; ports that were open are closed again."""
    tasks = asyncio.all_tasks()
    async with Emulator([config(two_chunks)]) as first:
        port = urlsplit(first.functions[0].url).port
        assert port
        with pytest.raises(OSError, match="address already in use"):
            await Emulator([config(two_chunks)], port=port).__aenter__()
        assert (await fetch(first.functions[0].url)).body == b"onetwo"
    assert asyncio.all_tasks() == tasks


async def test_port_can_be_used_again_at_once() -> None:
    """Leaving frees the port even for the next emulator."""
    async with Emulator([config(two_chunks)]) as emulator:
        url = emulator.functions[0].url
        await fetch(url)
    async with Emulator([config(two_chunks)], port=urlsplit(url).port or 0) as emulator:
        assert emulator.functions[0].url == url
        assert (await fetch(url)).body == b"onetwo"


async def test_stream_in_flight_may_finish_when_the_emulator_is_left() -> None:
    """Leaving waits for responses: the client gets the whole of its stream."""
    stream = Stream()
    exchanges: list[Exchange] = []

    async with Emulator(
        [config(stream.handler)], on_exchange=exchanges.append, shutdown_seconds=WAIT_SECONDS
    ) as served:
        client = connect(served.functions[0].url)
        connection = await client.__aenter__()
        await connection.request("GET")
        await connection.read_head()
        assert await connection.read_frame() == b"first"
        rest = asyncio.create_task(connection.read_frame())
        asyncio.get_running_loop().call_later(0, _open_once_refused, served.functions[0].url, stream.gate)

    assert await rest == b"last"
    assert await connection.read_frame() is None
    await client.__aexit__(None, None, None)
    assert [str(each.transcript.delivery) for each in exchanges] == ["complete"]


def _open_once_refused(url: str, gate: asyncio.Event) -> None:
    """Open the gate when the emulator has begun to stop, which shows in its port."""
    if refuses(url):
        gate.set()
    else:
        asyncio.get_running_loop().call_later(0, _open_once_refused, url, gate)


async def test_stream_that_does_not_finish_is_cut_when_the_emulator_is_left() -> None:
    """After `shutdown_seconds` the handler is cancelled and the response cut; that is not a client that left."""
    stream = Stream()
    exchanges: list[Exchange] = []
    tasks = asyncio.all_tasks()

    async with Emulator([config(stream.handler)], on_exchange=exchanges.append, shutdown_seconds=0.01) as served:
        client = connect(served.functions[0].url)
        connection = await client.__aenter__()
        await connection.request("GET")
        await connection.read_head()
        assert await connection.read_frame() == b"first"

    assert stream.closed.is_set()
    with pytest.raises(Cut):
        await connection.read_frame()
    await client.__aexit__(None, None, None)
    assert asyncio.all_tasks() == tasks
    (exchange,) = exchanges
    assert f"{exchange.transcript.handler} {exchange.transcript.delivery}" == "cancelled cut"


async def test_handler_of_a_client_that_left_is_cancelled_when_the_emulator_is_left() -> None:
    """E4 continue lasts as long as the emulator: nobody waits for such a handler at the end."""
    stream = Stream()
    exchanges: list[Exchange] = []

    emulator = Emulator([config(stream.handler)], on_exchange=exchanges.append, shutdown_seconds=WAIT_SECONDS)
    async with emulator as served:
        async with connect(served.functions[0].url) as connection:
            await connection.request("GET")
            await connection.read_head()
            await connection.read_frame()
        async with connect(served.functions[0].url) as other:  # the server has seen the first one go
            await other.request("HEAD")
            await other.read_response(method="HEAD")
        assert not stream.closed.is_set()

    assert stream.closed.is_set()
    assert {str(each.transcript.handler) for each in exchanges} == {"cancelled"}


async def test_client_that_does_not_read_does_not_hold_up_the_end() -> None:
    """A connection full of bytes that nobody takes is dropped, not kept for ever."""

    async def endless(event: Any, context: Any) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1024 * 1024

    with socket.socket() as client:
        files = open_files()
        async with Emulator([config(endless)], shutdown_seconds=0) as served:
            parts = urlsplit(served.functions[0].url)
            client.connect((parts.hostname, parts.port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            client.setblocking(False)
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b"H"
        assert open_files() == files


async def test_thread_of_a_sync_handler_does_not_hold_up_the_end() -> None:
    """A handler that blocks is left to itself when the emulator ends."""
    gate, called = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def handler(event: Any, context: Any) -> str:
        loop.call_soon_threadsafe(called.set)
        gate.wait(WAIT_SECONDS)
        return "late"

    emulator = Emulator([config(handler)], shutdown_seconds=0)
    async with emulator as served, connect(served.functions[0].url) as connection:
        await connection.request("GET")
        await called.wait()
    assert not gate.is_set()
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "handler":
            await asyncio.to_thread(thread.join, WAIT_SECONDS)


async def test_handler_that_will_not_be_cancelled_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that swallows its cancellation cannot keep the emulator open; the transcript says so."""
    # The five seconds that such a handler is given are the only thing replaced here: nobody has the time.
    monkeypatch.setattr("apptheory_streaming.invocation.CLEANUP_SECONDS", 0.01)
    gate = asyncio.Event()
    ended = asyncio.Event()
    exchanges: list[Exchange] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue
        ended.set()

    emulator = Emulator([config(handler)], on_exchange=exchanges.append, shutdown_seconds=0)
    async with emulator as served, connect(served.functions[0].url) as connection:
        await connection.request("GET")
        await connection.read_head()
        await connection.read_frame()

    assert [note for each in exchanges for note in each.transcript.notes if "did not stop" in note]
    gate.set()
    await ended.wait()


async def test_exchanges_are_listed_in_the_order_in_which_they_were_over() -> None:
    """`settled` waits until no handler runs, so a test need not guess when its exchange is listed."""
    gate, called = asyncio.Event(), asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        if event["rawPath"] == "/slow":
            called.set()
            await gate.wait()

    async with serve_function_url(handler) as url:
        slow = asyncio.create_task(fetch(url, target="/slow"))
        await called.wait()
        settled = asyncio.create_task(url.settled())
        await fetch(url, target="/quick")
        assert not settled.done()
        gate.set()
        await slow
        await settled
        assert [each.request.path for each in url.exchanges] == ["/quick", "/slow"]
