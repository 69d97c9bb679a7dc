"""The messages of a response: their order, their types, the head that they make (rule R9)."""

from typing import Any

import pytest

from apptheory_streaming import asgi
from apptheory_streaming.errors import (
    AsgiMisuse,
    HeadSetTwice,
    InvalidResponse,
    StreamingError,
    StreamTypeError,
    WriteAfterEnd,
)
from asgi_apps import body, sending, start

END = body(more=False)
EARLY: list[tuple[str, list[Any], type[StreamingError], str]] = [
    ("body before start", [body(b"x")], AsgiMisuse, "'http.response.body' was sent before"),
    ("unknown type", [{"type": "http.response.begin"}], AsgiMisuse, "extension that scope"),
    ("extension", [start(), {"type": "http.response.pathsend", "path": "/"}], AsgiMisuse, "extension that scope"),
    ("web socket", [{"type": "websocket.accept"}], AsgiMisuse, "has no WebSockets"),
    ("other protocol", [{"type": "lifespan.startup.complete"}], AsgiMisuse, "is no message of an HTTP response"),
    ("no dict", ["http.response.start"], AsgiMisuse, "is a dict with the text 'type'"),
    ("no type", [{"status": 200}], AsgiMisuse, "is a dict with the text 'type'"),
    ("no status", [{"type": "http.response.start"}], InvalidResponse, "has no status"),
    ("status of no response", [start(99)], InvalidResponse, "from 100 to 599"),
    ("status as bytes", [start(b"200")], InvalidResponse, "whole number"),
    ("header as text", [start(200, ("a", "b"))], InvalidResponse, "pair of bytes"),  # type: ignore[arg-type]
    ("headers in a dict", [start() | {"headers": {b"a": b"b"}}], InvalidResponse, "are pairs of bytes, not dict"),
    ("three of a pair", [start() | {"headers": [(b"a", b"b", b"c")]}], InvalidResponse, "pair of bytes"),
    ("name of no header", [start(200, (b"a b", b"c"))], InvalidResponse, "'a b' is not a token"),
    ("line break in a header", [start(200, (b"a", b"b\r\nc: d"))], InvalidResponse, "would split the header"),
]
LATE: list[tuple[str, list[Any], type[StreamingError], str]] = [
    ("start twice", [start(), body(b"x"), start(500)], HeadSetTwice, "sent twice"),
    ("text as a body", [start(), body(b"x"), body("text")], StreamTypeError, "chunk 1 is of type str"),
    ("body after the last", [start(), body(b"x", more=False), body(b"y")], WriteAfterEnd, "after the last body"),
    ("start after the last body", [start(), body(b"x", more=False), start()], WriteAfterEnd, "after the last body"),
]


@pytest.mark.parametrize(("messages", "kind", "text"), [case[1:] for case in EARLY], ids=[case[0] for case in EARLY])
async def test_r9_a_message_that_cannot_be_sent_is_an_error_with_a_name(
    stream_client: Any, messages: list[Any], kind: type[StreamingError], text: str
) -> None:
    """The message says what is wrong; it is raised where the application sends."""
    capture = await stream_client(asgi(sending(*messages, END))).get("/")

    assert isinstance(capture.error.exception, kind)
    assert text in capture.error.message
    assert capture.handler_outcome == "failed(app.internal)"
    assert capture.chunks == ([] if capture.status == 200 else [b"Internal Server Error"])


@pytest.mark.parametrize(("messages", "kind", "text"), [case[1:] for case in LATE], ids=[case[0] for case in LATE])
async def test_r9_a_message_that_comes_too_late_is_a_late_error(
    stream_client: Any, messages: list[Any], kind: type[StreamingError], text: str
) -> None:
    """Head and chunks so far stay (E3)."""
    capture = await stream_client(asgi(sending(*messages))).get("/")

    assert isinstance(capture.error.exception, kind)
    assert text in capture.error.message
    assert (capture.status, capture.chunks, capture.stream_error_code) == (200, [b"x"], "app.internal")


async def test_a_misuse_is_raised_where_the_application_can_catch_it(stream_client: Any) -> None:
    """It sends what it should have sent then."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        with pytest.raises(AsgiMisuse):
            await send(body(b"x"))
        await send(start(201))
        with pytest.raises(StreamTypeError):
            await send(body("text"))
        await send(body(b"y", more=False))

    capture = await stream_client(asgi(app)).get("/")

    assert (capture.status, capture.chunks) == (201, [b"y"])


async def test_r5_r6_headers_are_lists_of_values_and_cookies_stand_apart(stream_client: Any) -> None:
    """R5, R6: names in lower case, repeated names in one list, Set-Cookie in the order in which they were sent."""
    pairs = [
        (b"Content-Type", b"text/plain"),
        (b"set-cookie", b"a=1"),
        (b"x-a", b"1"),
        (b"Set-Cookie", b"b=2; Path=/"),
        (b"x-a", b"Gr\xfc\xdfe"),
        (b"set-cookie", b"a=3"),
    ]
    capture = await stream_client(asgi(sending(start(203, *pairs), END))).get("/")

    assert capture.status == 203
    assert capture.headers == {"content-type": ["text/plain"], "x-a": ["1", "Grüße"]}
    assert capture.cookies == ["a=1", "b=2; Path=/", "a=3"]


async def test_r5_a_response_without_a_content_type_gets_that_of_a_stream(stream_client: Any) -> None:
    """Also where the message has no headers at all."""
    message = {"type": "http.response.start", "status": 200}
    capture = await stream_client(asgi(sending(message, END))).get("/")

    assert capture.headers == {"content-type": ["application/octet-stream"]}


async def test_headers_may_be_any_iterable_of_pairs(stream_client: Any) -> None:
    message = start() | {"headers": (list(pair) for pair in [(b"x-a", b"1")])}
    capture = await stream_client(asgi(sending(message, END))).get("/")

    assert capture.headers["x-a"] == ["1"]


async def test_a_body_may_be_any_bytes_and_is_copied(stream_client: Any) -> None:
    """R2: what the application does with its buffer later is its own affair; without a body it is empty."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        buffer = bytearray(b"one")
        await send(start())
        await send(body(buffer))
        buffer[:] = b"two"
        await send(body(memoryview(buffer)))
        await send({"type": "http.response.body"})

    capture = await stream_client(asgi(app)).get("/")

    assert capture.chunks == [b"one", b"two"]
