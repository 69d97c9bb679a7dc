"""R0, R1, R7, R8: every shape that a handler and its answer may have."""

import functools
import io
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from apptheory_streaming import InvalidResponse, StreamingResponse, StreamTypeError
from apptheory_streaming.errors import MarshalError
from apptheory_streaming.wire.front import VERBATIM_NOTE
from apptheory_testkit import StreamCapture, stream_client

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def numbers() -> Iterator[str]:
    yield "one"
    yield "two"


async def numbers_async() -> AsyncIterator[str]:
    yield "one"
    yield "two"


class Countdown:
    """An iterator object."""

    def __init__(self) -> None:
        self.left = ["two", "one"]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self.left:
            raise StopIteration
        return self.left.pop()


class CountdownAsync:
    """An async iterator object without `aclose`."""

    def __init__(self) -> None:
        self.left = ["two", "one"]

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()


class Collection:
    """Iterable, not an iterator."""

    def __iter__(self) -> Iterator[str]:
        return numbers()


class CollectionAsync:
    """Async iterable, not an iterator."""

    def __aiter__(self) -> AsyncIterator[str]:
        return numbers_async()


async def answer_with(value: Any, **options: Any) -> StreamCapture:
    """The capture of a handler that returns a value."""

    async def handler(event: Any, context: Any) -> Any:
        return value

    return await stream_client(handler, **options).get("/")


BODIES: dict[str, tuple[Callable[[], Any], list[bytes]]] = {
    "text": (lambda: "héllo", ["héllo".encode()]),
    "bytes": (lambda: b"\x00\xff", [b"\x00\xff"]),
    "bytearray": (lambda: bytearray(b"ab"), [b"ab"]),
    "memoryview": (lambda: memoryview(b"ab"), [b"ab"]),
    "list": (lambda: ["one", b"two"], [b"one", b"two"]),
    "tuple": (lambda: ("one", "two"), [b"one", b"two"]),
    "deque": (lambda: deque(["one", "two"]), [b"one", b"two"]),
    "dict keys": ({"one": 1, "two": 2}.keys, [b"one", b"two"]),
    "generator": (numbers, [b"one", b"two"]),
    "async generator": (numbers_async, [b"one", b"two"]),
    "iterator object": (Countdown, [b"one", b"two"]),
    "async iterator object": (CountdownAsync, [b"one", b"two"]),
    "iterable object": (Collection, [b"one", b"two"]),
    "async iterable object": (CollectionAsync, [b"one", b"two"]),
    "map": (lambda: map(str.upper, "ab"), [b"A", b"B"]),
    "bytes chunks of a mutable kind": (lambda: [bytearray(b"a"), memoryview(b"b")], [b"a", b"b"]),
    "binary file": (lambda: io.BytesIO(b"x" * 20_000), [b"x" * 8192, b"x" * 8192, b"x" * 3616]),
    "empty file": (lambda: io.BytesIO(b""), []),
    "text file": (lambda: io.StringIO("one\ntwo"), [b"one\n", b"two"]),
    "none": (lambda: None, []),
    "empty text": (lambda: "", []),
    "empty bytes": (lambda: b"", []),
    "empty list": (list, []),
}


@pytest.mark.parametrize("name", BODIES)
async def test_r1_a_streaming_response_takes_every_kind_of_body(name: str) -> None:
    """R1: each body gives exactly its chunks; text and bytes are one chunk, nothing is no chunk."""
    make, chunks = BODIES[name]
    capture = await answer_with(StreamingResponse(make()))
    assert capture.chunks == chunks
    assert capture.status == 200
    assert capture.headers == {"content-type": ["application/octet-stream"]}
    assert capture.notes == []
    capture.assert_headers_finalized_before_first_chunk()


@pytest.mark.parametrize("name", ["generator", "async generator", "iterator object", "async iterator object", "map"])
async def test_r0_a_returned_iterator_is_a_stream(name: str) -> None:
    """R0: an iterator by itself is a body with the default head."""
    make, chunks = BODIES[name]
    capture = await answer_with(make())
    assert (capture.status, capture.chunks) == (200, chunks)
    assert capture.headers == {"content-type": ["application/octet-stream"]}


async def test_r0_a_returned_async_iterable_or_file_is_a_stream() -> None:
    """R0: an async iterable that is no iterator, and a binary file, are streams as return values."""
    assert (await answer_with(CollectionAsync())).chunks == [b"one", b"two"]
    assert (await answer_with(io.BytesIO(b"abc"))).chunks == [b"abc"]


