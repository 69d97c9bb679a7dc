"""Handlers and requests that must look the same in process and over HTTP."""

import asyncio
import functools
import io
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from apptheory_streaming import (
    AppError,
    HttpResponseStream,
    ServerSentEvent,
    StreamingResponse,
    html_stream,
    sse_stream,
    streamify_response,
    text_stream,
)
from apptheory_streaming.wire.limits import Limits

__all__ = ["CASES", "Case"]

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
SMALL = Limits(max_request_bytes=10, max_response_bytes=10)
Handler = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """A handler or target, one request to it, and the options that both transports take.

    What `tells_time` writes how long it took, which is the same twice on a virtual clock alone.
    """

    name: str
    target: Handler | str
    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    options: Mapping[str, Any] = field(default_factory=dict)
    tells_time: bool = False


def returns(value: Callable[[], Any]) -> Handler:
    """An async handler that returns a new value at every call."""

    async def handler(event: Any, context: Any) -> Any:
        return value()

    return handler


def yields(*chunks: Any, error: Exception | None = None) -> Handler:
    """An async generator handler."""

    async def handler(event: Any, context: Any) -> AsyncIterator[Any]:
        for chunk in chunks:
            yield chunk
        if error is not None:
            raise error

    return handler


def yields_in_thread(*chunks: Any, error: Exception | None = None) -> Handler:
    """A sync generator handler."""

    def handler(event: Any, context: Any) -> Iterator[Any]:
        yield from chunks
        if error is not None:
            raise error

    return handler


async def numbers(count: int) -> AsyncIterator[str]:
    for index in range(count):
        yield f"chunk {index}\n"


class Iterated:
    """An async iterator that is no generator."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return b"%d" % self.left


class CallableHandler:
    async def __call__(self, event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(numbers(3))


def with_options(first: Any, event: Any, context: Any) -> Iterator[Any]:
    yield first
    yield b"rest"


@streamify_response
async def streamified(event: Any, stream: HttpResponseStream, context: Any) -> None:
    out = HttpResponseStream.from_(
        stream, {"statusCode": 202, "headers": {"content-type": "text/plain", "x-own": "1"}, "cookies": ["a=1", "b=2"]}
    )
    await out.write("first")
    out.write(b"")
    out.write(b"second")
    await out.end("third")


@streamify_response
def streamified_in_thread(event: Any, stream: HttpResponseStream, context: Any) -> None:
    stream.set_content_type("text/csv")
    stream.write("a,b\r\n")
    stream.write(bytearray(b"1,2\r\n"))
    stream.end()


@streamify_response
async def without_end(event: Any, stream: HttpResponseStream, context: Any) -> None:
    stream.write("all there is")


@streamify_response
async def writes_after_end(event: Any, stream: HttpResponseStream, context: Any) -> None:
    stream.write("all")
    stream.end()
    stream.write("more")


@streamify_response
async def only_ends(event: Any, stream: HttpResponseStream, context: Any) -> None:
    HttpResponseStream.from_(stream, {"statusCode": 204})
    stream.end()


def apptheory_response(**fields: Any) -> SimpleNamespace:
    """An object of AppTheory's response shape."""
    defaults = {"status": 0, "headers": {}, "cookies": [], "body": b"", "is_base64": False, "body_stream": None}
    return SimpleNamespace(**(defaults | fields))


async def changes_its_head(event: Any, context: Any) -> StreamingResponse:
    response = StreamingResponse(headers={"x-own": "before"})

    async def body() -> AsyncIterator[str]:
        response.headers["x-early"] = "too late already"
        yield "first"
        response.status = 500
        response.headers["x-own"] += ["after"]
        response.cookies.append("late=1")
        yield "second"
        del response.headers["x-early"]

    response.body = body()
    return response


