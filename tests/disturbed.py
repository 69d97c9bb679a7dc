"""One behaviour as handlers of every kind, and a log of what became of them; used by the tests of faults and sweeps."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming import HttpResponseStream, StreamingResponse, streamify_response
from apptheory_testkit import StreamCapture, StreamClient, stream_client
from apptheory_testkit.faults import Fault

__all__ = ["KINDS", "Steps", "get_disturbed", "problems", "times_of", "virtual_client"]

KINDS = ("async", "sync", "streamify", "sync streamify")


class Steps:
    """Gives chunk 0, 1, 2 ... of 4 bytes, a second between them, and writes down how it was left."""

    def __init__(self, count: int = 4) -> None:
        self.count = count
        self.log: list[str] = []

    def handler(self, kind: str) -> Callable[..., Any]:
        made: dict[str, Callable[..., Any]] = {
            "async": self.with_await,
            "sync": self.sync,
            "streamify": self.streamified,
            "sync streamify": self.streamified_sync,
        }
        return made[kind]

    async def with_await(self, event: Any, context: Any) -> StreamingResponse:
        async def body() -> AsyncIterator[str]:
            with self:
                for number in range(self.count):
                    yield f"no {number}"
                    await asyncio.sleep(1)

        return StreamingResponse(body(), status=201)

    def sync(self, event: Any, context: Any) -> StreamingResponse:
        def body() -> Iterator[str]:
            with self:
                for number in range(self.count):
                    yield f"no {number}"
                    time.sleep(1)

        return StreamingResponse(body(), status=201)

    @streamify_response
    async def streamified(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        with self:
            HttpResponseStream.from_(stream, {"statusCode": 201})
            for number in range(self.count):
                await stream.write(f"no {number}")
                await asyncio.sleep(1)
            stream.end()

    @streamify_response
    def streamified_sync(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        with self:
            HttpResponseStream.from_(stream, {"statusCode": 201})
            for number in range(self.count):
                stream.write(f"no {number}")
                time.sleep(1)
            stream.end()

    def __enter__(self) -> None:
        self.log.append("begun")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.log.append("came to its end" if kind is None else kind.__name__)


def virtual_client(handler: Callable[..., Any], **options: Any) -> StreamClient:
    """A client whose `sync` runs in virtual time."""
    return stream_client(handler, clock="virtual", **options)


def problems(client: Any, **options: Any) -> list[str]:
    """What a sweep of GET / finds, a line each without the first."""
    with pytest.raises(AssertionError) as raised:
        client.sync.sweep("GET", "/", **options)
    return [line.strip() for line in str(raised.value).splitlines()[1:]]


def get_disturbed(steps: Steps, kind: str, fault: Fault | list[Fault], **options: Any) -> StreamCapture:
    """Make a request with a fault and wait until a thread of the handler is over."""
    capture = virtual_client(steps.handler(kind), **options).sync.get(fault=fault)
    for thread in threading.enumerate():
        if thread.name == "handler":
            thread.join()
    return capture


def times_of(capture: StreamCapture) -> list[tuple[float | None, float | None]]:
    """When each chunk was produced and when it was delivered."""
    return [(chunk.produced_at, chunk.delivered_at) for chunk in capture.transcript.chunks]
