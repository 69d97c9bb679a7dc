"""Rule W7: what is compared of a handler's responses on two paths, what is not, and how a difference reads."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from apptheory_streaming import AppError, StreamingResponse, text_stream
from apptheory_streaming.wire.outcome import HandlerOutcome
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.comparison import ComparableCall, ComparableResponse, compare_calls, compare_captures


async def capture(*chunks: Any, error: Exception | None = None, **head: Any) -> StreamCapture:
    """The capture of a handler that answers so."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        async def body() -> AsyncIterator[Any]:
            for chunk in chunks:
                yield chunk
            if error is not None:
                raise error

        return text_stream(body(), **head)

    return await stream_client(handler).get()


def with_head(like: StreamCapture, **fields: Any) -> StreamCapture:
    """The same response with another head."""
    head = like.transcript.head
    assert head is not None
    return StreamCapture(replace(like.transcript, head=replace(head, **fields)), like.chunks)


async def test_w7_lists_are_joined_and_the_platforms_headers_left_out() -> None:
    """W7: so the head in a capture equals the head on the wire."""
    in_process = await capture("x", headers={"vary": ["a", "b"], "date": "mine", "x-amzn-requestid": "mine"})
    wire = {
        "content-type": ("text/plain; charset=utf-8",),
        "vary": ("a,b",),
        "date": ("Sat, 21 Nov 2026 12:00:00 GMT",),
        "connection": ("close",),
        "transfer-encoding": ("chunked",),
        "x-amzn-trace-id": ("Root=1",),
        "x-amzn-remapped-date": ("mine",),
    }

    assert compare_captures(in_process, with_head(in_process, headers=wire)) == []
    assert compare_captures(in_process, with_head(in_process, headers=wire | {"vary": ("b,a",)})) == [
        "  - header 'vary': a,b",
        "  + header 'vary': b,a",
    ]


async def test_w7_empty_chunks_times_and_ids_are_not_compared() -> None:
    one = await capture("a", "", "b", "")
    other = await capture("", "a", "b")
    chunks = tuple(replace(chunk, produced_at=7.0) for chunk in other.transcript.chunks)
    moved = replace(other.transcript, request_id="another", started_at=5.0, ended_at=9.0, chunks=chunks)

    assert compare_captures(one, StreamCapture(moved, other.chunks)) == []


async def test_w7_how_many_bytes_a_client_had_when_it_left_is_not_compared() -> None:
    """Sockets hold some; that it left is."""

    async def left(count: int) -> StreamCapture:
        async def handler(event: Any, context: Any) -> AsyncIterator[str]:
            while True:
                yield "12"

        async with stream_client(handler).stream("GET") as live:
            for _ in range(count):
                await anext(live)
        return StreamCapture(live.capture.transcript, [b"12"])

    assert compare_captures(await left(1), await left(3)) == []
    assert compare_captures(await capture("12"), await left(1))[-2:] == [
        "  - delivery: complete",
        "  + delivery: client_gone",
    ]


