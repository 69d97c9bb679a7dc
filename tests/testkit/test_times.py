"""Times of a capture: seconds from the request, the same in every run."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import StreamingResponse
from apptheory_streaming.errors import UsageError
from apptheory_streaming.handlers import Handler
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.transcript import ChunkRecord, Transcript
from apptheory_testkit import Cadence, StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

GIVEN_ID = {"x-request-id": "mine"}


def captured(handler: Handler) -> StreamCapture:
    """Capture a response in virtual time."""
    return stream_client(handler, clock="virtual").sync.get()


def waiting(*parts: float | str | bytes) -> Handler:
    """A handler that waits for each number, and writes the rest."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str | bytes]:
        for part in parts:
            if isinstance(part, str | bytes):
                yield part
            else:
                await asyncio.sleep(part)

    return handler


async def ticks(event: Any, context: Any) -> AsyncIterator[str]:
    for number in range(180):
        yield f"{number}\n"
        await asyncio.sleep(0.1)


def sync_ticks(event: Any, context: Any) -> Iterator[str]:
    for number in range(180):
        yield f"{number}\n"
        time.sleep(0.1)


@pytest.mark.parametrize("handler", [ticks, sync_ticks], ids=["async", "sync"])
def test_two_runs_are_equal_whenever_they_begin(handler: Handler) -> None:
    """D1: later on the same clock too, where the floats of its timers are others."""

    async def main() -> tuple[StreamCapture, StreamCapture]:
        client = stream_client(handler)
        first = await client.get(headers=GIVEN_ID)
        await asyncio.sleep(0.7)
        return first, await client.get(headers=GIVEN_ID)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        first, second = runner.run(main())

    assert first == second
    assert first.render() == second.render()
    assert (first.transcript.started_at, second.transcript.started_at) != (0, 0)
    assert [chunk.produced_at for chunk in second.transcript.chunks] == [number / 10 for number in range(180)]
    assert second.duration == 18


def test_times_are_compared() -> None:
    """D1: the same chunks at another time are another response."""
    assert captured(waiting("a", 1, "b")) == captured(waiting("a", 1, "b"))
    assert captured(waiting("a", 1, "b")) != captured(waiting("a", 2, "b"))


def test_events_and_the_end_count_from_the_request_too() -> None:
    """F5: every time in the log."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        await asyncio.sleep(2)
        return StreamingResponse(body())

    async def body() -> AsyncIterator[str]:
        await asyncio.sleep(1)
        yield "a"
        await asyncio.sleep(0.5)

    async def main() -> StreamCapture:
        await asyncio.sleep(100)
        return await stream_client(handler).get()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        capture = runner.run(main())

    assert list(capture.transcript.log())[:3] == [
        "finalized at 2 s",
        "committed at 3 s",
        "chunk 0: 1 bytes at 3 s",
    ]
    assert (capture.ttfb, capture.duration, capture.transcript.started_at) == (3, 3.5, 100)


def test_max_gap_is_the_longest_time_without_bytes_between_two_chunks() -> None:
    """Before the first chunk and after the last there is none, and an empty chunk brings no bytes."""
    assert captured(waiting(9, "a", 1, "b", 3, "", 4, "c", 2, "d", 9)).max_gap == 7


@pytest.mark.parametrize("parts", [(), ("a",), ("a", 5, b"")], ids=["none", "one", "one and an empty one"])
def test_fewer_than_two_chunks_have_no_gap(parts: tuple[Any, ...]) -> None:
    capture = captured(waiting(*parts))

    assert (capture.max_gap, capture.cadence) == (None, None)


def test_without_times_there_is_no_gap() -> None:
    """D3: in real time no times are taken."""
    capture = stream_client(waiting("a", "b")).sync.get()

    assert (capture.max_gap, capture.cadence, capture.ttfb, capture.duration) == (None, None, None, None)


@pytest.mark.parametrize(
    ("gap", "cadence"),
    [
        (0, "good"),
        (0.5, "good"),
        (0.6, "acceptable"),
        (2, "acceptable"),
        (2.1, "slow"),
        (5, "slow"),
        (5.1, "poor"),
        (86400, "poor"),
    ],
)
def test_the_cadence_is_the_class_of_the_largest_gap(gap: float, cadence: str) -> None:
    capture = captured(waiting("a", gap, "b"))

    assert capture.cadence == cadence
    assert isinstance(capture.cadence, Cadence)


def test_at_is_when_the_first_occurrence_was_complete() -> None:
    """W6: wherever the chunks cut it."""
    capture = captured(waiting("one t", 1, "w", 1, "", 1, "o two", 5, " three"))

    assert capture.at("one") == 0
    assert capture.at("two") == 3
    assert capture.at(b"three") == 8


def test_at_looks_for_text_in_the_charset_of_the_response() -> None:
    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body(), headers={"content-type": "text/plain; charset=iso-8859-1"})

    async def body() -> AsyncIterator[bytes]:
        yield b"caf"
        await asyncio.sleep(2)
        yield b"\xe9"

    capture = captured(handler)

    assert capture.at("café") == 2
    with pytest.raises(AssertionError, match="'€' never came"):
        capture.at("€")


def test_at_fails_with_what_came_instead() -> None:
    with pytest.raises(AssertionError) as raised:
        captured(waiting("one", 2, "two", 1)).at("three")

    assert str(raised.value) == (
        "'three' never came\n"
        "What happened when:\n"
        "  chunk 0 at 0 s: 3 bytes  'one'\n"
        "  chunk 1 at 2 s: 3 bytes  'two'\n"
        "  the end at 3 s; handler: ended; delivery: complete\n"
    )


def test_at_without_times_says_how_to_get_them() -> None:
    """D3: and says first that a text never came, if so."""
    capture = stream_client(waiting("a", "b")).sync.get()

    with pytest.raises(UsageError, match=r'no times: .* `@pytest\.mark\.streaming\(clock="virtual"\)`'):
        capture.at("b")
    with pytest.raises(AssertionError, match="'c' never came\nWhat happened:\n  chunk 0: 1 byte  'a'\n"):
        capture.at("c")


@pytest.mark.parametrize("text", ["", b"", 5, None, ["a"]], ids=repr)
def test_at_refuses_what_is_no_text(text: Any) -> None:
    with pytest.raises(UsageError, match="`at` takes the text or the bytes to look for, not"):
        captured(waiting("a")).at(text)


def test_at_cannot_encode_for_an_unknown_charset() -> None:
    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(["a"], headers={"content-type": "text/plain; charset=no-such"})

    capture = captured(handler)

    assert capture.at(b"a") == 0
    with pytest.raises(UsageError, match="no codec for the charset 'no-such' of this response: look for bytes"):
        capture.at("a")


def test_records_of_empty_chunks_that_left_no_chunk_move_no_time() -> None:
    """W7: over HTTP an empty chunk is no frame, but the transcript of the front has it."""
    records = (ChunkRecord(0, 1, 0.0), ChunkRecord(1, 0, 1.0), ChunkRecord(2, 1, 2.0))
    transcript = Transcript(
        request_id="req", head=Head(), events=(), chunks=records, chunk_count=3, body_bytes=2, started_at=0.0
    )

    assert StreamCapture(transcript, [b"a", b"b"]).at("b") == 2
    assert StreamCapture(transcript, [b"a", b"", b"b"]).at("b") == 2
