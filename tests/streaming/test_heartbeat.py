"""W4: heartbeats, sent only while a stream is otherwise silent for the interval."""

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from apptheory_streaming import AppError, StreamingResponse, sse_stream
from apptheory_streaming.errors import UsageError
from apptheory_streaming.heartbeat import Heartbeat
from apptheory_streaming.invocation import CLEANUP_SECONDS
from apptheory_testkit import Limits, StreamCapture, stream_client
from apptheory_testkit.faults import stall
from apptheory_testkit.virtual_time.deadlock import DeadlockError
from apptheory_testkit.virtual_time.loop import VirtualLoop

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

_T = TypeVar("_T")

BEAT = b": keep-alive\n\n"
KINDS = ("sync", "async")
LAST_WRITER: contextvars.ContextVar[str] = contextvars.ContextVar("LAST_WRITER", default="nobody")

Step = float | bytes | Exception | asyncio.Event
Steps = tuple[Step, ...]


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def body_of(kind: str, steps: Steps) -> Any:
    """A body that sleeps for the numbers, yields the bytes, raises the errors and waits for the events."""
    return sync_body(steps) if kind == "sync" else async_body(steps)


def sync_body(steps: Steps) -> Iterator[bytes]:
    for step in steps:
        if isinstance(step, Exception):
            raise step
        if isinstance(step, bytes):
            yield step
        elif isinstance(step, int | float):
            time.sleep(step)


async def async_body(steps: Steps) -> AsyncIterator[bytes]:
    for step in steps:
        if isinstance(step, Exception):
            raise step
        if isinstance(step, bytes):
            yield step
        elif isinstance(step, asyncio.Event):
            await step.wait()
        else:
            await asyncio.sleep(step)


