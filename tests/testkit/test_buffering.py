"""Who holds chunks back: how long, and between which two points."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest

from apptheory_streaming import ServerSentEvent, StreamingResponse, sse_stream
from apptheory_streaming.errors import UsageError
from apptheory_streaming.handlers import Handler
from apptheory_testkit import Hold, StreamCapture, Tap, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

Wrapper = Callable[[AsyncIterator[str]], AsyncIterator[str | bytes]]

PARTS = ("part 0\n", "part 1\n", "part 2\n")


async def parts(*texts: str, wait: float = 10) -> AsyncIterator[str]:
    for text in texts or PARTS:
        yield text
        await asyncio.sleep(wait)


async def hands_on(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
    async for chunk in chunks:
        yield chunk


async def collects(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
    for chunk in [chunk async for chunk in chunks]:
        yield chunk


async def is_one_behind(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
    last = None
    async for chunk in chunks:
        if last is not None:
            yield last
        last = chunk
    yield last or ""


async def frames_late(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
    yield "<html>"
    async for chunk in collects(chunks):
        yield f"<p>{chunk!s}</p>"
    yield "</html>"


async def zips(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
    packer = zlib.compressobj(wbits=31)
    async for chunk in chunks:
        yield packer.compress(chunk.encode())
    yield packer.flush()


async def zips_and_flushes(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
    packer = zlib.compressobj(wbits=31)
    async for chunk in chunks:
        yield packer.compress(chunk.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


async def shouts_late(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
    async for chunk in collects(chunks):
        yield str(chunk).upper()


async def swallows(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
    async for _ in chunks:
        pass
    yield ""


def through(wrapper: Wrapper, tap: Tap, *texts: str, wait: float = 10) -> StreamCapture:
    """Capture what a wrapper makes of a stream with a tap."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(wrapper(tap(parts(*texts, wait=wait))))

    return stream_client(handler, clock="virtual").sync.get()


def captured(handler: Handler) -> StreamCapture:
    return stream_client(handler, clock="virtual").sync.get()


def failure(capture: StreamCapture, tap: Tap | None = None, **options: float) -> str:
    with pytest.raises(AssertionError) as raised:
        capture.assert_not_buffered(tap, **options)
    return str(raised.value)


@pytest.mark.parametrize("wrapper", [hands_on, zips_and_flushes])
def test_a_wrapper_that_hands_on_each_chunk_holds_nothing(wrapper: Wrapper) -> None:
    """Whatever bytes it makes of them."""
    tap = Tap()
    capture = through(wrapper, tap)

    assert capture.holds(tap) == []
    capture.assert_not_buffered(tap)


def test_a_wrapper_that_collects_is_found_out() -> None:
    """Which chunks, how long, produced when, delivered when."""
    tap = Tap()
    capture = through(collects, tap)

    assert capture.holds(tap) == [Hold(0, 2, 0, 20, 30)]
    assert failure(capture, tap) == (
        "chunks of the tap were held back:\n"
        "  chunks 0-2 were held for up to 30 s: produced from 0 s to 20 s, delivered at 30 s\n"
        "Something between there and the client collects them: hand on each chunk as it comes.\n"
        "What happened when:\n"
        "  chunk 0 at 30 s: 7 bytes\n"
        "  chunk 1 at 30 s: 7 bytes\n"
        "  chunk 2 at 30 s: 7 bytes\n"
        "  the end at 30 s; handler: ended; delivery: complete\n"
    )


def test_without_a_tap_nothing_is_seen_of_a_wrapper() -> None:
    """The write of the handler is all that the capture knows of."""
    capture = through(collects, Tap())

    assert capture.holds() == []
    capture.assert_not_buffered()


