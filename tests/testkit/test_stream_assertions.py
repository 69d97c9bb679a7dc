"""The assertions on how a body came, and what they say when they fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from apptheory_streaming import StreamingResponse, sse_stream
from apptheory_streaming.errors import UsageError
from apptheory_streaming.handlers import Handler
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

KB = 1024
NO_TIMES = "no times: they are taken in virtual time only"


def captured(*parts: float | str | bytes, content_type: str = "text/plain", clock: str = "virtual") -> StreamCapture:
    """Capture a body that waits for each number, and writes the rest."""

    async def body() -> AsyncIterator[str | bytes]:
        for part in parts:
            if isinstance(part, str | bytes):
                yield part
            else:
                await asyncio.sleep(part)

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body(), headers={"content-type": content_type})

    return stream_client(handler, clock=clock).sync.get()


def failure(claim: Callable[[], None]) -> str:
    with pytest.raises(AssertionError) as raised:
        claim()
    return str(raised.value)


def test_streamed_counts_chunks_with_bytes() -> None:
    captured("a", "b").assert_streamed()
    captured("a").assert_streamed(1)
    captured("a", "", "b", "c", clock="real").assert_streamed(min_chunks=3)


def test_a_response_in_one_chunk_did_not_stream() -> None:
    """R3: an empty chunk is none that a client sees."""
    assert failure(captured("a", 2, "").assert_streamed) == (
        "the response came in 1 chunk with bytes, not in 2 or more\n"
        "What happened when:\n"
        "  chunk 0 at 0 s: 1 byte  'a'\n"
        "  chunk 1 at 2 s: 0 bytes\n"
        "  the end at 2 s; handler: ended; delivery: complete\n"
    )
    assert failure(captured().assert_streamed).startswith("the response came in no bytes, not in 2 or more\n")


def test_a_buffered_answer_did_not_stream_and_the_note_says_why() -> None:
    """R0."""

    def handler(event: Any, context: Any) -> dict[str, str]:
        return {"body": "a"}

    assert "note: the handler answered in buffered mode" in failure(stream_client(handler).sync.get().assert_streamed)


@pytest.mark.parametrize("number", [0, -1, 1.5, "2"])
def test_streamed_refuses_what_is_no_number_of_chunks(number: Any) -> None:
    with pytest.raises(UsageError, match="min_chunks takes a number of chunks, 1 or more, not"):
        captured("a").assert_streamed(number)


@pytest.mark.parametrize(
    "parts",
    [("a", 1, "b"), (1, "a", 1, "b"), ("a", "b"), ("a", "b", 5), ("a", 5, "b", "c", "d")],
    ids=["steady", "later", "all at the request", "and then waits", "one early"],
)
def test_incremental_passes_where_something_came_before_the_rest_was_made(parts: tuple[Any, ...]) -> None:
    captured(*parts).assert_incremental()


def test_a_handler_that_makes_everything_before_its_first_write_is_not_incremental() -> None:
    """Also where an empty chunk went before."""
    assert failure(captured("", 5, "a", "b", "c", 1).assert_incremental) == (
        "the handler made everything before its first write: all 3 chunks came at 5 s, and nothing in the 5 s before. "
        "Yield each part as soon as it is there.\n"
        "What happened when:\n"
        "  chunk 0 at 0 s: 0 bytes\n"
        "  chunk 1 at 5 s: 1 byte\n"
        "  chunk 2 at 5 s: 1 byte\n"
        "  chunk 3 at 5 s: 1 byte\n"
        "  the end at 6 s; handler: ended; delivery: complete\n"
    )


def test_one_chunk_is_not_incremental_in_any_time() -> None:
    assert failure(captured("a").assert_incremental).startswith("the response came in 1 chunk with bytes")
    assert failure(captured("a", clock="real").assert_incremental).startswith("the response came in 1 chunk")


def test_a_reader_that_is_slow_does_not_make_a_handler_less_incremental() -> None:
    """What counts is when chunks were made: here the reader took the first one when the last was made."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "a"
        yield "b"

    async def main() -> StreamCapture:
        async with stream_client(handler).stream("GET", "/") as live:
            await asyncio.sleep(10)
            assert [chunk async for chunk in live] == [b"a", b"b"]
        return live.capture

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        capture = runner.run(main())

    assert capture.transcript.chunks[0].delivered_at == capture.transcript.chunks[1].produced_at == 10
    capture.assert_incremental()


