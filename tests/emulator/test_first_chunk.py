"""Streaming for real: a client has the first chunk while the handler has not made the second."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest
import requests

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import HttpResponseStream, StreamingResponse, streamify_response
from raw_http import WAIT_SECONDS, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")

CURL = shutil.which("curl")


class Gate:
    """Lets a handler, in a thread or on the loop, go on to its second chunk when the test says so."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._loop_event = asyncio.Event()

    def open(self) -> None:
        self._event.set()
        self._loop_event.set()

    async def wait(self) -> None:
        await self._loop_event.wait()

    def wait_in_thread(self) -> None:
        if not self._event.wait(WAIT_SECONDS):
            raise TimeoutError("the test never opened the gate: it had no first chunk")


def async_generator(gate: Gate) -> Callable[..., Any]:
    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        await gate.wait()
        yield b"second"

    return handler


def returned_async_generator(gate: Gate) -> Callable[..., Any]:
    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(async_generator(gate)(event, context))

    return handler


def sync_generator(gate: Gate) -> Callable[..., Any]:
    def handler(event: Any, context: Any) -> Iterator[bytes]:
        yield b"first"
        gate.wait_in_thread()
        yield b"second"

    return handler


def returned_sync_generator(gate: Gate) -> Callable[..., Any]:
    def handler(event: Any, context: Any) -> dict[str, Any]:
        return {"statusCode": 200, "body": sync_generator(gate)(event, context)}

    return handler


def async_streamify(gate: Gate) -> Callable[..., Any]:
    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.write(b"first")
        await gate.wait()
        await stream.end(b"second")

    return handler


def async_streamify_without_await(gate: Gate) -> Callable[..., Any]:
    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        stream.write(b"first")
        await gate.wait()
        stream.write(b"second")
        stream.end()

    return handler


def sync_streamify(gate: Gate) -> Callable[..., Any]:
    @streamify_response
    def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        stream.write(b"first")
        gate.wait_in_thread()
        stream.write(b"second")
        stream.end()

    return handler


SHAPES = [
    async_generator,
    returned_async_generator,
    sync_generator,
    returned_sync_generator,
    async_streamify,
    async_streamify_without_await,
    sync_streamify,
]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)


@every_shape
async def test_first_frame_arrives_before_the_second_chunk_is_made(
    function_url: FunctionUrlFactory, shape: Callable[[Gate], Callable[..., Any]]
) -> None:
    """W7: every shape sends its first chunk as a frame of its own, at once."""
    gate = Gate()
    url = await function_url(shape(gate))

    async with connect(url) as client:
        await client.request("GET")
        assert (await client.read_head()).status == 200
        assert await client.read_frame() == b"first"
        gate.open()
        assert await client.read_frame() == b"second"
        assert await client.read_frame() is None


@every_shape
@pytest.mark.skipif(CURL is None, reason="there is no curl on this machine")
async def test_curl_shows_the_first_chunk_before_the_second_is_made(
    function_url: FunctionUrlFactory, shape: Callable[[Gate], Callable[..., Any]]
) -> None:
    """`curl -N` prints what came while the handler still waits."""
    assert CURL is not None
    gate = Gate()
    url = await function_url(shape(gate))

    curl = await asyncio.create_subprocess_exec(CURL, "-sN", url, stdout=asyncio.subprocess.PIPE)
    assert curl.stdout is not None
    async with asyncio.timeout(WAIT_SECONDS):
        first = await curl.stdout.readexactly(len(b"first"))
        gate.open()
        rest = await curl.stdout.read()

    assert (first, rest, await curl.wait()) == (b"first", b"second", 0)


@every_shape
async def test_aiohttp_yields_the_first_chunk_before_the_second_is_made(
    function_url: FunctionUrlFactory, shape: Callable[[Gate], Callable[..., Any]]
) -> None:
    """W7: aiohttp's client sees the frames as the handler's chunks."""
    gate = Gate()
    url = await function_url(shape(gate))

    async with aiohttp.ClientSession() as session, session.get(url) as response:
        chunks = response.content.iter_chunks()
        assert await anext(chunks) == (b"first", True)
        gate.open()
        assert [data async for data, _ in chunks if data] == [b"second"]


@pytest.mark.parametrize("shape", [async_generator, sync_generator], ids=lambda shape: shape.__name__)
async def test_requests_in_a_thread_has_the_first_chunk_before_the_second_is_made(
    function_url: FunctionUrlFactory, shape: Callable[[Gate], Callable[..., Any]]
) -> None:
    """A blocking client beside the loop streams like any other."""
    gate = Gate()
    url = await function_url(shape(gate))

    def download() -> list[bytes]:
        with requests.get(url, stream=True, timeout=WAIT_SECONDS) as response:
            chunks = response.iter_content(chunk_size=None)
            first = next(chunks)
            loop.call_soon_threadsafe(gate.open)
            return [first, *chunks]

    loop = asyncio.get_running_loop()
    assert await asyncio.to_thread(download) == [b"first", b"second"]


@pytest.mark.parametrize("size", [1, 20 * 1024, 1024 * 1024])
async def test_chunk_behind_a_full_pass_is_not_held_back(function_url: FunctionUrlFactory, size: int) -> None:
    """The last of several chunks of one loop pass leaves as well, although its frames are joined."""
    gate = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b" * size
        yield b"c"
        await gate.wait()

    url = await function_url(handler)
    async with connect(url) as client:
        await client.request("GET")
        await client.read_head()
        assert [await client.read_frame() for _ in range(3)] == [b"a", b"b" * size, b"c"]
        gate.set()
        assert await client.read_frame() is None


async def test_empty_chunk_sends_the_head_and_no_frame(function_url: FunctionUrlFactory) -> None:
    """R3: `yield b""` is the flush: the client has the head before there is a body."""
    gate = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b""
        await gate.wait()
        yield b""
        yield b"body"

    url = await function_url(handler)
    async with connect(url) as client:
        await client.request("GET")
        assert (await client.read_head()).status == 200
        gate.set()
        assert await client.read_frame() == b"body"
        assert await client.read_frame() is None
    await url.settled()
    assert url.exchanges[-1].transcript.chunk_count == 3


async def test_buffered_url_sends_nothing_before_the_end(function_url: FunctionUrlFactory) -> None:
    """R0: a BUFFERED URL collects the stream: another request comes and goes, and there is still no head."""
    gate = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        if event["rawPath"] == "/slow":
            await gate.wait()
        yield b"second"

    url = await function_url(handler, invoke_mode="BUFFERED")
    async with connect(url) as client:
        await client.request("GET", "/slow")
        head = asyncio.create_task(client.read_head())
        assert (await fetch(url)).frames == [b"firstsecond"]
        assert not head.done()
        gate.set()
        assert (await head).value("content-length") == "11"
        assert await client.read_exactly(11) == b"firstsecond"
