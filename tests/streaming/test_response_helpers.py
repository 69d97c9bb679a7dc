"""R5, W2: `html_stream`, `text_stream`, `sse_stream`, and what they make of their arguments."""

import asyncio
import inspect
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apptheory_streaming import (
    SSE_HEADERS,
    FrameInjection,
    InvalidResponse,
    ServerSentEvent,
    StreamingResponse,
    html_stream,
    sse_stream,
    text_stream,
)
from apptheory_testkit import StreamCapture, stream_client

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

Helper = Callable[..., StreamingResponse]

PRESETS: list[tuple[Helper, dict[str, list[str]]]] = [
    (StreamingResponse, {"content-type": ["application/octet-stream"]}),
    (html_stream, {"content-type": ["text/html; charset=utf-8"]}),
    (text_stream, {"content-type": ["text/plain; charset=utf-8"]}),
    (
        sse_stream,
        {"content-type": ["text/event-stream"], "cache-control": ["no-cache"], "x-accel-buffering": ["no"]},
    ),
]

every_helper = pytest.mark.parametrize(("helper", "preset"), PRESETS, ids=[helper.__name__ for helper, _ in PRESETS])


async def capture_of(response: Any) -> StreamCapture:
    async def handler(event: Any, context: Any) -> Any:
        return response

    return await stream_client(handler).get("/")


@every_helper
async def test_r5_each_helper_presets_its_headers(helper: Helper, preset: dict[str, list[str]]) -> None:
    """R5: with status 200 and no cookies."""
    capture = await capture_of(helper([]))
    assert (capture.status, capture.headers, capture.cookies, capture.chunks) == (200, preset, [], [])


@every_helper
async def test_r5_status_headers_and_cookies_go_by_keyword(helper: Helper, preset: dict[str, list[str]]) -> None:
    """R5: header values may be text or a list of texts; the preset stays beside them."""
    response = helper([], status=201, headers={"X-A": "1", "vary": ["accept", "origin"]}, cookies=("a=1", "b=2"))
    capture = await capture_of(response)
    assert capture.status == 201
    assert capture.headers == preset | {"x-a": ["1"], "vary": ["accept", "origin"]}
    assert capture.cookies == ["a=1", "b=2"]
    parameters = list(inspect.signature(helper).parameters.values())
    assert {each.kind for each in parameters[1:]} == {inspect.Parameter.KEYWORD_ONLY}


@every_helper
@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
async def test_r5_a_content_type_in_any_case_wins(helper: Helper, preset: dict[str, list[str]], name: str) -> None:
    """R5: it replaces the preset and is not merged with it."""
    capture = await capture_of(helper([], headers={name: "text/x-mine"}))
    assert capture.headers == preset | {"content-type": ["text/x-mine"]}


async def test_r5_every_preset_of_sse_can_be_replaced() -> None:
    """R5: cache-control and x-accel-buffering as well."""
    capture = await capture_of(sse_stream([], headers={"Cache-Control": "no-store", "X-Accel-Buffering": "yes"}))
    assert capture.headers["cache-control"] == ["no-store"]
    assert capture.headers["x-accel-buffering"] == ["yes"]
    assert SSE_HEADERS["cache-control"] == "no-cache"


@every_helper
async def test_r5_what_was_given_is_copied(helper: Helper, preset: dict[str, list[str]]) -> None:
    """R5: changing the arguments afterwards, or the response, leaves the other alone."""
    headers: dict[str, object] = {"x-a": ["1"]}
    cookies = ["a=1"]
    response = helper([], headers=headers, cookies=cookies)
    headers["x-b"] = "2"
    cookies.append("b=2")
    response.headers["x-c"] = "3"
    response.headers["x-a"].append("4")
    assert headers == {"x-a": ["1"], "x-b": "2"}
    capture = await capture_of(response)
    assert capture.headers == preset | {"x-a": ["1", "4"], "x-c": ["3"]}
    assert capture.cookies == ["a=1"]


@every_helper
async def test_r6_set_cookie_headers_follow_the_cookies(helper: Helper, preset: dict[str, list[str]]) -> None:
    """R6: and leave the headers."""
    capture = await capture_of(helper([], headers={"Set-Cookie": ["b=2", "c=3"]}, cookies=["a=1"]))
    assert capture.cookies == ["a=1", "b=2", "c=3"]
    assert capture.headers == preset


@every_helper
@pytest.mark.parametrize(
    "head",
    [
        {"status": 99},
        {"status": 600},
        {"status": "x"},
        {"status": True},
        {"headers": {"bad name": "x"}},
        {"headers": {"x": "a\r\nb"}},
        {"headers": {"x": ...}},
        {"cookies": ["a\nb"]},
        {"cookies": [7.5, ...]},
    ],
    ids=repr,
)
async def test_r4_to_r6_an_impossible_head_is_refused_when_the_handler_returns(
    helper: Helper, preset: dict[str, list[str]], head: dict[str, Any]
) -> None:
    """R4, R5, R6: 502 for the client, InvalidResponse in the capture."""
    capture = await capture_of(helper([], **head))
    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)


@pytest.mark.parametrize("status", [0, None, "200", 200])
async def test_r4_zero_none_and_digits_are_statuses(status: Any) -> None:
    """R4: 0 and a missing status mean 200, a digit string is a number."""
    assert (await capture_of(html_stream("x", status=status))).status == 200