def handler_of(kind: str, *steps: Step, **options: Any) -> Callable[..., Any]:
    """A handler of a kind with such a body."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        return sse_stream(body_of(kind, steps), **options)

    async def async_handler(event: Any, context: Any) -> StreamingResponse:
        return handler(event, context)

    return handler if kind == "sync" else async_handler


def get(handler: Callable[..., Any], method: str = "GET", **options: Any) -> StreamCapture:
    """Capture a response in virtual time."""
    return run(stream_client(handler, **options).request(method, "/"))


def timed(capture: StreamCapture) -> list[tuple[float | None, bytes]]:
    """The chunks with the times at which they were written."""
    return [
        (record.produced_at, chunk) for record, chunk in zip(capture.transcript.chunks, capture.chunks, strict=True)
    ]


# -- when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_44_silent_seconds_give_two_comments_in_each_of_100_runs(kind: str) -> None:
    """W4, D1: at 15 and at 30 s, each a chunk of its own."""
    handler = handler_of(kind, b"data: a\n\n", 44, b"data: b\n\n")

    captures = [get(handler) for _ in range(100)]

    assert timed(captures[0]) == [(0, b"data: a\n\n"), (15, BEAT), (30, BEAT), (44, b"data: b\n\n")]
    assert all(capture == captures[0] for capture in captures[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_silence_before_the_first_chunk_counts_from_the_final_head(kind: str) -> None:
    """W4: the first comment commits the head."""
    capture = get(handler_of(kind, 20, b"data: a\n\n"))

    assert timed(capture) == [(15, BEAT), (20, b"data: a\n\n")]
    assert [event.at for event in capture.transcript.events] == [0, 15]
    capture.assert_headers_finalized_before_first_chunk()


@pytest.mark.parametrize("kind", KINDS)
def test_silence_counts_from_the_last_chunk(kind: str) -> None:
    """W4: a chunk at 7 s puts the comment off to 22 s; comments count as chunks."""
    capture = get(handler_of(kind, b"data: a\n\n", 7, b"data: b\n\n", 31, b"data: c\n\n"))

    assert timed(capture)[1:] == [(7, b"data: b\n\n"), (22, BEAT), (37, BEAT), (38, b"data: c\n\n")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pause", [1, 14.999, 15])
def test_stream_that_is_never_silent_for_longer_has_none(kind: str, pause: float) -> None:
    """W4: a chunk at the very moment of a comment comes in its place."""
    chunks = [part for number in range(10) for part in (f"data: {number}\n\n".encode(), pause)]

    assert BEAT not in get(handler_of(kind, *chunks)).chunks


@pytest.mark.parametrize("kind", KINDS)
def test_handler_that_only_wakes_up_is_silent_all_the_same(kind: str) -> None:
    """W4: what counts is what is written, not what runs at the moment of the comment."""
    assert timed(get(handler_of(kind, 5, 5, 5, 5, b"data: a\n\n"))) == [(15, BEAT), (20, b"data: a\n\n")]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_chunk_ends_a_silence(kind: str) -> None:
    """R3, W4: it is a chunk."""
    assert timed(get(handler_of(kind, 10, b"", 14, b""))) == [(10, b""), (24, b"")]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_comes_at_the_end_or_after_it(kind: str) -> None:
    """W4: the comment of 15 s is stopped by the end, be it at 15 s."""

    async def main() -> StreamCapture:
        capture = await stream_client(handler_of(kind, b"data: a\n\n", 15)).get("/")
        await asyncio.sleep(100)
        return capture

    assert run(main()).chunks == [b"data: a\n\n"]


@pytest.mark.parametrize("kind", KINDS)
def test_interval_may_be_another(kind: str) -> None:
    """W4: `heartbeat=` is in seconds, and need not be whole."""
    assert [at for at, _ in timed(get(handler_of(kind, 2, heartbeat=0.75)))] == [0.75, 1.5]


@pytest.mark.parametrize("off", [None, 0, 0.0])
def test_none_and_0_turn_it_off(off: float | None) -> None:
    """W4: an hour of silence stays one."""
    assert get(handler_of("async", b"data: a\n\n", 3600, heartbeat=off)).chunks == [b"data: a\n\n"]


@pytest.mark.parametrize(
    "wrong",
    [-1, -0.5, float("nan"), float("inf"), 10**400, True, False, "15", timedelta(seconds=15)],
    ids=["negative", "fraction", "nan", "infinite", "huge", "true", "false", "text", "timedelta"],
)
@pytest.mark.parametrize("call", [sse_stream, StreamingResponse])
def test_what_is_no_interval_is_refused(call: Any, wrong: Any) -> None:
    """W4: at the call, with what would be right."""
    with pytest.raises(UsageError, match="heartbeat must be a number of seconds, or None or 0 for none, not "):
        call([], heartbeat=wrong)


@pytest.mark.parametrize(("seconds", "beats"), [(10, 2), (0.75, 33), (0, 0), (None, 0)], ids=str)
def test_a_response_takes_seconds_as_sse_stream_does(seconds: float | None, beats: int) -> None:
    """W4: without a part of ours that nobody can import."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body_of("sync", (25, b"x")), heartbeat=seconds)

    assert get(handler).chunks == [*[BEAT] * beats, b"x"]


def test_only_a_response_with_a_heartbeat_has_one() -> None:
    """W4: a response of any type may be given one; its own frame is sent as it is."""
    frame = b": still there\n\n"

    def handler(event: Any, context: Any) -> StreamingResponse:
        beat = Heartbeat(10, frame) if event["rawPath"] == "/with" else None
        return StreamingResponse(body_of("sync", (25, b"x")), heartbeat=beat)

    async def main() -> list[list[bytes]]:
        client = stream_client(handler)
        return [(await client.get(path)).chunks for path in ("/with", "/without")]

    assert run(main()) == [[frame, frame, b"x"], [b"x"]]


