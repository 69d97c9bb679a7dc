"""A capture is one response: its head, its chunks as the handler cut them, and how it ended."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_streaming import AppError, HttpResponseStream, StreamingResponse, streamify_response, text_stream
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.transcript import ChunkRecord, Event, EventKind, Transcript
from apptheory_testkit import Metadata, StreamCapture, stream_client


async def captured(body: Any, **head: Any) -> StreamCapture:
    """Capture a response with this body and head."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body, **head)

    return await stream_client(handler).get()


def by_hand(*sizes: int, times: bool = True) -> StreamCapture:
    """A capture of a transcript whose chunks come a second apart, the first after two seconds."""
    transcript = Transcript(
        request_id="req",
        head=Head(),
        events=(Event(EventKind.FINALIZED, 0), Event(EventKind.COMMITTED, 0)),
        chunks=tuple(ChunkRecord(at, size, 2.0 + at if times else None) for at, size in enumerate(sizes)),
        chunk_count=len(sizes),
        body_bytes=sum(sizes),
        started_at=10.0 if times else None,
        ended_at=10.0 if times else None,
    )
    return StreamCapture(transcript, [b"x" * size for size in sizes])


async def test_chunks_are_exactly_as_the_handler_cut_them() -> None:
    """R3: empty ones keep their place; text is UTF-8."""
    capture = await captured(["<h1>", b"", "é", bytearray(b"</h1>")])

    assert capture.chunks == [b"<h1>", b"", "é".encode(), b"</h1>"]
    assert type(capture.chunks[0]) is bytes
    assert capture.body == "<h1>é</h1>".encode()
    assert capture.text == "<h1>é</h1>"


async def test_changing_what_a_capture_gives_does_not_change_the_capture() -> None:
    capture = await captured(["a"], headers={"x-a": "1"}, cookies=["c=1"])
    capture.chunks.append(b"b")
    capture.headers["x-a"].append("2")
    capture.headers["x-b"] = ["3"]
    capture.cookies.clear()

    assert capture.chunks == [b"a"]
    assert capture.headers == {"content-type": ["application/octet-stream"], "x-a": ["1"]}
    assert capture.cookies == ["c=1"]


async def test_the_head_is_the_finalized_one() -> None:
    """R5 and R6: names in lower case, values as lists, cookies apart and in order."""
    capture = await captured(
        ["a"], status=201, headers={"X-Tag": ["a", "b"], "Content-Type": "text/css"}, cookies=["c=1", "d=2"]
    )

    head = Metadata(201, {"content-type": ["text/css"], "x-tag": ["a", "b"]}, ["c=1", "d=2"])
    assert capture.metadata == head
    assert (capture.status, capture.headers, capture.cookies) == (head.status, head.headers, head.cookies)


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=iso-8859-1", b"\xe9", "é"),
        ("text/plain; charset*=us-ascii'en'iso-8859-1", b"\xe9", "é"),
        ('text/plain; format=flowed; Charset="UTF-16-LE"', "é".encode("utf-16-le"), "é"),
        ("application/octet-stream", b"plain", "plain"),
    ],
)
async def test_text_is_read_in_the_charset_of_the_content_type(content_type: str, body: bytes, text: str) -> None:
    capture = await captured([body], headers={"content-type": content_type})

    assert capture.text == text


async def test_text_joins_a_character_that_chunks_cut_in_two() -> None:
    """W6: readers never depend on the boundaries of chunks."""
    assert (await captured(["é".encode()[:1], "é".encode()[1:]])).text == "é"


async def test_what_is_no_text_raises() -> None:
    with pytest.raises(UnicodeDecodeError):
        _ = (await captured([b"\xff"])).text
    with pytest.raises(LookupError, match="no-such-charset"):
        _ = (await captured(["a"], headers={"content-type": "text/plain; charset=no-such-charset"})).text


async def test_json_reads_the_whole_body_whatever_its_content_type() -> None:
    capture = await captured(['{"a":', " [1]}"])

    assert capture.json() == {"a": [1]}


async def test_json_of_a_body_that_is_none_raises() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        (await captured(["<h1>"])).json()


