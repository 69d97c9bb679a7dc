"""The checklist of a streaming handler: each item is an assertion, and a handler that breaks it fails that one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apptheory_streaming import AppError, HttpResponseStream, StreamingResponse, streamify_response
from apptheory_testkit import StreamCapture, stream_client

HTML = {"content-type": "text/html"}


async def work() -> None:
    await asyncio.sleep(0.2)


@streamify_response
async def good(event: Any, stream: HttpResponseStream, context: Any) -> None:
    stream = HttpResponseStream.from_(stream, {"statusCode": 201, "headers": HTML, "cookies": ["seen=1"]})
    for part in ("<h1>", "Hello", "</h1>"):
        await stream.write(part)
        await work()
    await stream.end()


def no_wrapper(event: Any, context: Any) -> Any:
    """Answers as a function does that knows no streams."""
    return {"statusCode": 201, "headers": HTML, "body": "<h1>Hello</h1>"}


async def late_metadata(event: Any, context: Any) -> Any:
    response = StreamingResponse(status=201, headers=HTML)

    async def body() -> AsyncIterator[str]:
        yield "<h1>"
        response.cookies.append("seen=1")
        await work()
        yield "</h1>"

    response.body = body()
    return response


@streamify_response
async def no_metadata(event: Any, stream: HttpResponseStream, context: Any) -> None:
    await stream.write("<h1>")
    await stream.end("</h1>")


@streamify_response
async def not_progressive(event: Any, stream: HttpResponseStream, context: Any) -> None:
    parts = []
    for part in ("<h1>", "Hello", "</h1>"):
        await work()
        parts.append(part)
    for part in parts:
        await stream.write(part)
    await stream.end()


@streamify_response
async def not_closed(event: Any, stream: HttpResponseStream, context: Any) -> None:
    await stream.write("<h1>")
    await stream.write("</h1>")


@streamify_response
async def careless(event: Any, stream: HttpResponseStream, context: Any) -> None:
    await stream.write("<h1>")
    raise KeyError("name")


@streamify_response
async def careful(event: Any, stream: HttpResponseStream, context: Any) -> None:
    await stream.write("<h1>")
    raise AppError("app.overloaded", "the model is busy")


def metadata_is_right(capture: StreamCapture) -> None:
    assert (capture.status, capture.cookies) == (201, ["seen=1"])
    capture.assert_headers_finalized_before_first_chunk()


Claim = Callable[[StreamCapture], object]
CHECKLIST = [
    pytest.param(StreamCapture.assert_streamed, good, no_wrapper, "answered in buffered mode", id="wrapper"),
    pytest.param(metadata_is_right, good, no_metadata, "(200, []) == (201", id="metadata"),
    pytest.param(
        StreamCapture.assert_no_late_mutations, good, late_metadata, "the head changed after it was final", id="final"
    ),
    pytest.param(StreamCapture.assert_incremental, good, not_progressive, "everything before its first", id="progress"),
    pytest.param(
        lambda capture: capture.assert_content_type("text/html"),
        good,
        no_metadata,
        "the content type is 'application/octet-stream', not 'text/html'",
        id="content type",
    ),
    pytest.param(StreamCapture.assert_closed, good, not_closed, "left its stream open", id="closed"),
    pytest.param(StreamCapture.assert_closed, good, careless, "failed(app.internal)", id="no error"),
    pytest.param(
        lambda capture: capture.assert_error("app.overloaded", late=True),
        careful,
        careless,
        "the error is app.internal, after the first chunk; expected app.overloaded",
        id="error handling",
    ),
]


def captured(handler: Any) -> StreamCapture:
    return stream_client(handler, clock="virtual").sync.get("/")


@pytest.mark.parametrize(("claim", "right", "broken", "failure"), CHECKLIST)
def test_each_item_has_an_assertion_that_a_broken_handler_fails(
    claim: Claim, right: Any, broken: Any, failure: str
) -> None:
    """And the right one passes; what the failure says is what is wrong."""
    claim(captured(right))

    with pytest.raises(AssertionError) as failed:
        claim(captured(broken))
    assert failure in str(failed.value)


def test_strict_mode_alone_finds_what_is_broken_late() -> None:
    """A test that asserts nothing of it fails all the same."""
    problems = [captured(handler).unseen_problems() for handler in (good, late_metadata, not_closed, careless)]

    assert [len(each) for each in problems] == [0, 1, 1, 1]
