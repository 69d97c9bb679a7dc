"""`capture.sse()`: the events of a response, and where they came from."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from apptheory_streaming import ServerSentEvent, StreamingResponse, sse_stream
from apptheory_streaming.wire.sse_decoder import SseEvent
from apptheory_testkit import Positioned, StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop
from sse_cases import READ, SENT

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def captured(body: Callable[[], Any]) -> StreamCapture:
    """Capture a response with this body in virtual time."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body(), headers={"content-type": "text/event-stream"})

    return run(stream_client(handler).get())


@pytest.mark.parametrize(("event", "stream", "events"), SENT.values(), ids=SENT)
def test_what_a_handler_sent_is_what_a_client_gets(
    event: ServerSentEvent, stream: bytes, events: list[SseEvent]
) -> None:
    """W2, W3: id, event, data and retry."""

    async def handler(request: Any, context: Any) -> StreamingResponse:
        return sse_stream([event])

    assert run(stream_client(handler).get()).sse() == events


@pytest.mark.parametrize("name", ["mixed line ends", "characters of every length", "an id and pings", "a BOM"])
def test_chunks_may_cut_an_event_anywhere(name: str) -> None:
    """W6: every byte a chunk of its own."""
    stream, events = READ[name]

    assert captured(lambda: iter([stream[at : at + 1] for at in range(len(stream))])).sse() == events


def test_an_event_has_the_position_of_the_chunk_that_completed_it() -> None:
    """D3: its number and its virtual time; two events may share one, and an event may have several chunks."""

    async def body() -> AsyncIterator[bytes]:
        yield b"data: a\n\ndata: b\n\ndata: c"
        await asyncio.sleep(2)
        yield b""
        yield b"d\n\n: keep"
        await asyncio.sleep(3)
        yield b"-alive\n\nid: 7\ndata: d\n\n"

    capture = captured(body)

    assert capture.sse(positions=True) == [
        Positioned(SseEvent("a"), 0, 0.0),
        Positioned(SseEvent("b"), 0, 0.0),
        Positioned(SseEvent("cd"), 2, 2.0),
        Positioned(SseEvent("d", id="7"), 3, 5.0),
    ]
    assert capture.sse(positions=False) == capture.sse() == [each.value for each in capture.sse(positions=True)]


async def test_without_times_there_is_the_chunk_alone() -> None:
    """D3: real time gives no times."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return sse_stream(["a", "b"])

    capture = await stream_client(handler).get()

    assert [(each.chunk, each.at) for each in capture.sse(positions=True)] == [(0, None), (1, None)]


def test_what_a_client_never_gets_is_not_there() -> None:
    """W3: comments, and an event without its blank line."""
    assert captured(lambda: iter([b": hi\n\n", b"data: lost\n"])).sse() == []


def test_looking_at_events_looks_at_no_problem() -> None:
    """F3: strict mode still fails a test for an error that came after them."""

    async def body() -> AsyncIterator[bytes]:
        yield b"data: a\n\n"
        raise RuntimeError("broken")

    capture = captured(body)

    assert capture.sse() == [SseEvent("a")]
    assert capture.unseen_problems() == ["late error after 1 chunk: app.internal: RuntimeError: broken"]