@pytest.mark.parametrize("name", ["generator", "async generator", "iterator object", "binary file"])
async def test_r0_a_dict_whose_body_is_a_stream_is_a_head_with_a_stream(name: str) -> None:
    """R0: statusCode, headers, multiValueHeaders and cookies of the dict become the head."""
    make, chunks = BODIES[name]
    fields = {
        "statusCode": "201",
        "headers": {"Content-Type": "text/plain", "X-One": 1},
        "multiValueHeaders": {"vary": ["accept", "origin"]},
        "cookies": ["a=1"],
        "body": make(),
    }
    capture = await answer_with(fields)
    assert capture.status == 201
    assert capture.headers == {"content-type": ["text/plain"], "x-one": ["1"], "vary": ["accept", "origin"]}
    assert capture.cookies == ["a=1"]
    assert capture.chunks == chunks


async def test_r0_a_file_is_read_in_pieces_of_8192_bytes_and_closed(tmp_path: Path) -> None:
    """R0, R1: a file opened in binary is cut by size, never by line, and closed at its end."""
    path = tmp_path / "page.bin"
    path.write_bytes(b"line\n" * 2000)
    file = path.open("rb")
    capture = await answer_with({"body": file})
    assert [len(chunk) for chunk in capture.chunks] == [8192, 1808]
    assert capture.body == path.read_bytes()
    assert file.closed


async def test_r1_a_file_is_closed_although_nobody_could_read_it(tmp_path: Path) -> None:
    """R1: a file whose head is impossible, or whose prefix is, is closed and leaves no warning."""
    path = tmp_path / "page.bin"
    path.write_bytes(b"x")
    first, second = path.open("rb"), path.open("rb")
    capture = await answer_with(StreamingResponse(first, status=99))
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)
    capture = await answer_with(Response(body=17, body_stream=second))
    assert capture.error is not None
    assert isinstance(capture.error.exception, StreamTypeError)
    assert first.closed
    assert second.closed


async def test_r3_an_empty_chunk_keeps_its_place() -> None:
    """R3: empty chunks stand in the capture where the handler made them."""
    assert (await answer_with(StreamingResponse(["", b"a", b"", "b", ""]))).chunks == [b"", b"a", b"", b"b", b""]


async def test_r2_a_buffer_that_is_used_again_does_not_change_what_was_sent() -> None:
    """R2: a bytearray is copied at the yield, for sync and async bodies."""

    def reuse() -> Iterator[bytearray]:
        buffer = bytearray(b"0")
        for digit in b"0123456789" * 20:
            buffer[0] = digit
            yield buffer

    async def reuse_async() -> AsyncIterator[bytearray]:
        for buffer in reuse():
            yield buffer

    for body in (reuse(), reuse_async()):
        assert (await answer_with(body)).body == b"0123456789" * 20


@pytest.mark.parametrize(
    "bad", [17, 1.5, None, ["a"], {"a": 1}, object(), ("a", "b")], ids=lambda bad: type(bad).__name__
)
@pytest.mark.parametrize("kind", ["list", "generator", "async generator"])
async def test_r2_a_chunk_of_another_type_is_an_error_that_names_index_and_type(bad: object, kind: str) -> None:
    """R2: early for chunk 0, late after; the message says which chunk and what it was."""

    def bodies(*chunks: object) -> Any:
        def sync() -> Iterator[Any]:
            yield from chunks

        async def with_await() -> AsyncIterator[Any]:
            for chunk in chunks:
                yield chunk

        return {"list": lambda: [*chunks], "generator": sync, "async generator": with_await}[kind]()

    early = await answer_with(StreamingResponse(bodies(bad, "a")))
    assert (early.status, early.stream_error_code) == (502, None)
    assert early.error is not None
    assert isinstance(early.error.exception, StreamTypeError)
    assert f"chunk 0 is of type {type(bad).__name__}" in early.error.message
    late = await answer_with(StreamingResponse(bodies("a", "b", bad, "c")))
    assert (late.status, late.chunks, late.stream_error_code) == (200, [b"a", b"b"], "app.internal")
    assert late.error is not None
    assert f"chunk 2 is of type {type(bad).__name__}" in late.error.message