@pytest.mark.parametrize(
    "claim",
    [
        StreamCapture.assert_incremental,
        StreamCapture.assert_cadence,
        StreamCapture.assert_not_buffered,
        StreamCapture.holds,
        lambda capture: capture.assert_within_limits(max_seconds=1),
    ],
    ids=["incremental", "cadence", "not buffered", "holds", "seconds"],
)
def test_what_needs_times_says_how_to_get_them(claim: Callable[[StreamCapture], object]) -> None:
    """D3: in real time there are none."""
    with pytest.raises(UsageError, match=NO_TIMES):
        claim(captured("a", "b", clock="real"))


def test_a_response_without_chunks_has_no_times_in_real_time_either() -> None:
    """D3."""
    assert captured().holds() == []
    with pytest.raises(UsageError, match=NO_TIMES):
        captured(clock="real").holds()


def test_the_cadence_may_have_gaps_up_to_the_limit() -> None:
    captured(9, "a", 2, "b", 2, "c", 9).assert_cadence()
    captured("a", 0.5, "b").assert_cadence(0.5)
    captured("a", 30, "b").assert_cadence(max_gap=30)


def test_a_gap_over_the_limit_fails_with_its_place_and_class() -> None:
    """Of many chunks the failure shows the ends and those about the gap."""
    parts = [each for number in range(40) for each in (f"{number}", 15 if number == 20 else 0.25)]

    assert failure(captured(*parts).assert_cadence) == (
        "the largest gap is 15 s, from chunk 20 at 5 s to chunk 21 at 20 s: poor, and more than 2 s\n"
        "What happened when:\n"
        "  chunk 0 at 0 s: 1 byte\n"
        "  chunk 1 at 0.25 s: 1 byte\n"
        "  chunk 2 at 0.5 s: 1 byte\n"
        "  … 16 more chunks\n"
        "  chunk 19 at 4.75 s: 2 bytes\n"
        "  chunk 20 at 5 s: 2 bytes\n"
        "  chunk 21 at 20 s: 2 bytes\n"
        "  chunk 22 at 20.25 s: 2 bytes\n"
        "  … 14 more chunks\n"
        "  chunk 37 at 24 s: 2 bytes\n"
        "  chunk 38 at 24.25 s: 2 bytes\n"
        "  chunk 39 at 24.5 s: 2 bytes\n"
        "  the end at 24.75 s; handler: ended; delivery: complete\n"
    )


def test_fewer_than_two_chunks_have_no_cadence() -> None:
    assert failure(captured("a").assert_cadence).startswith("the response came in 1 chunk with bytes")


@pytest.mark.parametrize("gap", [-1, float("nan")])
def test_cadence_refuses_what_is_no_gap(gap: float) -> None:
    with pytest.raises(UsageError, match="max_gap takes seconds, 0 or more, not"):
        captured("a", "b").assert_cadence(gap)


def test_chunks_of_the_advised_sizes_pass() -> None:
    """Text of 4 to 16 KB, binary of 8 to 64 KB; empty ones do not count, and the last may be small."""
    captured("a" * 4 * KB, "", "b" * 16 * KB, "c", clock="real").assert_chunk_sizes()
    captured(b"\xff" * 8 * KB, b"\xff" * 64 * KB, b"a" * 8 * KB, b"\xff", clock="real").assert_chunk_sizes()
    captured("small and alone").assert_chunk_sizes()
    captured().assert_chunk_sizes()


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        (
            ("a" * (4 * KB - 1), "b"),
            "1 chunk of 2 not in 4 KB to 16 KB, the range of text: 0 (4095 bytes)\n",
        ),
        (
            ("a" * 4 * KB, "b" * (16 * KB + 1)),
            "1 chunk of 2 not in 4 KB to 16 KB, the range of text: 1 (16385 bytes)\n",
        ),
        (
            (b"\xff" * 4 * KB, b"a"),
            "1 chunk of 2 not in 8 KB to 64 KB, the range of binary: 0 (4096 bytes)\n",
        ),
        (
            tuple("abcdef"),
            "5 chunks of 6 not in 4 KB to 16 KB, the range of text: 0 (1 byte), 1 (1 byte), 2 (1 byte) and 2 more\n",
        ),
    ],
    ids=["small", "large", "binary", "many"],
)
def test_chunks_of_other_sizes_fail(chunks: tuple[str | bytes, ...], message: str) -> None:
    """The body as a whole decides whether it is text, not each chunk."""
    assert failure(captured(*chunks).assert_chunk_sizes).startswith(message)