def test_responses_at_once_count_each_for_itself() -> None:
    """W4: the chunk of one is no chunk of the other."""

    async def main() -> list[list[bytes]]:
        handlers = [handler_of("async", 10, b"data: a\n\n", 10), handler_of("async", 20)]
        return [each.chunks for each in await asyncio.gather(*(stream_client(each).get("/") for each in handlers))]

    assert run(main()) == [[b"data: a\n\n"], [BEAT]]


# -- between what --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_none_stands_inside_an_event(kind: str) -> None:
    """W1, W4: a source of bytes may cut an event; its silence there goes by without a comment."""
    steps = (b"data: a\n\n", 16, b"data: ha", b"lf\n", 40, b"\n", 16, b"data: b\r\n\r", 16, b"\n", 16, b"data: c\r", 50)

    capture = get(handler_of(kind, *steps))

    assert capture.body == (
        b"data: a\n\n" + BEAT + b"data: half\n\n" + BEAT + b"data: b\r\n\r" + BEAT + b"\n" + BEAT + b"data: c\r"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_body_runs_on_as_if_there_were_no_heartbeat(kind: str) -> None:
    """W4: in one task, on one thread, with the context variables that it set."""
    seen: list[object] = []

    def look() -> None:
        task = asyncio.current_task() if kind == "async" else None
        seen.append((task, threading.get_ident(), LAST_WRITER.get()))

    def sync_body() -> Iterator[bytes]:
        LAST_WRITER.set("me")
        look()
        time.sleep(40)
        look()
        yield b"data: a\n\n"

    async def async_body() -> AsyncIterator[bytes]:
        LAST_WRITER.set("me")
        async with asyncio.timeout(50):
            look()
            await asyncio.sleep(40)
            look()
            yield b"data: a\n\n"

    capture = get(lambda event, context: sse_stream(sync_body() if kind == "sync" else async_body()))

    assert capture.chunks == [BEAT, BEAT, b"data: a\n\n"]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("kind", KINDS)
def test_late_mutation_after_a_comment_names_it(kind: str) -> None:
    """F3, W4: `after_chunk` is the index in `capture.chunks`, comments counted."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        def sync_body() -> Iterator[bytes]:
            yield b"data: a\n\n"
            time.sleep(20)
            response.status = 500
            yield b"data: b\n\n"
            response.headers["x-late"] = "1"

        async def async_body() -> AsyncIterator[bytes]:
            yield b"data: a\n\n"
            await asyncio.sleep(20)
            response.status = 500
            yield b"data: b\n\n"
            response.headers["x-late"] = "1"

        response = sse_stream(sync_body() if kind == "sync" else async_body())
        return response

    capture = get(handler)

    assert capture.chunks == [b"data: a\n\n", BEAT, b"data: b\n\n"]
    assert [mutation.after_chunk for mutation in capture.late_mutations] == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_error_after_a_comment_is_late(kind: str) -> None:
    """E3, W4: the head has left with the comment."""
    capture = get(handler_of(kind, 20, AppError("app.overloaded", "too much")))

    assert (capture.status, capture.stream_error_code) == (200, "app.overloaded")
    assert capture.chunks == [BEAT]


@pytest.mark.parametrize("kind", KINDS)
def test_error_before_the_first_comment_is_early(kind: str) -> None:
    """E2, W4: a comment that has not come changes nothing."""
    capture = get(handler_of(kind, 10, AppError("app.overloaded", "too much"), 20))

    assert (capture.status, capture.stream_error_code) == (503, None)


@pytest.mark.parametrize("kind", KINDS)
def test_comment_over_the_limit_is_left_out(kind: str) -> None:
    """L2, W4: a response does not fail for what its handler did not write."""
    limits = Limits(max_response_bytes=9 + len(BEAT) + 9)

    capture = get(handler_of(kind, b"data: a\n\n", 31, b"data: b\n\n"), limits=limits)

    assert (capture.error, capture.chunks) == (None, [b"data: a\n\n", BEAT, b"data: b\n\n"])


@pytest.mark.parametrize("kind", KINDS)
def test_comments_count_for_the_limit(kind: str) -> None:
    """L2, W4: they are bytes of the body, so a chunk that fits without them may be too much."""
    limits = Limits(max_response_bytes=9 + len(BEAT) + 8)

    capture = get(handler_of(kind, b"data: a\n\n", 16, b"data: b\n\n"), limits=limits)

    assert capture.chunks == [b"data: a\n\n", BEAT]
    assert capture.stream_error_code == "app.too_large"
    assert "chunk 2 would bring the body to 32 bytes" in str(capture.error)


# -- for whom ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_client_that_takes_nothing_gets_one_and_no_second(kind: str) -> None:
    """W4: what waits for the client is enough; the count begins again when it was taken."""

    async def main() -> list[tuple[float, bytes]]:
        loop = asyncio.get_running_loop()
        handler = handler_of(kind, b"data: a\n\n", 130, b"data: b\n\n")
        async with stream_client(handler).stream("GET", "/") as live:
            await anext(live)
            await asyncio.sleep(100)
            return [(loop.time(), chunk) async for chunk in live]

    assert run(main()) == [(100, BEAT), (115, BEAT), (130, b"data: b\n\n")]


@pytest.mark.parametrize("kind", KINDS)
def test_stream_that_ended_while_the_client_took_nothing_sends_no_more(kind: str) -> None:
    """W4: what waits for the client at the end is the last of it."""

    async def main() -> list[bytes]:
        async with stream_client(handler_of(kind, 40)).stream("GET", "/") as live:
            await asyncio.sleep(100)
            chunks = [chunk async for chunk in live]
            await asyncio.sleep(100)
            return chunks

    assert run(main()) == [BEAT]


def test_client_that_left_gets_none() -> None:
    """E4, W4: the handler runs on, and only its own chunks are dropped."""

    async def main() -> StreamCapture:
        handler = handler_of("async", b"data: a\n\n", 20, b"data: b\n\n", 100, b"data: c\n\n")
        async with stream_client(handler).stream("GET", "/") as live:
            await anext(live)
            await live.disconnect()
        return live.capture

    async def whole() -> StreamCapture:
        client = stream_client(handler_of("async", b"data: a\n\n", 20, b"data: b\n\n", 3, b"data: c\n\n"))
        async with client.stream("GET", "/") as live:
            assert [await anext(live), await anext(live)] == [b"data: a\n\n", BEAT]
            await asyncio.sleep(4)
            await live.disconnect()
        return live.capture

    assert run(main()).chunks == [b"data: a\n\n"]
    left = run(whole())
    assert (left.chunks, left.transcript.dropped_chunks) == ([b"data: a\n\n", BEAT], 2)


def test_timer_goes_with_the_client() -> None:
    """E4, W4: once the client has left, no heartbeat keeps the clock going."""
    loop = VirtualLoop()

    async def main() -> None:
        async with stream_client(handler_of("async", asyncio.Event())).stream("GET", "/") as live:
            assert await anext(live) == BEAT
            await live.disconnect()
            await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        with pytest.raises(DeadlockError):
            runner.run(main())
        assert loop.time() == 15


def test_handler_that_is_being_stopped_sends_none() -> None:
    """E5, W4: neither while its `finally` blocks run nor after them."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            try:
                await asyncio.sleep(100)
                yield b"never"
            finally:
                await asyncio.sleep(4)

        return sse_stream(body(), heartbeat=1)

    capture = get(handler, timeout=2.5)

    assert [at for at, _ in timed(capture)] == [1, 2]
    assert str(capture.handler_outcome) == "timed_out"


def test_handler_that_cannot_be_stopped_beats_no_more() -> None:
    """E5, W4: it is left to itself, and so is the clock."""
    loop = VirtualLoop()

    async def handler(event: Any, context: Any) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            try:
                await asyncio.sleep(100)
                yield b"never"
            finally:
                await asyncio.Event().wait()

        return sse_stream(body(), heartbeat=1)

    async def main() -> None:
        await stream_client(handler, timeout=2.5).get("/")
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        with pytest.raises(DeadlockError):
            runner.run(main())
        assert loop.time() == 2.5 + CLEANUP_SECONDS


def test_head_request_has_none() -> None:
    """E6, W4: there is no body, and the head is not sent before its time."""
    capture = get(handler_of("async", 40, b"data: a\n\n"), "HEAD")

    assert (capture.chunks, capture.transcript.dropped_chunks) == ([], 1)
    assert [event.at for event in capture.transcript.events] == [0, 40]


def test_status_without_a_body_has_none() -> None:
    """E6, W4: 204 has no body, not even a silent one."""
    capture = get(handler_of("async", 40, b"data: a\n\n", status=204))

    assert (capture.chunks, capture.transcript.dropped_chunks) == ([], 1)


def test_response_that_is_collected_has_none() -> None:
    """R0, W4: on a `BUFFERED` URL nothing leaves before the end, so there is no silence."""
    capture = get(handler_of("async", 40, b"data: a\n\n"), invoke_mode="BUFFERED")

    assert capture.chunks == [b"data: a\n\n"]


# -- which clock ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_it_beats_in_real_time_too(kind: str) -> None:
    """W4: while the handler waits, on the loop or on its thread."""
    gate, thread_gate = asyncio.Event(), threading.Event()

    def sync_body() -> Iterator[bytes]:
        yield b"data: a\n\n"
        assert thread_gate.wait(30)
        yield b"data: b\n\n"

    async def async_body() -> AsyncIterator[bytes]:
        yield b"data: a\n\n"
        await gate.wait()
        yield b"data: b\n\n"

    def handler(event: Any, context: Any) -> StreamingResponse:
        return sse_stream(sync_body() if kind == "sync" else async_body(), heartbeat=0.001)

    async with stream_client(handler, clock="real").stream("GET", "/") as live:
        while await anext(live) != BEAT:
            pass
        gate.set()
        thread_gate.set()
        rest = [chunk async for chunk in live]
    assert [chunk for chunk in rest if chunk != BEAT] == [b"data: b\n\n"]


def test_heartbeats_do_not_hide_a_deadlock() -> None:
    """D1, W4: a handler that waits for nothing is reported, however often its stream beats."""
    with pytest.raises(DeadlockError, match=r"test_heartbeat\.py:\d+"):
        get(handler_of("async", b"data: a\n\n", asyncio.Event()))


def test_test_that_waits_for_heartbeats_alone_is_no_deadlock() -> None:
    """W4: they may be all that moves the clock for a while."""
    gate: list[asyncio.Event] = []

    async def handler(event: Any, context: Any) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            gate.append(asyncio.Event())
            await gate[0].wait()
            yield b"data: a\n\n"

        return sse_stream(body())

    async def main() -> list[bytes]:
        async with stream_client(handler).stream("GET", "/") as live:
            chunks = [await anext(live) for _ in range(100)]
            gate[0].set()
            return chunks + [chunk async for chunk in live]

    assert run(main()) == [BEAT] * 100 + [b"data: a\n\n"]


def test_w4_the_count_begins_again_when_the_client_has_what_is_there() -> None:
    """Silence is what the client hears: one that still reads is not told that the stream is alive."""

    async def events() -> AsyncIterator[str]:
        yield "one"
        await asyncio.sleep(40)
        yield "two"

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        client = stream_client(lambda event, context: sse_stream(events()))
        capture = runner.run(client.get(fault=stall(at=0, seconds=9)))

    assert capture.chunks[1] == b": keep-alive\n\n"
    assert [chunk.produced_at for chunk in capture.transcript.chunks[:3]] == [0, 24, 39]
