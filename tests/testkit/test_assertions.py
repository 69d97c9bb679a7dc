"""The assertions on heads and ends, what they say when they fail, and what they look at."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from textwrap import dedent
from typing import Any

import pytest

from apptheory_streaming import AppError, HttpResponseStream, StreamingResponse, streamify_response, text_stream
from apptheory_streaming.errors import UsageError
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


@streamify_response
async def forgets_the_end(event: Any, stream: HttpResponseStream, context: Any) -> None:
    await stream.write("one")


async def fails(event: Any, context: Any) -> AsyncIterator[str]:
    if event["rawPath"] == "/early":
        raise AppError("app.conflict", "taken")
    yield "one"
    raise AppError("app.conflict", "taken")


async def mutates(event: Any, context: Any) -> StreamingResponse:
    response = text_stream(None)

    async def body() -> AsyncIterator[str]:
        yield "one"
        response.status = 404
        if event["rawPath"] == "/fails":
            raise AppError("app.conflict", "taken")

    response.body = body()
    return response


def says(claim: Callable[[], None]) -> str:
    with pytest.raises(AssertionError) as raised:
        claim()
    return str(raised.value)


async def test_no_late_mutations_says_what_changed_and_where() -> None:
    """F3: the same message as for the head as a whole."""
    capture = await stream_client(mutates).get()
    message = says(capture.assert_no_late_mutations)

    assert message.startswith(
        "the head changed after it was final:\n  status changed from 200 to 404 after chunk 0, at "
    )
    assert message == failure(capture)


async def test_no_late_mutations_does_not_judge_the_order_of_the_log() -> None:
    StreamCapture(transcript(Event(EventKind.COMMITTED, 0)), [b"a"]).assert_no_late_mutations()


async def with_content_type(*values: str) -> StreamCapture:
    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(["a"], headers={"content-type": list(values)})

    return await stream_client(handler).get()


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", "text/html"),
        ("Text/HTML; charset=utf-8", "text/html"),
        ("text/html;charset=UTF-8; a=b", "text/html; Charset=utf-8"),
        ('multipart/mixed; boundary="a;b"', "multipart/mixed"),
        ('multipart/mixed; boundary="a;b"', 'multipart/mixed; boundary="a;b"'),
    ],
    ids=["bare", "parameters ignored", "charset in any case", "quoted ignored", "quoted"],
)
async def test_the_content_type_is_the_media_type_and_the_parameters_that_are_named(
    content_type: str, expected: str
) -> None:
    (await with_content_type(content_type)).assert_content_type(expected)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", "text/htm"),
        ("text/html", "text/html; charset=utf-8"),
        ("text/html; charset=latin-1", "text/html; charset=utf-8"),
        ("multipart/mixed; boundary=A", "multipart/mixed; boundary=a"),
        ("application/json; profile=text/html", "text/html"),
    ],
)
async def test_another_content_type_fails(content_type: str, expected: str) -> None:
    capture = await with_content_type(content_type)
    message = says(lambda: capture.assert_content_type(expected))

    assert message.startswith(f"the content type is {content_type!r}, not {expected!r} (status 200)\nWhat happened:\n")


async def test_the_content_type_of_an_error_comes_with_its_status_and_the_error() -> None:
    """E2: so that nobody looks for the mistake in the header."""
    capture = await stream_client(fails).get("/early")
    message = says(lambda: capture.assert_content_type("text/html"))

    assert message.startswith("the content type is 'application/json; charset=utf-8', not 'text/html' (status 409)\n")
    assert message.endswith("  error: app.conflict: AppError: taken\n")


async def test_no_content_type_and_two_of_them_fail() -> None:
    none = StreamCapture(transcript(Event(EventKind.FINALIZED, 0)), [b"a"])
    two = await with_content_type("text/html", "text/html")

    assert says(lambda: none.assert_content_type("text/html")).startswith("the content type is none, not 'text/html'")
    assert "is 'text/html', 'text/html', not" in says(lambda: two.assert_content_type("text/html"))


@pytest.mark.parametrize("expected", ["", "html", "charset=utf-8", None, b"text/html"], ids=repr)
async def test_what_is_no_media_type_is_refused(expected: Any) -> None:
    capture = await with_content_type("text/html")

    with pytest.raises(UsageError, match="assert_content_type takes a media type such as 'text/html', not"):
        capture.assert_content_type(expected)


async def test_a_handler_that_ended_its_stream_closed_it() -> None:
    """F4: also one without chunks."""

    @streamify_response
    async def ends(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.end("one")

    async def empty(event: Any, context: Any) -> StreamingResponse:
        return text_stream(None)

    for handler in (ends, empty):
        (await stream_client(handler).get()).assert_closed()


async def test_a_stream_that_was_ended_for_its_handler_is_not_closed() -> None:
    """F4: NotEnded."""
    capture = await stream_client(forgets_the_end).get()

    assert says(capture.assert_closed).startswith(
        "the handler returned and left its stream open; end it with `await stream.end()`\nWhat happened:\n"
    )


@pytest.mark.parametrize("path", ["/early", "/late"])
async def test_a_handler_that_failed_closed_nothing(path: str) -> None:
    """E2 and E3."""
    capture = await stream_client(fails).get(path)

    assert says(capture.assert_closed).startswith("the handler did not come to its end: failed(app.conflict)\n")


async def test_a_client_that_left_has_no_closed_response() -> None:
    """E4: the handler came to its end, but nobody was there."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        yield "two"

    async with stream_client(handler).stream("GET", "/") as live:
        await anext(live)
        await live.disconnect()

    assert says(live.capture.assert_closed).startswith(
        "the client did not get the whole response: client_gone(after 3 bytes)\n"
    )