async def changes_a_dict(event: Any, context: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {"statusCode": 200, "headers": {"x-own": "before"}, "cookies": []}

    async def body() -> AsyncIterator[str]:
        yield "first"
        answer["headers"]["x-own"] = "after"
        yield "second"
        answer["cookies"].append("late=1")

    answer["body"] = body()
    return answer


def changes_its_head_in_thread(event: Any, context: Any) -> StreamingResponse:
    response = StreamingResponse()

    def body() -> Iterator[str]:
        yield "first"
        response.headers.update({"x-late": "1"})
        response.cookies = ["late=1"]
        yield "second"

    response.body = body()
    return response


async def fails_before_it_yields(event: Any, context: Any) -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        raise AppError("app.conflict", "before the first chunk")
        yield ""

    return StreamingResponse(body(), status=201, headers={"x-own": "gone"}, cookies=["gone=1"])


async def never(event: Any, context: Any) -> None:
    await asyncio.Event().wait()


async def stops(event: Any, context: Any) -> AsyncIterator[str]:
    yield "first"
    await asyncio.Event().wait()


def example(name: str) -> str:
    return f"{EXAMPLES / name}.py:handler"


INSTANT = {f"{name}_SECONDS": "0" for name in ("CHAT_TOKEN", "SSR", "PROGRESS", "RESULTS")}
EXAMPLE_CASES = [
    Case("chat page", example("chat"), options={"env": INSTANT}),
    Case("chat answer", example("chat"), path="/chat?q=hello%20w%C3%B6rld", options={"env": INSTANT}),
    Case(
        "chat by POST",
        example("chat"),
        method="POST",
        path="/chat",
        headers=(("content-type", "application/json"),),
        body='{"message": "Où est le café ?"}'.encode(),
        options={"env": INSTANT},
    ),
    Case("chat without a question", example("chat"), path="/chat", options={"env": INSTANT}),
    Case("chat with a wrong method", example("chat"), method="DELETE", path="/chat", options={"env": INSTANT}),
    Case("chat elsewhere", example("chat"), path="/nowhere", options={"env": INSTANT}),
    Case("chat page by HEAD", example("chat"), method="HEAD", options={"env": INSTANT}),
    Case("page", example("ssr"), path="/?guest=%3CAda%3E", options={"env": INSTANT}),
    Case("page elsewhere", example("ssr"), path="/nowhere", options={"env": INSTANT}),
    Case("export as NDJSON", example("export"), path="/orders.ndjson?rows=500"),
    Case("export as CSV", example("export"), path="/orders.csv?rows=500"),
    Case("export of nothing", example("export"), path="/orders.ndjson?rows=0"),
    Case("export with wrong rows", example("export"), path="/orders.csv?rows=many"),
    Case("progress", example("progress"), path="/?photos=100", options={"env": INSTANT}, tells_time=True),
    Case("progress of a wrong number", example("progress"), path="/?photos=ten", options={"env": INSTANT}),
    Case("results", example("results"), path="/?q=%E5%B3%B6&limit=1", options={"env": INSTANT}),
    Case("results of nothing", example("results"), options={"env": INSTANT}),
    Case("media", example("media"), path="/tone.wav?seconds=2"),
    Case("media elsewhere", example("media"), path="/song.mp3"),
]

CHUNK_CASES = [
    Case("1 chunk", yields(b"one")),
    Case("2 chunks", yields("one", b"two")),
    Case("1000 chunks", yields(*(f"{index}," for index in range(1000)))),
    Case("1000 chunks in a thread", yields_in_thread(*(f"{index}," for index in range(1000)))),
    Case("no chunk", yields()),
    Case("no chunk in a thread", yields_in_thread()),
    Case("empty chunks", yields(b"", "", b"one", b"", b"two", "")),
    Case("only empty chunks", yields_in_thread("", b"")),
    Case("1 MiB chunks", yields(*(bytes([index]) * 1024 * 1024 for index in range(8)))),
    Case("1 MiB chunks in a thread", yields_in_thread(*(bytes([index]) * 1024 * 1024 for index in range(8)))),
    Case("chunks around the joined size", yields(*(b"x" * size for size in (16383, 16384, 16385, 1, 65536, 1, 2)))),
    Case("text cut inside a character", yields("é☕".encode()[:1], "é☕".encode()[1:4], "é☕".encode()[4:])),
    Case("bytes that are no text", yields(bytes(range(256)), b"\r\n0\r\n\r\n")),
    Case("bytearray and memoryview", yields(bytearray(b"one"), memoryview(b"two"))),
]

SHAPE_CASES = [
    Case("async generator", returns(lambda: numbers(3))),
    Case("async iterator", returns(lambda: Iterated(3))),
    Case("sync iterator", returns(lambda: iter(["one", "two"]))),
    Case("callable object", CallableHandler()),
    Case("partial of a sync generator", functools.partial(with_options, b"first")),
    Case("response with a list", returns(lambda: StreamingResponse(["one", "two"]))),
    Case("response with a tuple of nothing", returns(lambda: StreamingResponse(()))),
    Case("response with text", returns(lambda: StreamingResponse("text"))),
    Case("response with bytes", returns(lambda: StreamingResponse(b"bytes", status=206))),
    Case("response with nothing", returns(lambda: StreamingResponse(None, status=201))),
    Case("response with a file", returns(lambda: StreamingResponse(io.BytesIO(b"f" * 20_000)))),
    Case("file", returns(lambda: io.BytesIO(b"\n".join([b"line"] * 100)))),
    Case("dict with a stream", returns(lambda: {"statusCode": "203", "body": numbers(2), "cookies": ["a=1"]})),
    Case(
        "dict with two header maps",
        returns(lambda: {"headers": {"x-a": 1}, "multiValueHeaders": {"X-A": [2, 3]}, "body": iter(["b"])}),
    ),
    Case("AppTheory response", returns(lambda: apptheory_response(body=b"all", headers={"x-own": ["1"]}))),
    Case(
        "AppTheory response with prefix and stream",
        returns(lambda: apptheory_response(body=b"pre", body_stream=numbers(2))),
    ),
    Case("AppTheory response in base64", returns(lambda: apptheory_response(body=b"aGk=", is_base64=True))),
    Case("streamify", streamified),
    Case("streamify in a thread", streamified_in_thread),
    Case("streamify that only ends", only_ends),
    Case("HTML helper", returns(lambda: html_stream(["<h1>", "é</h1>"], status=404))),
    Case("text helper", returns(lambda: text_stream(numbers(2), headers={"Content-Type": "text/markdown"}))),
    Case("SSE helper", returns(lambda: sse_stream([ServerSentEvent({"a": 1}, event="e", id="1"), {"b": [2]}]))),
]

HEAD_CASES = [
    Case(
        "multi-value headers",
        returns(lambda: StreamingResponse("b", headers={"X-A": ["1", "2"], "x-a": "3", "Vary": ["a", "b"]})),
    ),
    Case(
        "cookies from both places",
        returns(lambda: StreamingResponse("b", headers={"Set-Cookie": ["c=3", "d=4"]}, cookies=["a=1", "b=2"])),
    ),
    Case(
        "headers of the connection",
        returns(
            lambda: StreamingResponse(
                "b", headers={"content-length": 1, "connection": "close", "keep-alive": "timeout=5", "date": "now"}
            )
        ),
    ),
    Case(
        "header values that are no text",
        returns(lambda: StreamingResponse("b", headers={"x-a": 1, "x-b": True, "x-c": 1.5})),
    ),
    Case("header beyond ASCII", returns(lambda: StreamingResponse("b", headers={"x-a": "é☕"}))),
    Case("HEAD", streamified, method="HEAD"),
    Case("HEAD of a late error", yields("one", error=ValueError("late")), method="HEAD"),
    *(
        Case(f"status {status}", returns(functools.partial(StreamingResponse, ["not", "sent"], status=status)))
        for status in (204, 304)
    ),
    *(
        Case(f"status {status}", returns(functools.partial(StreamingResponse, ["sent"], status=status)))
        for status in (0, 299, 418, 599)
    ),
    Case("late mutations", changes_its_head),
    Case("late mutations of a dict", changes_a_dict),
    Case("late mutations in a thread", changes_its_head_in_thread),
]

ERROR_CASES = [
    Case("early error with a code", yields(error=AppError("app.rate_limited", "é slow down"))),
    Case("early error with a code of its own", yields(error=AppError("shop.sold_out", "gone"))),
    Case("early error without a code", yields(error=ValueError("secret"))),
    Case("early error in a thread", yields_in_thread(error=AppError("app.not_found", "no"))),
    Case("early error of a finalized response", fails_before_it_yields),
    Case("late error with a code", yields("one", "two", error=AppError("app.overloaded", "too much"))),
    Case("late error without a code", yields("one", error=ValueError("secret"))),
    Case("late error in a thread", yields_in_thread("one", "two", error=AppError("app.overloaded", "too much"))),
    Case("late error behind an empty chunk", yields("", error=ValueError("secret"))),
    Case("impossible status", returns(lambda: StreamingResponse("b", status=1000))),
    Case("line break in a header", returns(lambda: StreamingResponse("b", headers={"x": "a\r\nb: c"}))),
    Case("early chunk of a wrong type", yields(42)),
    Case("late chunk of a wrong type", yields("one", 42)),
    Case("late chunk of a wrong type in a thread", yields_in_thread("one", None)),
    Case("base64 of what is none", returns(lambda: apptheory_response(body=b"*", is_base64=True))),
    Case("streamify without end", without_end),
    Case("streamify that writes after end", writes_after_end),
    Case("early timeout", never, options={"timeout": 0.01}),
    Case("late timeout", stops, options={"timeout": 0.01}),
    Case("request over the limit", yields("one"), method="POST", body=b"x" * 11, options={"limits": SMALL}),
    Case("request at the limit", yields("one"), method="POST", body=b"x" * 10, options={"limits": SMALL}),
    Case("first chunk over the limit", yields("x" * 11), options={"limits": SMALL}),
    Case("later chunk over the limit", yields("x" * 10, "", "y"), options={"limits": SMALL}),
    Case("response at the limit", yields_in_thread("x" * 4, "y" * 6), options={"limits": SMALL}),
]

BUFFERED = {"invoke_mode": "BUFFERED"}
VALUES: dict[str, Any] = {
    "dict": {"statusCode": 201, "headers": {"X-Own": "1"}, "body": "text", "cookies": ["a=1"]},
    "dict without a status": {"hello": "wörld", "list": [1, 2.5, None, True]},
    "text": "hello",
    "nothing": None,
    "list": ["chunk", "chunk"],
    "bytes": b"\x00\xff",
    "base64": {"statusCode": 200, "body": "AP8=", "isBase64Encoded": True},
    "value without JSON": {"set": {1}},
    "wrong status": {"statusCode": 42},
}
BUFFERED_CASES = [
    *(Case(f"{name} on a streaming URL", returns(functools.partial(dict.get, VALUES, name))) for name in VALUES),
    *(
        Case(f"{name} on a buffered URL", returns(functools.partial(dict.get, VALUES, name)), options=BUFFERED)
        for name in VALUES
    ),
    Case("stream on a buffered URL", streamified, options=BUFFERED),
    Case("late error on a buffered URL", yields("one", error=AppError("app.conflict", "late")), options=BUFFERED),
    Case("buffered value by HEAD", returns(lambda: {"a": 1}), method="HEAD"),
]

CASES = [*EXAMPLE_CASES, *CHUNK_CASES, *SHAPE_CASES, *HEAD_CASES, *ERROR_CASES, *BUFFERED_CASES]
