"""Why two values of a test are not equal, beyond two lists of chunks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from apptheory_streaming import AppError, StreamingResponse, text_stream
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.rendering.chunk_diff import ChunkList, diff_chunks
from apptheory_testkit.rendering.explanation import explain_inequality


async def captured(*chunks: str, **head: Any) -> StreamCapture:
    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(chunks, **head)

    return await stream_client(handler).get()


def test_chunks_are_explained_on_whichever_side_they_stand() -> None:
    """+ is what was got, however the test wrote its comparison."""
    got, expected = ChunkList([b"a", b"x"]), [b"a", b"b"]

    assert explain_inequality(got, expected) == explain_inequality(expected, got) == diff_chunks(got, expected)


@pytest.mark.parametrize(
    ("expected", "line"),
    [
        ([b"a", "é"], r"chunk 1 of the expected list is str, and chunks are bytes: write b'\xc3\xa9'"),
        ([1], "chunk 0 of the expected list is int, and chunks are bytes"),
        ((b"a",), "chunks are a list, which never equals a tuple: write [...]"),
        (b"a", "chunks are a list of bytes, not bytes: compare `body` with it"),
        ("a", "chunks are a list of bytes, not str: compare `text` with it"),
    ],
)
def test_a_comparison_that_can_never_hold_says_why(expected: object, line: str) -> None:
    assert explain_inequality(ChunkList([b"a"]), expected) == [line]


def test_bytes_like_chunks_are_compared_by_their_bytes() -> None:
    lines = explain_inequality(ChunkList([b"a"]), [bytearray(b"b")])

    assert lines is not None
    assert lines[0] == "chunk 0 differs at byte 0"


@pytest.mark.parametrize(("left", "right"), [([b"a"], [b"b"]), ("a", "b"), (ChunkList(), 1), (ChunkList(), None)])
def test_what_is_not_a_captures_is_left_to_pytest(left: object, right: object) -> None:
    assert explain_inequality(left, right) is None


async def test_two_captures_are_explained_field_by_field() -> None:
    got = await captured("a", "b", status=201, headers={"x-a": "1", "x-b": "2"}, cookies=["c=1"])
    expected = await captured("a", "c", status=200, headers={"x-a": "1"}, cookies=[])

    assert explain_inequality(got, expected) == [
        "the captures differ",
        "  - status: 200",
        "  + status: 201",
        "  - header 'x-b': nothing",
        "  + header 'x-b': ['2']",
        "  - cookies: []",
        "  + cookies: ['c=1']",
        "chunk 1 differs at byte 0",
        "  got 2 chunks (+), expected 2 chunks (-)",
        "    0  'a'",
        "  - 1  'c'",
        "  + 1  'b'",
    ]


async def test_captures_of_one_client_differ_in_their_request_ids() -> None:
    """D2 surprises whoever compares two requests of one test, so the explanation says what to do."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "a"

    client = stream_client(handler)

    assert explain_inequality(await client.get(), await client.get()) == [
        "the captures differ",
        "  - request_id: req_test_0002",
        "  + request_id: req_test_0001",
        "  (a header `x-request-id` gives two requests of one test the same id)",
    ]


async def test_errors_and_late_mutations_of_captures_are_explained() -> None:
    async def eventful(event: Any, context: Any) -> StreamingResponse:
        response = text_stream(None)

        async def body() -> AsyncIterator[str]:
            yield "a"
            if event["rawPath"] == "/bad":
                response.status = 500
                raise AppError("app.conflict", "taken")

        response.body = body()
        return response

    good, bad = await stream_client(eventful).get("/good"), await stream_client(eventful).get("/bad")
    lines = explain_inequality(bad, good)

    assert lines is not None
    assert "  - error: nothing" in lines
    assert "  + error: app.conflict: AppError: taken" in lines
    assert "  + stream_error_code: app.conflict" in lines
    assert "  + handler: failed(app.conflict)" in lines
    assert any(line.startswith("  + late_mutations: status changed from 200 to 500") for line in lines)


async def test_captures_that_differ_only_in_times_show_their_logs() -> None:
    """Times are compared where both have them."""
    capture = await captured("a")
    chunks = tuple(replace(chunk, produced_at=1.5) for chunk in capture.transcript.chunks)
    timed = StreamCapture(replace(capture.transcript, chunks=chunks), capture.chunks)
    later = StreamCapture(replace(capture.transcript, ended_at=9.0), capture.chunks)

    assert explain_inequality(timed, capture) == [
        "the captures differ",
        "  - log: chunk 0: 1 bytes",
        "  + log: chunk 0: 1 bytes at 1.5 s",
    ]
    assert explain_inequality(later, capture) == [
        "the captures differ",
        "  - end: without a time",
        "  + end: at 9 s",
    ]
