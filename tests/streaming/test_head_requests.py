"""E6: HEAD requests, and statuses that allow no body."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import AppError, StreamingResponse
from apptheory_streaming.wire.front import FunctionUrlFront, InvokeMode
from apptheory_streaming.wire.outcome import DeliveryKind, Ending
from apptheory_testkit import stream_client
from running import KINDS, MemorySink, Streaming, invocation_of, outcomes, run_handler

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def streaming(status: int, chunks: int = 3, log: list[str] | None = None) -> Streaming:
    """A behaviour with a head of this status and so many chunks, that logs its end."""

    def body() -> Iterator[str]:
        yield from map(str, range(chunks))
        if log is not None:
            log.append("end")

    return Streaming(body, status=status, headers={"x-a": "1"}, cookies=["a=1"])


kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
@pytest.mark.parametrize("chunks", [0, 3, 200])
async def test_e6_a_head_request_gets_the_head_and_no_chunk(kind: str, chunks: int) -> None:
    """E6: the handler runs to its end and its chunks are dropped; the response is complete."""
    log: list[str] = []
    capture = await stream_client(streaming(201, chunks, log).handler(kind)).head("/")
    assert (capture.status, capture.headers["x-a"], capture.cookies) == (201, ["1"], ["a=1"])
    assert capture.chunks == []
    assert log == ["end"]
    assert capture.handler_outcome == "ended"
    assert capture.delivery_outcome == "complete"
    assert capture.error is None
    assert capture.transcript.dropped_chunks == chunks
    capture.assert_headers_finalized_before_first_chunk()


@kinds
@pytest.mark.parametrize("status", [101, 199, 204, 304])
async def test_e6_a_status_without_a_body_sends_none(kind: str, status: int) -> None:
    """E6: 1xx, 204 and 304 keep their head; a body of such a response is dropped."""
    log: list[str] = []
    capture = await stream_client(streaming(status, 3, log).handler(kind)).get("/")
    assert (capture.status, capture.headers["x-a"], capture.chunks) == (status, ["1"], [])
    assert log == ["end"]
    assert capture.delivery_outcome == "complete"
    assert capture.transcript.dropped_chunks == 3


@pytest.mark.parametrize("status", [200, 205, 206, 303, 404])
async def test_e6_any_other_status_sends_its_body(status: int) -> None:
    """E6: the list of statuses without a body is no longer than that."""
    assert (await stream_client(streaming(status).handler("async")).get("/")).chunks == [b"0", b"1", b"2"]


@pytest.mark.parametrize("method", ["head", "get"])
async def test_e6_the_response_is_complete_while_an_endless_handler_still_runs(method: str) -> None:
    """E6: delivery ends with the head, at the first chunk, not with the handler."""
    ended = asyncio.Event()

    class EndingSink(MemorySink):
        async def end(self, ending: Ending) -> DeliveryKind:
            ended.set()
            return await super().end(ending)

    async def endless(event: Any, context: Any) -> Any:
        async def body() -> AsyncIterator[str]:
            while True:
                yield "tick"

        return StreamingResponse(body(), status=200 if method == "head" else 204)

    sink = EndingSink()
    invocation = invocation_of(endless, sink, head_only=method == "head")
    running = asyncio.ensure_future(invocation.run())
    await ended.wait()
    assert not running.done()
    assert (sink.chunks, sink.ending) == ([], Ending.ENDED)
    invocation.cancel()
    transcript = await running
    assert outcomes(transcript) == ("cancelled", "complete")


async def test_e6_a_blocked_sync_handler_does_not_hold_the_head_back() -> None:
    """E6: a thread that waits after its first chunk has answered the HEAD request already."""
    gate = threading.Event()

    def handler(event: Any, context: Any) -> Iterator[str]:
        yield "first"
        gate.wait(10)

    async with stream_client(handler).stream("HEAD", "/") as live:
        assert live.head.status == 200
        assert [chunk async for chunk in live] == []
        gate.set()
    assert live.capture.handler_outcome == "ended"
    assert live.capture.delivery_outcome == "complete"


async def test_e6_an_early_error_of_a_head_request_has_its_status_and_no_body() -> None:
    """E6, E2: the head of the error response, without its JSON."""

    async def handler(event: Any, context: Any) -> Any:
        raise AppError("app.not_found", "gone")

    capture = await stream_client(handler).head("/")
    assert (capture.status, capture.chunks) == (404, [])
    assert capture.headers == {"content-type": ["application/json; charset=utf-8"]}
    assert capture.error is not None
    assert capture.error.late is False


@kinds
async def test_e6_an_error_after_a_dropped_chunk_is_late(kind: str) -> None:
    """E6, E3: the first chunk committed the head although it was dropped."""

    def broken() -> Iterator[str]:
        yield "0"
        raise AppError("app.conflict", "late")

    capture = await stream_client(Streaming(broken).handler(kind)).head("/")
    assert (capture.status, capture.chunks, capture.stream_error_code) == (200, [], "app.conflict")
    assert capture.delivery_outcome == "complete"


@pytest.mark.parametrize("mode", list(InvokeMode))
@pytest.mark.parametrize("value", [{"statusCode": 200, "body": "x"}, "text", StreamingResponse(["a", "b"])])
async def test_e6_buffered_answers_have_no_body_for_head_either(value: Any, mode: InvokeMode) -> None:
    """E6: whatever the mode of the URL and of the answer."""

    async def handler(event: Any, context: Any) -> Any:
        return value

    run = await run_handler(handler, front=FunctionUrlFront(mode), head_only=True)
    assert run.sink.head is not None
    assert (run.sink.head.status, run.sink.chunks) == (200, [])


async def test_e6_a_buffered_204_has_no_chunk() -> None:
    """E6: an inferred 204 drops the body that its handler gave it."""

    async def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 204, "body": "ignored"}

    capture = await stream_client(handler, invoke_mode="BUFFERED").get("/")
    assert (capture.status, capture.chunks) == (204, [])