def test_chunks_of_one_moment_are_produced_at_one_time() -> None:
    async def waits_first(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
        every = [chunk async for chunk in chunks]
        await asyncio.sleep(30)
        yield "".join(every)

    tap = Tap()

    assert "  chunks 0-2 were held for 30 s: produced at 0 s, delivered at 30 s\n" in failure(
        through(waits_first, tap, wait=0), tap
    )


@pytest.mark.parametrize("texts", [PARTS, ("tick\n", "tick\n", "tick\n"), tuple("aba")], ids=["other", "same", "short"])
def test_a_wrapper_that_is_one_chunk_behind_holds_each_for_itself(texts: tuple[str, ...]) -> None:
    """The same bytes come out in the same order, so every chunk is followed for itself."""
    tap = Tap()
    capture = through(is_one_behind, tap, *texts)

    assert list(map(str, capture.holds(tap))) == [
        "chunk 0 was held for 10 s: produced at 0 s, delivered at 10 s",
        "chunk 1 was held for 10 s: produced at 10 s, delivered at 20 s",
        "chunk 2 was held for 10 s: produced at 20 s, delivered at 30 s",
    ]


def test_chunks_are_found_in_what_a_wrapper_puts_around_them() -> None:
    """The frame came at once, and the chunks in it did not."""
    tap = Tap()

    assert through(frames_late, tap).holds(tap) == [Hold(0, 2, 0, 20, 30)]


def test_of_compressed_chunks_it_is_known_when_nothing_came() -> None:
    """The compressor sends ten bytes at once and then nothing: chunk 0 may be in them, the others cannot."""
    tap = Tap()
    capture = through(zips, tap)

    assert capture.holds(tap) == [Hold(1, 2, 10, 20, 30, at_least=True)]
    assert "chunks 1-2 were held for up to 20 s: produced from 10 s to 20 s, the next bytes delivered at 30 s" in (
        failure(capture, tap)
    )
    one = through(zips, tap := Tap(), "a", "b")
    assert str(one.holds(tap)[0]) == (
        "chunk 1 was held for at least 10 s: produced at 10 s, the next bytes delivered at 20 s"
    )


def test_short_chunks_are_not_taken_for_those_that_look_like_them() -> None:
    """`a` and `b` are in the footer, but those are not the ones of the stream, which came at once."""

    async def wraps(chunks: AsyncIterator[str]) -> AsyncIterator[str | bytes]:
        async for chunk in chunks:
            yield chunk.upper()
        await asyncio.sleep(50)
        yield "and a footer with b"

    tap = Tap()

    assert through(wraps, tap, "a", "b").holds(tap) == []


def test_other_bytes_are_held_as_well() -> None:
    tap = Tap()

    assert through(shouts_late, tap).holds(tap) == [Hold(0, 2, 0, 20, 30, at_least=True)]


def test_objects_are_heard_too() -> None:
    """A tap may stand where chunks are no bytes yet."""

    async def events() -> AsyncIterator[ServerSentEvent]:
        for number in range(2):
            yield ServerSentEvent({"number": number})
            await asyncio.sleep(3)

    async def late(chunks: AsyncIterator[ServerSentEvent]) -> AsyncIterator[ServerSentEvent]:
        for event in [event async for event in chunks]:
            yield event

    tap = Tap()

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return sse_stream(late(tap(events())))

    assert captured(handler).holds(tap) == [Hold(0, 1, 0, 3, 6, at_least=True)]


def test_a_sync_handler_has_taps_as_well() -> None:
    """The thread of a handler reads the clock of its loop."""
    tap = Tap()

    def numbers() -> Iterator[bytes]:
        for _ in range(3):
            yield b"number\n"
            time.sleep(10)

    def handler(event: Any, context: Any) -> Iterator[bytes]:
        yield from list(tap(numbers()))

    assert captured(handler).holds(tap) == [Hold(0, 2, 0, 20, 30)]


def test_empty_chunks_are_not_held() -> None:
    """R3: and they keep their numbers."""
    tap = Tap()

    assert through(collects, tap, "", "part 1", "", "part 3").holds(tap) == [Hold(1, 3, 10, 30, 40)]


def test_a_test_may_allow_some_time() -> None:
    tap = Tap()
    capture = through(is_one_behind, tap)

    capture.assert_not_buffered(tap, at_most=10)
    assert failure(capture, tap, at_most=9.5).count(" was held for 10 s") == 3


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_negative_time_is_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="at_most takes seconds, 0 or more, not"):
        through(collects, tap := Tap()).assert_not_buffered(tap, at_most=seconds)


def test_a_wrapper_that_lets_nothing_out_is_found_out() -> None:
    tap = Tap()

    assert failure(through(swallows, tap), tap).startswith("nothing of 3 chunks came out\nWhat happened when:\n")


def test_a_stream_without_chunks_proves_nothing() -> None:
    tap = Tap()

    assert failure(through(collects, tap, ""), tap).startswith("the stream under the tap gave no chunk\n")


