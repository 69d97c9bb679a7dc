"""W4 over HTTP: heartbeats arrive on the wire, in virtual time on one loop with their client."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from apptheory_emulator.server import ServedUrl, serve_function_url
from apptheory_streaming import StreamingResponse, sse_stream
from apptheory_testkit.virtual_time.loop import VirtualLoop
from raw_http import RawConnection, connect

_T = TypeVar("_T")

BEAT = b": keep-alive\n\n"


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def sync_handler(event: Any, context: Any) -> StreamingResponse:
    def body() -> Iterator[str]:
        yield "a"
        time.sleep(44)
        yield "b"

    return sse_stream(body())


async def async_handler(event: Any, context: Any) -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(44)
        yield "b"

    return sse_stream(body())


async def frames_of(client: RawConnection) -> AsyncIterator[bytes]:
    """The HTTP chunks of a response whose head has been read."""
    while (frame := await client.read_frame()) is not None:
        yield frame


async def timed_frames(url: ServedUrl) -> list[tuple[float, bytes]]:
    """The HTTP chunks of a response with the times at which the client had them."""
    loop = asyncio.get_running_loop()
    async with connect(url) as client:
        began = loop.time()
        await client.request("GET")
        await client.read_head()
        return [(loop.time() - began, frame) async for frame in frames_of(client)]


@pytest.mark.parametrize("handler", [sync_handler, async_handler], ids=["sync", "async"])
def test_comments_arrive_while_the_handler_is_silent(handler: Callable[..., Any]) -> None:
    """W4, W7: each is an HTTP chunk of its own, at 15 and at 30 s, in every run."""

    async def main() -> list[list[tuple[float, bytes]]]:
        async with serve_function_url(handler) as url:
            return [await timed_frames(url) for _ in range(10)]

    expected = [(0, b"data: a\n\n"), (15, BEAT), (30, BEAT), (44, b"data: b\n\n")]
    assert run(main()) == [expected] * 10


def test_client_that_does_not_read_gets_no_comments_meanwhile() -> None:
    """W4: while the connection is full none is added; the count begins again when it has room."""
    big = b"x" * 32 * 1024 * 1024 + b"\n\n"

    async def handler(event: Any, context: Any) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield big
            await asyncio.sleep(40)

        return sse_stream(body())

    async def main() -> list[bytes]:
        async with serve_function_url(handler) as url, connect(url) as client:
            await client.request("GET")
            await client.read_head()
            await asyncio.sleep(60)
            return [frame async for frame in frames_of(client)]

    assert run(main()) == [big, BEAT, BEAT]


def test_client_that_left_is_sent_nothing() -> None:
    """E4, W4: the handler runs on; what it writes is dropped, and no comment is made."""

    async def main() -> tuple[int, int]:
        async with serve_function_url(async_handler) as url:
            async with connect(url) as client:
                await client.request("GET")
                await client.read_head()
                assert await client.read_frame() == b"data: a\n\n"
            await url.settled()
            (exchange,) = url.exchanges
            return exchange.transcript.chunk_count, exchange.transcript.dropped_chunks

    assert run(main()) == (1, 1)


def test_answer_to_a_head_request_is_only_a_head() -> None:
    """E6, W4: nothing is written behind it."""

    async def main() -> bytes:
        async with serve_function_url(async_handler) as url, connect(url) as client:
            await client.request("HEAD", headers=[("connection", "close")])
            await client.read_head()
            return await client.read_to_end()

    assert run(main()) == b""