async def test_an_error_has_a_code_and_came_early_or_late() -> None:
    """E1 to E3."""
    early, late = await stream_client(fails).get("/early"), await stream_client(fails).get("/late")

    for capture in (early, late):
        capture.assert_error("app.conflict")
    early.assert_error("app.conflict", late=False)
    late.assert_error("app.conflict", late=True)


async def test_another_error_fails_with_what_it_was() -> None:
    capture = await stream_client(fails).get("/late")

    assert says(lambda: capture.assert_error("app.internal")) == (
        "the error is app.conflict, after the first chunk; expected app.internal\n"
        "What happened:\n"
        "  chunk 0: 3 bytes\n"
        "  the end; handler: failed(app.conflict); delivery: complete\n"
        "  late error: app.conflict: AppError: taken\n"
    )
    assert says(lambda: capture.assert_error("app.conflict", late=False)).startswith(
        "the error is app.conflict, after the first chunk; expected app.conflict, before the first chunk\n"
    )


async def test_no_error_fails_too() -> None:
    capture = await with_content_type("text/html")

    assert says(lambda: capture.assert_error("app.conflict", late=True)).startswith(
        "no error, expected app.conflict, after the first chunk\n"
    )


Claim = Callable[[StreamCapture], object]

SEES: dict[str, tuple[Claim, set[str]]] = {
    "headers": (StreamCapture.assert_headers_finalized_before_first_chunk, {"late mutation"}),
    "mutations": (StreamCapture.assert_no_late_mutations, {"late mutation"}),
    "closed": (StreamCapture.assert_closed, {"late error"}),
    "error": (lambda capture: capture.assert_error("app.conflict"), {"late error"}),
    "content type": (lambda capture: capture.assert_content_type("text/plain"), set()),
    "streamed": (StreamCapture.assert_streamed, set()),
    "sizes": (StreamCapture.assert_chunk_sizes, set()),
    "limits": (StreamCapture.assert_within_limits, set()),
    "report": (StreamCapture.report, set()),
    "at": (lambda capture: capture.at("one"), set()),
}


@pytest.mark.parametrize(("claim", "seen"), SEES.values(), ids=SEES)
async def test_an_assertion_looks_at_what_it_is_about_and_at_nothing_else(claim: Claim, seen: set[str]) -> None:
    """Strict mode: the late change of the head and the late error of one response, each seen or not."""
    capture = await stream_client(mutates).get("/fails")
    with suppress(AssertionError, UsageError):
        claim(capture)

    unseen = {problem.split(":")[0].split(" after")[0] for problem in capture.unseen_problems()}
    assert unseen == {"late mutation", "late error"} - seen