async def test_w7_of_a_handler_that_was_cancelled_for_its_client_only_what_that_got_is_compared() -> None:
    """Over a connection it may have come to its end, or to an error, before anybody cancels it."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        yield "two"
        raise ValueError("behind what the client took")

    async def left(count: int, *, on_disconnect: str) -> StreamCapture:
        async with stream_client(handler, on_disconnect=on_disconnect).stream("GET") as live:
            for _ in range(count):
                await anext(live)
            await live.disconnect()
        return live.capture

    cancelled, failed = await left(1, on_disconnect="cancel"), await left(1, on_disconnect="continue")

    assert cancelled.handler_outcome == "cancelled"
    assert failed.handler_outcome == "failed(app.internal)"
    assert compare_captures(cancelled, failed) == []
    assert compare_captures(cancelled, await left(2, on_disconnect="cancel"))[0].startswith("  chunks: chunk 1 is not")

    ended = replace(failed.transcript, handler=HandlerOutcome())
    assert compare_captures(failed, StreamCapture(ended, failed.chunks)) == [
        "  - handler: failed(app.internal)",
        "  + handler: ended",
    ]


async def test_a_difference_of_every_field_is_found_and_named() -> None:
    """Each with its two values; of chunks first what kind of difference it is."""
    one = await capture("one", "two", status=201, headers={"x-a": "1"}, cookies=["a=1"])
    other = await capture("one", "three", error=AppError("app.conflict", "taken"), headers={"x-b": "2"})

    assert compare_captures(one, other) == [
        "  - status: 201",
        "  + status: 200",
        "  - header 'x-a': 1",
        "  + header 'x-a': nothing",
        "  - header 'x-b': nothing",
        "  + header 'x-b': 2",
        "  - cookies: ['a=1']",
        "  + cookies: nothing",
        "  - error: nothing",
        "  + error: app.conflict: AppError: taken",
        "  - stream_error_code: nothing",
        "  + stream_error_code: app.conflict",
        "  - handler: ended",
        "  + handler: failed(app.conflict)",
        "  chunks: chunk 1 differs at byte 1 (2 chunks in-process, 2 over HTTP)",
        "    0  'one'",
        "  - 1  'two'",
        "  + 1  'three'",
    ]


async def test_moved_boundaries_are_a_difference() -> None:
    """W7: frames are chunks."""
    assert compare_captures(await capture("ab", "c"), await capture("a", "bc"))[0] == (
        "  chunks: same bytes, chunk boundaries moved (2 chunks in-process, 2 over HTTP)"
    )


async def test_late_mutations_are_compared() -> None:
    async def handler(event: dict[str, Any], context: Any) -> StreamingResponse:
        response = StreamingResponse()

        async def body() -> AsyncIterator[str]:
            yield "one"
            if event["rawPath"] == "/late":
                response.headers["x-late"] = "1"

        response.body = body()
        return response

    client = stream_client(handler)
    (missing, late) = compare_captures(await client.get("/"), await client.get("/late"))

    assert missing == "  - late_mutations: nothing"
    assert "header 'x-late' changed from nothing to ['1'] after chunk 0" in late


async def test_comparing_is_not_looking() -> None:
    """To strict mode: a problem that both paths have is still one that the test must see."""
    one, other = [await capture("one", error=ValueError("late")) for _ in range(2)]

    assert compare_captures(one, other) == []
    assert len(one.unseen_problems()) == len(other.unseen_problems()) == 1


async def test_what_is_compared_survives_a_file() -> None:
    """Bytes that are no text, every field: the two runs of a test may be in two processes."""
    got = await capture(b"\x00\xff", "é", error=AppError("app.conflict", "é"), headers={"x": ["1", "2"]}, cookies=["a"])
    call = ComparableCall("GET /é", ComparableResponse.of(got, over_http=False))

    assert ComparableCall.from_json(json.loads(json.dumps(call.to_json()))) == call


async def test_a_response_without_a_head_has_status_0() -> None:
    """The client left before there was one."""
    got = await capture("x")
    headless = StreamCapture(replace(got.transcript, head=None), [])

    assert compare_captures(headless, with_head(got, status=200))[:2] == ["  - status: 0", "  + status: 200"]


async def calls(*answers: str) -> list[ComparableCall]:
    """Calls that ask `GET /0`, `GET /1` … and got these answers."""
    return [
        ComparableCall(f"GET /{index}", ComparableResponse.of(await capture(answer), over_http=False))
        for index, answer in enumerate(answers)
    ]


async def test_calls_are_compared_in_their_order_and_named() -> None:
    assert compare_calls(await calls("a", "b"), await calls("a", "b")) == []
    assert compare_calls(await calls("a", "b"), await calls("a", "c")) == [
        "call 2, GET /1: in-process (-), over HTTP (+)",
        "  chunks: chunk 0 differs at byte 0 (1 chunk in-process, 1 over HTTP)",
        "  - 0  'b'",
        "  + 0  'c'",
    ]


@pytest.mark.parametrize("more", ["in-process", "over HTTP"])
async def test_a_call_too_many_is_named(more: str) -> None:
    short, long = await calls("a"), await calls("a", "b")
    pair = (long, short) if more == "in-process" else (short, long)
    counts = "2 calls in-process, 1 over HTTP" if more == "in-process" else "1 call in-process, 2 over HTTP"

    assert compare_calls(*pair) == [f"{counts}: call 2, GET /1, is there {more} alone"]


async def test_a_call_for_something_else_ends_the_comparison() -> None:
    """Whatever comes behind it differs for that reason."""
    one, other = await calls("a", "b", "c"), await calls("a", "b", "c")
    other[1] = replace(other[1], asked="POST /1")

    assert compare_calls(one, other[:2]) == [
        "call 2 asks for something else",
        "  - request: GET /1",
        "  + request: POST /1",
    ]


async def test_of_many_calls_that_differ_the_first_are_shown() -> None:
    lines = compare_calls(await calls(*"aaaaaa"), await calls(*"abbbbb"))

    assert [line for line in lines if line.startswith("call")] == [
        f"call {number}, GET /{number - 1}: in-process (-), over HTTP (+)" for number in (2, 3, 4)
    ]
    assert lines[-1] == "… 2 more of 6 calls differ"


async def test_borders_are_compared_unless_they_mean_nothing() -> None:
    """W7: a runtime in another process cuts where it likes, and only the body counts."""

    def compared(first: StreamCapture, second: StreamCapture, *, borders: bool) -> list[str]:
        calls = [
            [ComparableCall("GET /", ComparableResponse.of(each, over_http=False, borders=borders))]
            for each in (first, second)
        ]
        return compare_calls(*calls)

    one, other = await capture("ab", "c"), await capture("a", "bc")

    assert compared(one, other, borders=True)
    assert compared(one, other, borders=False) == []
    assert compared(one, await capture("abd"), borders=False)
