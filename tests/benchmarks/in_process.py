"""Scenarios without a socket: the test client beside a bare `async for` and starlette's TestClient."""

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from starlette.exceptions import StarletteDeprecationWarning
from starlette.responses import StreamingResponse as AsgiStreamingResponse
from starlette.types import Receive, Scope, Send

from apptheory_streaming import StreamingResponse
from apptheory_testkit import stream_client
from benchmarks.scenario import Contender, Scenario
from benchmarks.size import Size

with warnings.catch_warnings():
    # Newer starlette would rather have httpx2, and says so at import.
    warnings.simplefilter("ignore", StarletteDeprecationWarning)
    from starlette.testclient import TestClient

__all__ = ["in_process_scenarios"]

BARE = "bare `async for`"
AWAITED = "stream_client"
SYNC = "stream_client, .sync"
STARLETTE = "starlette TestClient.stream"
CHUNK = b"x" * 16

Capture = Callable[[int], list[bytes]]
"""Does so many requests one after the other and gives the chunks of the last."""


@contextmanager
def in_process_scenarios(size: Size) -> Iterator[Sequence[Scenario]]:
    """Make the contenders and end their loops afterwards."""
    with ExitStack() as stack:
        yield (
            _scenario(
                "In-process, chunks of 16 bytes", "chunks/s (more is better)", stack, size.captured_chunks, _rate
            ),
            _scenario(
                "In-process, a request of one chunk",
                "µs (less is better)",
                stack,
                1,
                _per_request(size.captured_requests),
            ),
        )


def _scenario(
    title: str, unit: str, stack: ExitStack, count: int, measure: Callable[[Capture, int], float]
) -> Scenario:
    def contender(name: str, capture: Capture) -> Contender:
        return Contender(name, lambda: measure(capture, count))

    captures = {
        BARE: _on_loop(stack, lambda: _bare(count)),
        AWAITED: _on_loop(stack, _awaited(count)),
        SYNC: _sync(count),
        STARLETTE: _starlette(stack, count),
    }
    contenders = [contender(name, capture) for name, capture in captures.items()]
    return Scenario(title, unit, contenders, baselines=[BARE, STARLETTE])


def _rate(capture: Capture, count: int) -> float:
    """Chunks a second of one request."""
    return count / _seconds(capture, 1, count)


def _per_request(requests: int) -> Callable[[Capture, int], float]:
    """Microseconds a request, of many one after the other."""
    return lambda capture, count: _seconds(capture, requests, count) / requests * 1e6


def _seconds(capture: Capture, requests: int, count: int) -> float:
    began = time.perf_counter()
    chunks = capture(requests)
    seconds = time.perf_counter() - began
    _check(chunks, count)
    return seconds


def _check(chunks: list[bytes], count: int) -> None:
    """A contender that joined or lost chunks did not do the same work."""
    if chunks != [CHUNK] * count:
        raise ValueError(f"{len(chunks)} chunks came instead of {count}")


# -- the contenders ---------------------------------------------------------------------------


async def _chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK


async def _bare(count: int) -> list[bytes]:
    chunks: list[bytes] = []
    async for chunk in _chunks(count):
        chunks.append(chunk)  # noqa: PERF401 - this is what a test without a client would write
    return chunks


def _handler(count: int) -> Callable[..., Any]:
    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(_chunks(count))

    return handler


def _awaited(count: int) -> Callable[[], Awaitable[list[bytes]]]:
    client = stream_client(_handler(count))

    async def capture() -> list[bytes]:
        return (await client.get("/")).chunks

    return capture


def _sync(count: int) -> Capture:
    client = stream_client(_handler(count)).sync
    return lambda requests: _repeated(lambda: client.get("/").chunks, requests)


def _starlette(stack: ExitStack, count: int) -> Capture:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await AsgiStreamingResponse(_chunks(count))(scope, receive, send)
        else:
            await _lifespan(receive, send)

    # Entered, it keeps one loop for all requests instead of starting one each time.
    client = stack.enter_context(TestClient(app))

    def capture() -> list[bytes]:
        with client.stream("GET", "/") as response:
            return list(response.iter_raw())

    return lambda requests: _repeated(capture, requests)


async def _lifespan(receive: Receive, send: Send) -> None:
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


# -- how often --------------------------------------------------------------------------------


def _repeated(capture: Callable[[], list[bytes]], requests: int) -> list[bytes]:
    chunks: list[bytes] = []
    for _ in range(requests):
        chunks = capture()
    return chunks


def _on_loop(stack: ExitStack, capture: Callable[[], Awaitable[list[bytes]]]) -> Capture:
    """Await all requests in one run of a loop that stays, as one test would."""
    runner = stack.enter_context(asyncio.Runner())

    async def repeated(requests: int) -> list[bytes]:
        chunks: list[bytes] = []
        for _ in range(requests):
            chunks = await capture()
        return chunks

    return lambda requests: runner.run(repeated(requests))