async def test_r1_a_helper_takes_text_and_bytes_as_one_chunk() -> None:
    """R1: never iterated by character."""
    assert (await capture_of(html_stream("<h1>"))).chunks == [b"<h1>"]
    assert (await capture_of(text_stream(b"text"))).chunks == [b"text"]
    assert (await capture_of(html_stream(None))).chunks == []


# -- Server-Sent Events -----------------------------------------------------------------------

EVENTS: list[tuple[object, bytes]] = [
    (ServerSentEvent("hi"), b"data: hi\n\n"),
    (ServerSentEvent("a\nb", event="e", id="1", retry=5), b"id: 1\nevent: e\nretry: 5\ndata: a\ndata: b\n\n"),
    (ServerSentEvent(comment="keep-alive"), b": keep-alive\n\n"),
    ("text", b"data: text\n\n"),
    ("two\r\nlines", b"data: two\ndata: lines\n\n"),
    ("", b"data: \n\n"),
    ({"a": "é", "b": [1]}, 'data: {"a":"é","b":[1]}\n\n'.encode()),
    ([1, None], b"data: [1,null]\n\n"),
    (7, b"data: 7\n\n"),
    (False, b"data: false\n\n"),
    (b"data: framed\n\n", b"data: framed\n\n"),
    (bytearray(b": x\n\n"), b": x\n\n"),
    (memoryview(b": x\n\n"), b": x\n\n"),
]


@pytest.mark.parametrize("kind", ["list", "sync", "async"])
async def test_w2_each_event_is_one_chunk(kind: str) -> None:
    """W2: events, text, JSON values and framed bytes, from every kind of iterable."""

    def sync() -> Iterator[object]:
        for event, _ in EVENTS:
            yield event

    async def with_await() -> AsyncIterator[object]:
        for event in sync():
            yield event

    events: Any = {"list": list(sync()), "sync": sync(), "async": with_await()}[kind]
    assert (await capture_of(sse_stream(events))).chunks == [frame for _, frame in EVENTS]


@pytest.mark.parametrize(
    ("events", "chunks"),
    [("text", [b"data: text\n\n"]), (b"data: x\n\n", [b"data: x\n\n"]), (None, []), ((), [])],
    ids=["text", "bytes", "none", "empty"],
)
async def test_r1_text_or_bytes_in_the_place_of_events_is_one_event(events: Any, chunks: list[bytes]) -> None:
    """R1: never one event a character, nor one a byte."""
    assert (await capture_of(sse_stream(events))).chunks == chunks


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_w2_a_broken_event_is_an_error_where_it_stands(kind: str) -> None:
    """W2, E3: FrameInjection for a line break in an id; the events before it were sent."""

    def sync() -> Iterator[object]:
        yield "fine"
        yield ServerSentEvent("x", id="1\n2")

    async def with_await() -> AsyncIterator[object]:
        for event in sync():
            yield event

    capture = await capture_of(sse_stream(sync() if kind == "sync" else with_await()))
    assert capture.chunks == [b"data: fine\n\n"]
    assert capture.error is not None
    assert isinstance(capture.error.exception, FrameInjection)
    assert capture.stream_error_code == "app.internal"


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_w2_the_generator_of_the_events_is_closed_with_the_stream(kind: str) -> None:
    """W2: its `finally` has run when the response is over, also when an event could not be sent."""
    log: list[str] = []

    def sync() -> Iterator[object]:
        try:
            yield "fine"
            yield object()
            log.append("went on")
        finally:
            log.append("finally")

    async def with_await() -> AsyncIterator[object]:
        try:
            yield "fine"
            yield object()
            log.append("went on")
        finally:
            await asyncio.sleep(0)
            log.append("finally")

    capture = await capture_of(sse_stream(sync() if kind == "sync" else with_await()))
    assert log == ["finally"]
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)


async def test_w2_the_events_of_a_client_that_left_are_closed() -> None:
    """W2, E4: cancelling an SSE stream runs the `finally` of the generator inside it."""
    log: list[str] = []

    async def events() -> AsyncIterator[object]:
        try:
            yield "one"
            await asyncio.Event().wait()
        finally:
            log.append("finally")

    async def handler(event: Any, context: Any) -> Any:
        return sse_stream(events())

    async with stream_client(handler, on_disconnect="cancel").stream("GET", "/") as live:
        assert await anext(live) == b"data: one\n\n"
        await live.disconnect()
    assert log == ["finally"]


async def test_w2_an_iterator_object_with_close_is_closed_too() -> None:
    """W2: what can be closed is closed, generator or not; files of framed events as well."""
    file = io.BytesIO(b"data: x\n")
    assert (await capture_of(sse_stream(file))).chunks == [b"data: x\n"]
    assert file.closed

    class Subscription:
        def __init__(self) -> None:
            self.closed = False
            self.left = ["one"]

        def __aiter__(self) -> "Subscription":
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

        async def aclose(self) -> None:
            self.closed = True

    subscription = Subscription()
    assert (await capture_of(sse_stream(subscription))).chunks == [b"data: one\n\n"]
    assert subscription.closed


async def test_r1_a_file_given_to_a_helper_is_sent_by_size_and_closed(tmp_path: Path) -> None:
    """R1: html_stream of an open file is the file."""
    path = tmp_path / "page.html"
    path.write_bytes(b"<p>\n" * 3000)
    file = path.open("rb")
    capture = await capture_of(html_stream(file))
    assert [len(chunk) for chunk in capture.chunks] == [8192, 3808]
    assert file.closed