async def test_an_early_error_shows_what_the_client_sees_and_why() -> None:
    """E2b: status and body of the front, the error with the exception itself, and no stream error code."""
    mistake = ValueError("wrong")

    async def fails(event: Any, context: Any) -> None:
        raise mistake

    capture = await stream_client(fails).get()

    assert (capture.status, capture.body) == (502, b"Internal Server Error")
    assert capture.error is not None
    assert (capture.error.code, capture.error.message) == ("app.internal", "wrong")
    assert capture.error.exception is mistake
    assert capture.stream_error_code is None
    assert capture.handler_outcome == "failed(app.internal)"
    assert capture.delivery_outcome == "complete"


async def test_a_late_error_keeps_head_and_chunks_and_gives_its_code() -> None:
    """E3."""

    async def fails(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise AppError("app.conflict", "taken")

    capture = await stream_client(fails).get()

    assert (capture.status, capture.chunks) == (200, [b"one"])
    assert capture.stream_error_code == "app.conflict"
    assert str(capture.error) == "app.conflict: AppError: taken"
    assert capture.handler_outcome == "failed(app.conflict)"


async def test_a_missing_end_is_an_error_of_the_capture_and_the_response_is_whole() -> None:
    """F4: the stream was ended for the handler."""

    @streamify_response
    async def forgets(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.write("one")

    capture = await stream_client(forgets).get()

    assert capture.error is not None
    assert capture.error.type_name == "NotEnded"
    assert capture.stream_error_code is None
    assert capture.handler_outcome == "ended"
    assert capture.delivery_outcome == "complete"


async def test_late_mutations_say_what_changed_when_and_where() -> None:
    """F3: here before chunk 0 was asked for its bytes, and after it."""

    async def changes(event: Any, context: Any) -> StreamingResponse:
        response = text_stream(None)

        async def body() -> AsyncIterator[str]:
            response.status = 201
            yield "one"
            response.headers["x-late"] = "1"

        response.body = body()
        return response

    capture = await stream_client(changes).get()
    status, header = capture.late_mutations

    assert (status.field, status.old, status.new, status.after_chunk) == ("status", 200, 201, -1)
    assert (header.field, header.name, header.old, header.new) == ("header", "x-late", None, ["1"])
    assert header.after_chunk == 0
    assert header.where is not None
    assert header.where.startswith("test_capture.py:")
    assert (capture.status, "x-late" in capture.headers) == (200, False)


async def test_the_transcript_is_everything_in_order() -> None:
    """F5: finalized, committed, chunks, then the two outcomes."""
    capture = await captured(["one", ""])

    assert list(capture.transcript.log()) == [
        "finalized",
        "committed",
        "chunk 0: 3 bytes",
        "chunk 1: 0 bytes",
        "handler: ended",
        "delivery: complete",
    ]


async def test_a_body_of_zero_bytes_keeps_its_head() -> None:
    """F6."""
    capture = await captured(None, status=404, headers={"x-a": "1"})

    assert (capture.status, capture.chunks, capture.headers["x-a"]) == (404, [], ["1"])
    assert capture.delivery_outcome == "complete"


def test_a_response_without_a_head_has_status_0() -> None:
    """As after a client that left before there was one."""
    transcript = Transcript(request_id="req", head=None, events=(), chunks=(), chunk_count=0, body_bytes=0)

    assert StreamCapture(transcript, []).metadata == Metadata(0, {}, [])


def test_times_are_seconds_from_the_request() -> None:
    capture = by_hand(1, 2)

    assert (capture.ttfb, capture.duration) == (2.0, 10.0)


def test_without_times_or_chunks_there_is_no_time_to_give() -> None:
    assert by_hand().ttfb is None
    assert by_hand(1, times=False).ttfb is None
    assert by_hand(1, times=False).duration is None


async def test_captures_are_equal_by_value() -> None:
    one, same, other = await captured(["a"]), await captured(["a"]), await captured(["b"])

    assert one == same
    assert one != other


async def test_a_capture_with_the_same_bytes_cut_elsewhere_is_another() -> None:
    assert await captured(["a", "bc"]) != await captured(["ab", "c"])


async def test_a_capture_leaves_other_types_to_themselves() -> None:
    """So that a snapshot may decide what equality with it means."""

    class Snapshot:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return isinstance(other, StreamCapture)

    capture = await captured(["a"])

    assert capture.__eq__("a") is NotImplemented
    assert capture == Snapshot()
    assert capture != [b"a"]


async def test_a_capture_cannot_be_hashed() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(await captured(["a"]))


async def test_the_repr_says_how_the_response_ended() -> None:
    assert repr(await captured(["ab", "c"])) == "<StreamCapture 200 2 chunks 3 bytes ended complete>"