async def test_r2_text_without_a_utf8_form_is_an_error() -> None:
    """R2: a lone surrogate cannot be sent; the chunk is named."""
    capture = await answer_with(StreamingResponse(["ok", "\ud800"]))
    assert capture.chunks == [b"ok"]
    assert capture.error is not None
    assert isinstance(capture.error.exception, StreamTypeError)
    assert "chunk 1" in capture.error.message


@pytest.mark.parametrize("body", [17, 1.5, object()], ids=["int", "float", "object"])
async def test_r1_a_body_that_is_no_body_is_an_invalid_response(body: Any) -> None:
    """R1: what can neither be sent nor iterated is refused before anything is sent."""
    capture = await answer_with(StreamingResponse(body))
    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)
    assert type(body).__name__ in capture.error.message


async def test_r1_a_coroutine_given_as_a_body_is_refused_and_never_left_unawaited() -> None:
    """R1: a forgotten `yield` makes a coroutine of a body; the error says so, and no warning follows."""

    async def forgot_to_yield() -> str:
        return "page"

    for value in (StreamingResponse(forgot_to_yield()), {"body": forgot_to_yield()}):  # type: ignore[arg-type]
        capture = await answer_with(value)
        assert capture.status == 502
        assert capture.error is not None
        assert isinstance(capture.error.exception, InvalidResponse | MarshalError)
        assert "coroutine" in capture.error.message


# -- what can be called -----------------------------------------------------------------------


def sync_function(event: Any, context: Any) -> Any:
    return StreamingResponse(["one", "two"])


async def async_function(event: Any, context: Any) -> Any:
    return StreamingResponse(["one", "two"])


def generator_function(event: Any, context: Any) -> Iterator[str]:
    yield from numbers()


async def async_generator_function(event: Any, context: Any) -> AsyncIterator[str]:
    async for number in numbers_async():
        yield number


def sync_function_with_async_generator(event: Any, context: Any) -> Any:
    return numbers_async()


async def async_function_with_sync_generator(event: Any, context: Any) -> Any:
    return numbers()


def sync_function_with_coroutine(event: Any, context: Any) -> Awaitable[Any]:
    return async_function(event, context)


def with_prefix(prefix: str, event: Any, context: Any) -> Any:
    return StreamingResponse([f"{prefix}one", "two"])


async def with_prefix_async(prefix: str, event: Any, context: Any) -> Any:
    return StreamingResponse([f"{prefix}one", "two"])


def with_prefix_generator(prefix: str, event: Any, context: Any) -> Iterator[str]:
    yield f"{prefix}one"
    yield "two"


class CallableObject:
    def __call__(self, event: Any, context: Any) -> Any:
        return StreamingResponse(["one", "two"])

    def method(self, event: Any, context: Any) -> Any:
        return self(event, context)

    async def method_async(self, event: Any, context: Any) -> Any:
        return self(event, context)


class CallableObjectAsync:
    async def __call__(self, event: Any, context: Any) -> Any:
        return StreamingResponse(["one", "two"])


class CallableGenerator:
    def __call__(self, event: Any, context: Any) -> Iterator[str]:
        yield from numbers()


class CallableAsyncGenerator:
    async def __call__(self, event: Any, context: Any) -> AsyncIterator[str]:
        async for number in numbers_async():
            yield number


class ClassAsHandler:
    """Calling the class itself makes the answer: an iterator."""

    def __init__(self, event: Any, context: Any) -> None:
        self.numbers = numbers()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self.numbers)


@functools.wraps(async_function)
def decorated(event: Any, context: Any) -> Any:
    return async_function(event, context)


HANDLERS: dict[str, Callable[..., Any]] = {
    "sync function": sync_function,
    "async function": async_function,
    "generator function": generator_function,
    "async generator function": async_generator_function,
    "sync function, async generator": sync_function_with_async_generator,
    "async function, sync generator": async_function_with_sync_generator,
    "sync function, coroutine": sync_function_with_coroutine,
    "lambda": lambda event, context: numbers(),
    "partial": functools.partial(with_prefix, ""),
    "partial of async": functools.partial(with_prefix_async, ""),
    "partial of generator": functools.partial(with_prefix_generator, ""),
    "partial of callable object": functools.partial(CallableObjectAsync()),
    "callable object": CallableObject(),
    "async callable object": CallableObjectAsync(),
    "generator callable object": CallableGenerator(),
    "async generator callable object": CallableAsyncGenerator(),
    "bound method": CallableObject().method,
    "async bound method": CallableObject().method_async,
    "class": ClassAsHandler,
    "wrapped async function": decorated,
}