def test_the_test_may_set_its_own_sizes() -> None:
    captured("abc", "d").assert_chunk_sizes(text=(2, 3))
    captured(b"\xff\xff", b"a").assert_chunk_sizes(text=(100, 200), binary=(1, 2))
    with pytest.raises(AssertionError, match=r"not in 2 B to 3 B, the range of text: 0 \(4 bytes\)\n"):
        captured("abcd", "e").assert_chunk_sizes(text=(2, 3))


@pytest.mark.parametrize(
    "content_type", ["text/event-stream", "Text/Event-Stream; charset=utf-8", "application/x-ndjson"]
)
def test_events_may_be_as_small_as_they_are_unless_the_test_says_otherwise(content_type: str) -> None:
    """Each goes out as it happens; the most of text holds for them too."""
    capture = captured("a\n", "b\n", "c\n", content_type=content_type)
    capture.assert_chunk_sizes()

    with pytest.raises(AssertionError, match="2 chunks of 3 not in 4 KB to 16 KB"):
        capture.assert_chunk_sizes(text=(4 * KB, 16 * KB))
    with pytest.raises(AssertionError, match="1 chunk of 1 not in 1 B to 16 KB"):
        captured("a" * 17 * KB, content_type=content_type).assert_chunk_sizes()


@pytest.mark.parametrize("sizes", [(3, 2), (0, 0), (-1, 5), (), (1,), (1, 2, 3), 5, "ab"], ids=repr)
def test_sizes_refuse_what_is_no_range(sizes: Any) -> None:
    with pytest.raises(
        UsageError, match=r"text takes the least and the most bytes of a chunk, such as \(4096, 16384\)"
    ):
        captured("a").assert_chunk_sizes(text=sizes)


def test_small_responses_are_within_the_limits_of_aws() -> None:
    """L3."""
    captured("a", 900).assert_within_limits()
    captured("a", clock="real").assert_within_limits()
    captured("ab", 3).assert_within_limits(max_bytes=2, max_seconds=3)


def with_bytes(capture: StreamCapture, number: int) -> StreamCapture:
    """The same response, as if it had so many bytes."""
    return StreamCapture(replace(capture.transcript, body_bytes=number), capture.chunks)


def test_a_stream_has_at_most_200_mb() -> None:
    """L3: the message names the page of AWS."""
    limit = 200 * KB * KB
    with_bytes(captured("a"), limit).assert_within_limits()

    message = failure(with_bytes(captured("a"), limit + 1).assert_within_limits)
    source = AWS_NUMBERS["streamed response"].source
    assert message.startswith(
        f"the body has {limit + 1} bytes, more than {limit} (a streamed response of AWS, {source})"
    )


def test_what_is_known_to_be_buffered_has_at_most_6_mb() -> None:
    """L3 and R0."""

    def handler(event: Any, context: Any) -> dict[str, str]:
        return {"body": "a"}

    capture = stream_client(handler).sync.get()
    with_bytes(capture, 6 * KB * KB).assert_within_limits()

    assert "(a buffered response of AWS, " in failure(with_bytes(capture, 6 * KB * KB + 1).assert_within_limits)


def test_a_function_runs_for_at_most_900_seconds() -> None:
    """L3."""
    message = failure(captured("a", 901).assert_within_limits)

    assert message.startswith("the response took 901 s, more than 900 s (a function timeout of AWS, https://")
    assert message.endswith("  the end at 901 s; handler: ended; delivery: complete\n")


def test_a_test_may_pass_small_limits() -> None:
    """L3."""
    capture = captured("abc", 3)

    assert failure(lambda: capture.assert_within_limits(max_bytes=2)).startswith(
        "the body has 3 bytes, more than 2 (max_bytes)\n"
    )
    assert failure(lambda: capture.assert_within_limits(max_seconds=2.5)).startswith(
        "the response took 3 s, more than 2.5 s (max_seconds)\n"
    )


def test_an_event_stream_passes_all_of_them() -> None:
    """What a good chat looks like."""

    async def chat(event: Any, context: Any) -> StreamingResponse:
        async def tokens() -> AsyncIterator[str]:
            for token in ("How", "are", "you", "?"):
                await asyncio.sleep(0.2)
                yield token

        return sse_stream(tokens())

    handler: Handler = chat
    capture = stream_client(handler, clock="virtual").sync.get()

    capture.assert_streamed(4)
    capture.assert_incremental()
    capture.assert_cadence(0.5)
    capture.assert_chunk_sizes()
    capture.assert_content_type("text/event-stream")
    capture.assert_within_limits(max_seconds=1)
    capture.assert_closed()
    capture.assert_not_buffered()