def test_a_tap_that_was_put_around_nothing_is_a_mistake_of_the_test() -> None:
    capture = through(collects, Tap())

    with pytest.raises(UsageError, match="the tap was put around no stream"):
        capture.assert_not_buffered(Tap())


def test_a_tap_on_a_thread_of_its_own_has_no_times() -> None:
    """Rather than to find nothing in silence."""
    tap = Tap()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        for chunk in await asyncio.to_thread(lambda: list(tap(PARTS))):
            yield chunk

    with pytest.raises(UsageError, match="the tap was read where no virtual time is known"):
        captured(handler).assert_not_buffered(tap)


def test_a_tap_listens_to_one_stream() -> None:
    tap = Tap()
    tap([b"a"])

    with pytest.raises(UsageError, match=r"listened to a stream already: make a Tap\(\) for each response"):
        tap([b"b"])


def test_a_tap_of_another_response_is_refused() -> None:
    tap = Tap()

    async def one(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(collects(tap(parts())))

    async def other(event: Any, context: Any) -> AsyncIterator[str]:
        yield "other"

    async def main() -> tuple[StreamCapture, StreamCapture, StreamCapture]:
        before = await stream_client(other).get()
        await asyncio.sleep(1)
        return before, await stream_client(one).get(), await stream_client(other).get()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        before, mine, after = runner.run(main())

    assert mine.holds(tap) == [Hold(0, 2, 0, 20, 30)]
    for capture in (before, after):
        with pytest.raises(UsageError, match="the tap did not hear this response, but another one"):
            capture.holds(tap)


@pytest.mark.parametrize("body", ["text", b"bytes", 5, None], ids=repr)
def test_a_tap_goes_around_a_stream(body: Any) -> None:
    with pytest.raises(UsageError, match=f"a tap goes around a stream of chunks, not {type(body).__name__}"):
        Tap()(body)


async def test_a_tap_changes_nothing() -> None:
    """Chunks of every kind come out as they are, and an error comes through."""
    chunks: list[Any] = ["a", b"b", bytearray(b"c"), {"d": 1}, None]

    async def fails() -> AsyncIterator[Any]:
        for chunk in chunks:
            yield chunk
        raise ValueError("late")

    assert list(Tap()(chunks)) == chunks
    tapped = Tap()(fails())
    assert [await anext(tapped) for _ in chunks] == chunks
    with pytest.raises(ValueError, match="late"):
        await anext(tapped)


async def test_leaving_a_tap_leaves_the_stream_under_it() -> None:
    """So that its `finally` blocks run."""
    left: list[str] = []

    async def slow() -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            left.append("async")

    def quick() -> Iterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            left.append("sync")

    under = slow(), quick()  # held here, or they would be closed for being collected
    tapped, plain = Tap()(under[0]), Tap()(under[1])
    assert await anext(tapped) == next(plain) == "a"
    await tapped.aclose()  # type: ignore[attr-defined]
    plain.close()  # type: ignore[attr-defined]

    assert left == ["async", "sync"]


def reads(*waits: float) -> StreamCapture:
    """Capture three chunks that are there at once, by a client that waits before it takes each."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        for part in PARTS:
            yield part

    async def main(each: Iterable[float]) -> StreamCapture:
        async with stream_client(handler).stream("GET", "/") as live:
            for seconds in each:
                await asyncio.sleep(seconds)
                await anext(live)
            async for _ in live:
                pass
        return live.capture

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main(waits))


def test_a_client_that_is_slow_holds_chunks_without_any_wrapper() -> None:
    """From the write of the handler until the chunk was taken; the handler waits meanwhile."""
    capture = reads(5, 2, 0)

    assert capture.holds() == [Hold(0, 0, 0, 0, 5), Hold(1, 1, 5, 5, 7)]
    assert failure(capture) == (
        "chunks were held back:\n"
        "  chunk 0 was held for 5 s: produced at 0 s, delivered at 5 s\n"
        "  chunk 1 was held for 2 s: produced at 5 s, delivered at 7 s\n"
        "Something between there and the client collects them: hand on each chunk as it comes.\n"
        "What happened when:\n"
        "  chunk 0 at 0 s: 7 bytes, delivered at 5 s\n"
        "  chunk 1 at 5 s: 7 bytes, delivered at 7 s\n"
        "  chunk 2 at 7 s: 7 bytes\n"
        "  the end at 7 s; handler: ended; delivery: complete\n"
    )
    capture.assert_not_buffered(at_most=5)