@pytest.mark.parametrize("name", HANDLERS)
async def test_r0_everything_that_can_be_called_is_a_handler(name: str) -> None:
    """R0: sync and async functions, generators, partials, methods, objects and classes all stream."""
    capture = await stream_client(HANDLERS[name]).get("/")
    assert capture.chunks == [b"one", b"two"]
    assert capture.handler_outcome == "ended"
    assert capture.delivery_outcome == "complete"


async def test_r0_parameters_are_never_counted() -> None:
    """R0: a handler with defaults or star arguments still gets exactly event and context."""
    got: list[tuple[Any, ...]] = []

    async def star(*arguments: Any) -> Any:
        got.append(arguments)
        return "ok"

    async def three(event: Any, context: Any, extra: str = "mine") -> Any:
        got.append((event, context, extra))
        return "ok"

    await stream_client(star).invoke({"a": 1})
    await stream_client(three).invoke({"a": 2})
    assert [len(arguments) for arguments in got] == [2, 3]
    assert got[0][0] == {"a": 1}
    assert got[1][2] == "mine"


def test_r0_a_sync_test_gets_the_same_capture() -> None:
    """D1: `client.sync` runs every kind of handler too, equal to the last byte."""
    captures = [stream_client(HANDLERS[name]).sync.get("/", headers={"x-request-id": "r"}) for name in HANDLERS]
    assert all(capture == captures[0] for capture in captures)


# -- AppTheory's shape ------------------------------------------------------------------------


@dataclass
class Response:
    """An object with AppTheory's fields."""

    status: Any = 200
    headers: dict[str, Any] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)
    body: Any = b""
    body_stream: Any = None
    is_base64: bool = False


async def test_r7_a_prefix_is_chunk_0_of_a_stream() -> None:
    """R7: buffered bytes come first, then the chunks of the stream."""
    response = Response(201, {"X-Id": ["7"]}, ["a=1"], b"<html>", numbers_async())
    capture = await answer_with(response)
    assert (capture.status, capture.cookies, capture.headers["x-id"]) == (201, ["a=1"], ["7"])
    assert capture.chunks == [b"<html>", b"one", b"two"]


@pytest.mark.parametrize("empty", [b"", "", None])
async def test_r7_an_empty_prefix_is_no_chunk(empty: Any) -> None:
    """R7: only a prefix with bytes in it is a chunk."""
    assert (await answer_with(Response(body=empty, body_stream=numbers()))).chunks == [b"one", b"two"]


@pytest.mark.parametrize("name", BODIES)
async def test_r7_the_stream_of_a_prefix_may_be_any_body(name: str) -> None:
    """R7, R1: what StreamingResponse takes, `body_stream` takes."""
    make, chunks = BODIES[name]
    assert (await answer_with(Response(body="first", body_stream=make()))).chunks == [b"first", *chunks]


async def test_r7_a_body_without_a_stream_is_one_chunk() -> None:
    """R7: the shape answers in streaming mode even without a stream, and says nothing of buffering."""
    capture = await answer_with(Response(404, {"content-type": "text/plain"}, body="gone"))
    assert (capture.status, capture.chunks, capture.notes) == (404, [b"gone"], [])


async def test_r8_a_base64_body_is_decoded_at_the_edge() -> None:
    """R8: the client sees the bytes, not their base64 text."""
    assert (await answer_with(Response(body="AP8=", is_base64=True))).chunks == [b"\x00\xff"]
    assert (await answer_with(Response(body=b"AP8=", is_base64=True))).chunks == [b"\x00\xff"]


@pytest.mark.parametrize(
    "response",
    [
        Response(body="AP8=", body_stream=["x"], is_base64=True),
        Response(body_stream=["x"], is_base64=True),
        Response(body="not base64!", is_base64=True),
        {"isBase64Encoded": True, "body": iter(["x"])},
    ],
    ids=["prefix and stream", "stream", "no base64", "dict"],
)
async def test_r8_base64_with_a_stream_or_without_base64_is_invalid(response: Any) -> None:
    """R8: base64 belongs to a buffered body, and must be base64."""
    capture = await answer_with(response)
    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)
    assert "base64" in capture.error.message.lower()


# -- buffered mode ----------------------------------------------------------------------------

