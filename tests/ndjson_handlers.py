"""Handlers that stream NDJSON, sync and async, and their captures in virtual time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from apptheory_streaming import StreamingResponse, ndjson_stream
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

every_kind = pytest.mark.parametrize("kind", ["sync", "async"])

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class Pause(float):
    """Seconds that a source of items waits."""


def items_of(kind: str, *steps: Any) -> Any:
    """A source that gives the steps, waits for pauses and raises errors."""

    def sync() -> Iterator[Any]:
        for step in steps:
            if isinstance(step, Pause):
                time.sleep(step)
            elif isinstance(step, Exception):
                raise step
            else:
                yield step

    async def with_await() -> AsyncIterator[Any]:
        for step in steps:
            if isinstance(step, Pause):
                await asyncio.sleep(step)
            elif isinstance(step, Exception):
                raise step
            else:
                yield step

    return sync() if kind == "sync" else with_await()


def handler_of(kind: str, *steps: Any, **options: Any) -> Callable[..., Any]:
    """A handler of a kind that streams such a source."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        return ndjson_stream(items_of(kind, *steps), **options)

    async def async_handler(event: Any, context: Any) -> StreamingResponse:
        return handler(event, context)

    return handler if kind == "sync" else async_handler


def get(handler: Callable[..., Any], **options: Any) -> StreamCapture:
    """Capture a response in virtual time."""
    return run(stream_client(handler, **options).get("/"))


def timed(capture: StreamCapture) -> list[tuple[float | None, bytes]]:
    """The chunks with the times at which they were written."""
    return [
        (record.produced_at, chunk) for record, chunk in zip(capture.transcript.chunks, capture.chunks, strict=True)
    ]
