"""The assertion on the head, and what it says when it fails."""

import re
from collections.abc import AsyncIterator
from textwrap import dedent
from typing import Any

import pytest

from apptheory_streaming import StreamingResponse, text_stream
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.transcript import ChunkRecord, Event, EventKind, Transcript
from apptheory_testkit import StreamCapture, stream_client


def transcript(*events: Event, chunks: int = 1) -> Transcript:
    records = tuple(ChunkRecord(index, 1) for index in range(chunks))
    return Transcript(
        request_id="req", head=Head(), events=events, chunks=records, chunk_count=chunks, body_bytes=chunks
    )


def failure(capture: StreamCapture) -> str:
    with pytest.raises(AssertionError) as raised:
        capture.assert_headers_finalized_before_first_chunk()
    return str(raised.value)


async def test_it_passes_for_a_head_that_was_final_before_the_first_chunk() -> None:
    """F5: also for a body without chunks, and for an error response."""

    async def good(event: Any, context: Any) -> StreamingResponse:
        if event["rawPath"] == "/fails":
            raise ValueError("early")
        return text_stream([] if event["rawPath"] == "/empty" else ["one"])

    for path in ("/", "/empty", "/fails"):
        (await stream_client(good).get(path)).assert_headers_finalized_before_first_chunk()


async def test_the_failure_says_what_changed_where_and_what_to_do() -> None:
    """F3 and F5: the header, its old and new value, after which chunk, file and line, and the log."""

    async def broken(event: Any, context: Any) -> StreamingResponse:
        response = text_stream(None, headers={"x-cache": "miss"})

        async def body() -> AsyncIterator[str]:
            yield "one"
            yield "two"
            response.headers["X-Cache"] = "hit"

        response.body = body()
        return response

    message = failure(await stream_client(broken).get())

    assert re.sub(r"test_assertions\.py:\d+", "test_assertions.py:LINE", message) == dedent(
        """\
        the head changed after it was final:
          header 'x-cache' changed from ['miss'] to ['hit'] after chunk 1, at test_assertions.py:LINE
        The client never sees such a change. Set status, headers and cookies before the handler returns its response.
        What happened:
          finalized
          committed
          chunk 0: 3 bytes
          chunk 1: 3 bytes
          handler: ended
          delivery: complete
        """
    )


async def test_the_place_is_the_line_of_the_handler() -> None:
    """F3: the number names the very line that made the change."""

    async def broken(event: Any, context: Any) -> StreamingResponse:
        response = text_stream(None)

        async def body() -> AsyncIterator[str]:
            response.status = 404
            yield "one"

        response.body = body()
        return response

    message = failure(await stream_client(broken).get())
    line = broken.__code__.co_firstlineno + 4

    assert f"status changed from 200 to 404 before chunk 0, at test_assertions.py:{line}" in message


def test_a_log_without_a_final_head_fails() -> None:
    """F5: whatever the handler did not do."""
    message = failure(StreamCapture(transcript(Event(EventKind.COMMITTED, 0)), [b"a"]))

    assert message.startswith("no head was final before the first chunk\nWhat happened:\n  committed\n")


@pytest.mark.parametrize(
    "events",
    [
        (Event(EventKind.FINALIZED, 1),),
        (Event(EventKind.FINALIZED, 0), Event(EventKind.COMMITTED, 1)),
        (Event(EventKind.FINALIZED, 0), Event(EventKind.SUBSTITUTED, 1)),
        (Event(EventKind.FINALIZED, 0), Event(EventKind.FINALIZED, 0)),
    ],
    ids=["finalized late", "committed late", "substituted late", "finalized twice"],
)
def test_a_log_that_breaks_the_order_fails(events: tuple[Event, ...]) -> None:
    """F5: the assertion reads the log, so it would notice a fault of ours too."""
    assert failure(StreamCapture(transcript(*events), [b"a"])).startswith("no head was final before the first chunk")


def test_the_log_of_a_long_response_is_shortened() -> None:
    message = failure(StreamCapture(transcript(chunks=1000), [b"a"] * 1000))

    assert "… 978 more lines" in message
    assert message.endswith("  chunk 999: 1 bytes\n  handler: ended\n  delivery: complete\n")
