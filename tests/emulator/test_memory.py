"""A body of any size in a little memory: what is streamed is never there as a whole."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import HttpResponseStream, streamify_response
from raw_http import WAIT_SECONDS, connect

pytestmark = pytest.mark.streaming(clock="real")

MIB = 1024 * 1024
BODY = 100 * MIB
CHUNK = 64 * 1024
MOST = 8 * MIB
"""As much as may be on its way; see test_slow_reader.py."""


async def with_await(event: Any, context: Any) -> AsyncIterator[bytes]:
    for _ in range(BODY // CHUNK):
        yield bytes(CHUNK)


def sync(event: Any, context: Any) -> Iterator[bytes]:
    for _ in range(BODY // CHUNK):
        yield bytes(CHUNK)


@streamify_response
async def streamified(event: Any, stream: HttpResponseStream, context: Any) -> None:
    for _ in range(BODY // CHUNK):
        await stream.write(bytes(CHUNK))
    await stream.end()


async def taken(url: str) -> tuple[int, int]:
    """Read a response and keep nothing of it; give its bytes, and the most memory that Python had meanwhile."""
    received = 0
    async with asyncio.timeout(6 * WAIT_SECONDS), connect(url) as connection:
        tracemalloc.start()
        try:
            await connection.request("GET")
            head = await connection.read_head()
            if head.value("content-length") is None:
                while (frame := await connection.read_frame()) is not None:
                    received += len(frame)
            else:
                while received < int(head.value("content-length") or 0):
                    received += len(await connection.read_exactly(CHUNK))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return received, peak


@pytest.mark.parametrize("handler", [with_await, sync, streamified])
async def test_a_stream_of_100_mib_needs_a_few(function_url: FunctionUrlFactory, handler: Callable[..., Any]) -> None:
    """Server, handler and client are all in this process."""
    received, peak = await taken(await function_url(handler))

    assert received == BODY
    assert peak < MOST


async def test_a_buffered_response_of_100_mib_needs_them_all(function_url: FunctionUrlFactory) -> None:
    """The same body on a BUFFERED URL: so the measure above can tell."""
    received, peak = await taken(await function_url(with_await, invoke_mode="BUFFERED"))

    assert received == BODY
    assert peak > BODY
