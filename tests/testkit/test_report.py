"""The report: what was measured, and what the advice makes of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from apptheory_streaming import AppError, HttpResponseStream, StreamingResponse, streamify_response
from apptheory_streaming.handlers import Handler
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

KB = 1024
MB = 1024 * KB


def waiting(*parts: float | str | bytes, content_type: str = "text/event-stream", **headers: str) -> Handler:
    """A handler that waits for each number, and writes the rest."""

    async def body() -> AsyncIterator[str | bytes]:
        for part in parts:
            if isinstance(part, str | bytes):
                yield part
            else:
                await asyncio.sleep(part)

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body(), headers={"content-type": content_type, **headers})

    return handler


def captured(handler: Handler, *, clock: str = "virtual") -> StreamCapture:
    return stream_client(handler, clock=clock).sync.get()


def advice(capture: StreamCapture) -> list[str]:
    """The lines of advice."""
    _, found, rest = capture.report().partition("\nadvice\n")
    assert found
    return [] if rest == "  nothing\n" else [line.removeprefix("  * ") for line in rest.splitlines()]


def row(capture: StreamCapture, label: str) -> str:
    """One line of the report, without its label."""
    (found,) = (line for line in capture.report().splitlines() if line.startswith(f"{label}  "))
    return found.removeprefix(label).strip()


def test_a_whole_report() -> None:
    capture = captured(waiting(0.25, "data: one\n\n", 0.5, "data: two\n\n", "", 15, "data: three\n\n", 2))

    assert capture.report() == (
        "response     200 text/event-stream, req_test_0001\n"
        "first chunk  0.25 s after the request\n"
        "duration     17.75 s\n"
        "chunks       4, 1 of them empty\n"
        "sizes        11 B to 13 B, 35 B of text in all; advised are 1 B to 16 KB\n"
        "cadence      poor, largest gap 15 s, from chunk 1 at 0.75 s to chunk 3 at 15.75 s\n"
        "incremental  yes\n"
        "held back    nothing\n"
        "handler      ended\n"
        "delivery     complete\n"
        "limits       0.0 % of 200 MB (streamed response), 2.0 % of 900 s\n"
        "advice\n"
        "  * No bytes for 15 s after chunk 1: send smaller parts, or a comment or a progress line about each second.\n"
    )


def test_a_report_without_times_has_what_can_be_known() -> None:
    """D3: in real time none are taken."""
    capture = captured(waiting("a", "b", content_type="text/plain"), clock="real")

    assert capture.report() == (
        "response     200 text/plain, req_test_0001\n"
        "first chunk  unknown, without times\n"
        "duration     unknown, without times\n"
        "chunks       2\n"
        "sizes        1 B each, 2 B of text in all; advised are 4 KB to 16 KB\n"
        "cadence      unknown, without times\n"
        "incremental  unknown, without times\n"
        "held back    unknown, without times\n"
        "handler      ended\n"
        "delivery     complete\n"
        "limits       0.0 % of 200 MB (streamed response)\n"
        "advice\n"
        "  * There are no times: run the test in virtual time to see cadence and duration.\n"
        "  * 1 chunk under 4 KB: join what is there at the same moment, unless it is read as it comes.\n"
    )


def test_a_good_stream_gets_no_advice() -> None:
    assert advice(captured(waiting("data: 1\n\n", 1, "data: 2\n\n"))) == []
    assert advice(captured(waiting("a" * 5 * KB, 1, "b" * 5 * KB, "c", content_type="text/html"))) == []


@pytest.mark.parametrize(
    ("handler", "line"),
    [
        (waiting("a"), "It came in 1 chunk: a client sees nothing before all is there. Yield the parts."),
        (waiting(), "It came in 0 chunks: a client sees nothing before all is there. Yield the parts."),
        (
            waiting(3, "a", "b"),
            "All was made before the first write. Yield each part as soon as it is there.",
        ),
        (
            waiting("a", 2.5, "b"),
            "No bytes for 2.5 s after chunk 0: send smaller parts, or a comment or a progress line about each second.",
        ),
        (
            waiting(*"abc", 1, "d", content_type="text/html"),
            "2 chunks under 4 KB: join what is there at the same moment.",
        ),
        (waiting("a" * 17 * KB, 1, "b"), "1 chunk over 16 KB: cut them, clients wait for each."),
        (
            waiting(b"\xff" * 65 * KB, 1, "b", content_type="image/png"),
            "1 chunk over 64 KB: cut them, clients wait for each.",
        ),
        (
            waiting("a", 1, "b", **{"content-length": "2"}),
            "A content-length is set. A stream needs none, and where it is wrong the response breaks.",
        ),
        (
            waiting("a", *(part for _ in range(800) for part in (1, "b"))),
            "It ran near or over the 900 s that a function may run on AWS.",
        ),
    ],
    ids=["one chunk", "none", "at once", "gap", "small", "large", "large binary", "content-length", "long"],
)
def test_one_line_of_advice(handler: Handler, line: str) -> None:
    """Each for what it is about, and nothing else."""
    assert advice(captured(handler)) == [line]


def test_chunks_that_were_waited_for_are_not_too_small() -> None:
    """There was nothing to join them with."""
    assert advice(captured(waiting("a", 1, "b", 1, "c", content_type="text/html"))) == []


def test_a_buffered_answer_is_told_to_stream() -> None:
    """R0."""

    def handler(event: Any, context: Any) -> dict[str, str]:
        return {"body": "a"}

    capture = captured(handler)

    assert advice(capture) == [
        "The handler answered in buffered mode. Return a stream: a generator, or a response with one as body."
    ]
    assert row(capture, "limits") == "0.0 % of 6 MB (buffered response), 0.0 % of 900 s"
    assert row(capture, "incremental") == "no, 1 chunk with bytes"
    assert row(capture, "cadence") == "none, with fewer than two chunks"


def test_how_a_response_failed() -> None:
    """E2 and E3: a late error and an early one; the answer to an early one is not judged as a stream."""

    async def fails(event: Any, context: Any) -> AsyncIterator[str]:
        if event["rawPath"] == "/late":
            yield "one"
        raise AppError("app.conflict", "taken\nby others")

    client = stream_client(fails, clock="virtual").sync
    late, early = client.get("/late"), client.get("/early")

    assert row(late, "late error") == "app.conflict: AppError: taken\\nby others"
    assert row(early, "error").startswith("app.conflict: AppError")
    assert "The handler did not come to its end: see the error." in advice(late)
    assert advice(early) == ["The handler did not come to its end: see the error."]


def test_a_stream_that_was_left_open_and_a_head_that_was_changed_late() -> None:
    """F3 and F4."""

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.write("one")
        await asyncio.sleep(1)
        await stream.write("two")

    assert advice(captured(handler)) == ["The handler left its stream open: end it."]

    async def mutates(event: Any, context: Any) -> StreamingResponse:
        response = StreamingResponse(None, headers={"content-type": "text/event-stream"})

        async def body() -> AsyncIterator[str]:
            yield "one"
            await asyncio.sleep(1)
            response.status = 404
            yield "two"

        response.body = body()
        return response

    assert advice(captured(mutates)) == [
        "The head was changed too late, which no client sees: set it before the response is returned."
    ]


def test_large_bodies_and_what_they_cost() -> None:
    """L3: near the limit, and the pace of AWS behind the burst."""
    small = captured(waiting("a", 1, "b"))
    large = StreamCapture(replace(small.transcript, body_bytes=190 * MB), small.chunks)

    assert advice(large) == [
        "The body is near or over the 200 MB of a streamed response on AWS.",
        "AWS sends 6 MB at full speed and then 2 MB a second: 92 s at least.",
    ]
    assert row(large, "limits") == "95.0 % of 200 MB (streamed response), 0.1 % of 900 s"


def test_what_a_slow_client_held_back() -> None:
    async def main() -> StreamCapture:
        async with stream_client(waiting("a", "b", "c")).stream("GET", "/") as live:
            for seconds in (1, 3):
                await asyncio.sleep(seconds)
                await anext(live)
            assert [chunk async for chunk in live] == [b"c"]
        return live.capture

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        capture = runner.run(main())

    assert row(capture, "held back") == "chunk 1 was held for 3 s: produced at 1 s, delivered at 4 s; and 1 more"
    assert "Chunks were held for up to 3 s on their way, as by a slow reader or a proxy." in advice(capture)


def test_a_client_that_left_before_there_was_a_head() -> None:
    """E4."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        await asyncio.sleep(3)
        return StreamingResponse(["late"])

    async def main() -> StreamCapture:
        client = stream_client(handler)
        opened = client.stream("GET", "/")
        entering = asyncio.ensure_future(opened.__aenter__())
        await asyncio.sleep(1)
        await opened.disconnect()
        live = await entering
        await live.__aexit__(None, None, None)
        return live.capture

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        capture = runner.run(main())

    assert row(capture, "first chunk") == "none"
    assert row(capture, "sizes") == "no bytes"
    assert row(capture, "delivery").startswith("client_gone")
    assert "The client did not get the whole response." in advice(capture)


def test_chunks_that_came_after_the_client_had_left() -> None:
    """E4: they are counted, here and where an assertion fails."""

    async def main() -> StreamCapture:
        async with stream_client(waiting("a", 1, "b", 1, "c")).stream("GET", "/") as live:
            await anext(live)
            await live.disconnect()
        return live.capture

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        capture = runner.run(main())

    assert row(capture, "chunks") == "1, 2 more dropped"
    with pytest.raises(
        AssertionError, match="  chunk 0 at 0 s: 1 byte  'a'\n  2 more chunks dropped\n  the end at 2 s;"
    ):
        capture.assert_streamed()
