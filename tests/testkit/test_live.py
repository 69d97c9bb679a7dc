"""A live stream gives the test one chunk at a time while the handler runs."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import AppError, HttpResponseStream, StreamingResponse, streamify_response, text_stream
from apptheory_streaming.errors import UsageError
from apptheory_testkit import Metadata, StreamCapture, stream_client
from live_handlers import Counting, turns

HEAD = Metadata(200, {"content-type": ["application/octet-stream"]}, [])


async def test_the_head_is_there_before_the_first_chunk_is_taken() -> None:
    async def handler(event: Any, context: Any) -> StreamingResponse:
        return text_stream(["one"], status=201, headers={"x-a": "1"}, cookies=["c=1"])

    async with stream_client(handler).stream("GET") as response:
        assert response.head == Metadata(201, {"content-type": ["text/plain; charset=utf-8"], "x-a": ["1"]}, ["c=1"])


async def test_a_handler_is_held_back_until_its_last_chunk_is_taken() -> None:
    handler = Counting(last=3)

    async with stream_client(handler).stream("GET") as response:
        await turns()
        assert handler.produced == [0]
        assert await anext(response) == b"0"
        await turns()
        assert handler.produced == [0, 1]
        assert [chunk async for chunk in response] == [b"1", b"2", b"3"]

    assert handler.left_by == "the end"
    assert response.capture.chunks == [b"0", b"1", b"2", b"3"]
    assert response.capture.delivery_outcome == "complete"


async def test_a_streamify_handler_is_held_back_where_it_awaits_its_writes() -> None:
    written: list[str] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        for word in ("one", "two"):
            written.append(word)
            await stream.write(word)
        await stream.end()

    async with stream_client(handler).stream("GET") as response:
        await turns()
        assert written == ["one"]
        assert [chunk async for chunk in response] == [b"one", b"two"]

    assert response.capture.handler_outcome == "ended"


async def test_a_sync_handler_is_held_back_after_a_bounded_number_of_chunks() -> None:
    """It runs on a thread, ahead of the test, but never to its end; leaving closes it."""
    produced = itertools.count()
    closed = threading.Event()

    def endless(event: Any, context: Any) -> Iterator[str]:
        try:
            while True:
                yield str(next(produced))
        finally:
            closed.set()

    async with stream_client(endless).stream("GET") as response:
        assert [await anext(response), await anext(response)] == [b"0", b"1"]

    assert await asyncio.to_thread(closed.wait, 30)
    assert next(produced) < 1000
    assert response.capture.chunks == [b"0", b"1"]
    assert response.capture.handler_outcome == "cancelled"


async def test_empty_chunks_are_given_too() -> None:
    """R3."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield ""
        yield "one"

    async with stream_client(handler).stream("GET") as response:
        assert [chunk async for chunk in response] == [b"", b"one"]


async def test_an_empty_body_has_a_head_and_no_chunks() -> None:
    """F6."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(None)

    async with stream_client(handler).stream("GET") as response:
        assert response.head == HEAD
        assert [chunk async for chunk in response] == []

    assert response.capture.delivery_outcome == "complete"


async def test_a_live_capture_equals_a_whole_one() -> None:
    """D1: taking the chunks one by one changes nothing that a test can see."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise AppError("app.conflict", "taken")

    async with stream_client(handler).stream("POST", json={}) as response:
        assert [chunk async for chunk in response] == [b"one"]

    assert response.capture == await stream_client(handler).post(json={})


async def test_a_handler_that_fails_early_gives_the_response_of_its_error() -> None:
    """E2: head and body of the error response, inside the block."""

    async def fails(event: Any, context: Any) -> None:
        raise AppError("app.not_found", "nothing here")

    async with stream_client(fails).stream("GET") as response:
        assert response.head.status == 404
        (body,) = [chunk async for chunk in response]

    assert b"nothing here" in body
    assert response.capture.handler_outcome == "failed(app.not_found)"


async def test_a_late_error_that_was_taken_to_its_end_is_a_problem() -> None:
    """The test did nothing that could have caused it."""

    async def fails(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise ValueError("late")

    async with stream_client(fails).stream("GET") as response:
        assert [chunk async for chunk in response] == [b"one"]

    assert response.capture.unseen_problems() == ["late error after 1 chunk: app.internal: ValueError: late"]


async def test_the_capture_is_there_once_the_block_is_left() -> None:
    async with stream_client(Counting(last=1)).stream("GET") as response:
        with pytest.raises(UsageError, match="once the `async with` block is left"):
            _ = response.capture
        await response.disconnect()

    assert isinstance(response.capture, StreamCapture)


async def test_a_stream_that_is_not_open_says_how_to_open_it() -> None:
    """Instead of waiting for a chunk that nobody produces."""
    response = stream_client(Counting()).stream("GET")

    with pytest.raises(UsageError, match="async with"):
        await anext(response)
    with pytest.raises(UsageError, match="async with"):
        await response.disconnect()
    with pytest.raises(UsageError, match="has not run"):
        _ = response.head


async def test_streams_may_run_side_by_side() -> None:
    """Each with a handler of its own, in turn."""
    client = stream_client(Counting(last=1))

    async with client.stream("GET") as one, client.stream("GET") as other:
        chunks = [await anext(one), await anext(other), await anext(one), await anext(other)]

    assert chunks == [b"0", b"0", b"1", b"1"]
    assert [one.capture.request_id, other.capture.request_id] == ["req_test_0001", "req_test_0002"]


async def test_base_exceptions_of_a_handler_come_out_of_the_block() -> None:
    """E1: what is no Exception is not an answer."""

    class Stop(BaseException):
        pass

    async def stops(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise Stop

    with pytest.raises(Stop):
        async with stream_client(stops).stream("GET") as response:
            assert [chunk async for chunk in response] == [b"one"]