BUFFERED: list[tuple[object, bytes]] = [
    (["a", 1], b'["a", 1]'),
    (("a", 1), b'["a", 1]'),
    ({"a": "é"}, '{"a": "é"}'.encode()),
    ({"statusCode": 418, "body": "tea"}, b'{"statusCode": 418, "body": "tea"}'),
    ({"body": ["one", "two"]}, b'{"body": ["one", "two"]}'),
    ("text", b'"text"'),
    (7, b"7"),
    (1.5, b"1.5"),
    (True, b"true"),
    (None, b"null"),
    ({}, b"{}"),
]


@pytest.mark.parametrize(("value", "body"), BUFFERED, ids=[repr(value) for value, _ in BUFFERED])
async def test_r0_a_response_stream_url_shows_a_buffered_answer_verbatim(value: object, body: bytes) -> None:
    """R0: 200, application/json, the whole value as JSON, and a note that says why."""
    capture = await answer_with(value)
    assert (capture.status, capture.headers) == (200, {"content-type": ["application/json"]})
    assert capture.chunks == [body]
    assert capture.notes == [VERBATIM_NOTE]


async def test_r0_bytes_are_sent_as_they_are_in_buffered_mode() -> None:
    """R0: bytes have no JSON form; they go out unchanged as application/unknown."""
    capture = await answer_with(b"\x00\x01")
    assert (capture.body, capture.headers["content-type"]) == (b"\x00\x01", ["application/unknown"])


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, [numbers]], ids=["object", "set", "function"])
async def test_r0_a_value_without_a_json_form_is_a_function_error(value: object) -> None:
    """R0: MarshalError names the place; the client sees a 502."""
    capture = await answer_with(value)
    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, MarshalError)


INFERRED: list[tuple[object, int, list[str], bytes]] = [
    ({"statusCode": 418, "body": "tea"}, 418, ["application/json"], b"tea"),
    ({"statusCode": 200, "headers": {"content-type": "text/html"}, "body": "<p>"}, 200, ["text/html"], b"<p>"),
    ({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}, 200, ["application/json"], b"\x00\xff"),
    ({"message": "no status"}, 200, ["application/json"], b'{"message": "no status"}'),
    (["a"], 200, ["application/json"], b'["a"]'),
    ("text", 200, ["application/json"], b"text"),
    (7, 200, ["application/json"], b"7"),
    (None, 200, ["application/json"], b"null"),
]


@pytest.mark.parametrize(
    ("value", "status", "content_type", "body"), INFERRED, ids=[repr(value)[:40] for value, *_ in INFERRED]
)
async def test_r0_a_buffered_url_infers_the_response(
    value: object, status: int, content_type: list[str], body: bytes
) -> None:
    """R0: inference of format 2.0 on a BUFFERED URL, without a note."""
    capture = await answer_with(value, invoke_mode="BUFFERED")
    assert (capture.status, capture.headers["content-type"], capture.body) == (status, content_type, body)
    assert capture.notes == []


async def test_r0_an_answer_without_a_body_has_no_chunk() -> None:
    """R0: the inferred response of a value without body keeps its head and has no chunk."""
    capture = await answer_with({"statusCode": 202, "cookies": ["a=1"]}, invoke_mode="BUFFERED")
    assert (capture.status, capture.cookies, capture.chunks) == (202, ["a=1"], [])


async def test_r0_a_buffered_url_sends_a_stream_in_one_piece() -> None:
    """R0: a BUFFERED URL collects; the body is the same as the concatenated stream."""
    capture = await answer_with(StreamingResponse(numbers_async(), status=201), invoke_mode="BUFFERED")
    assert (capture.status, capture.chunks) == (201, [b"onetwo"])


async def test_r0_an_invalid_inferred_head_is_a_function_error() -> None:
    """R0, E2b: an impossible status in a buffered answer is the function's fault."""
    capture = await answer_with({"statusCode": 1000, "body": ""}, invoke_mode="BUFFERED")
    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)


# -- the event --------------------------------------------------------------------------------


async def test_a_raw_event_reaches_the_handler_unchanged() -> None:
    """R0: `invoke` hands over any event; a handler of a generator shape reads it too."""

    def echo(event: Any, context: Any) -> Iterator[str]:
        yield json.dumps(event)

    assert json.loads((await stream_client(echo).invoke({"action": "x", "payload": [1]})).body) == {
        "action": "x",
        "payload": [1],
    }
