"""E09, W1: lines of NDJSON that wait for each other: sizes, intervals, ends, and who holds what back."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import (
    AppError,
    NdjsonReader,
    StreamingResponse,
    ndjson_stream,
)
from apptheory_streaming.errors import UsageError
from apptheory_testkit import Limits, StreamCapture, stream_client
from apptheory_testkit.virtual_time.deadlock import DeadlockError
from apptheory_testkit.virtual_time.loop import VirtualLoop
from ndjson_handlers import Pause, every_kind, get, handler_of, run, timed

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@every_kind
def test_e09_lines_below_the_size_leave_after_the_interval(kind: str) -> None:
    """E09: 100 ms after the first of them, or at the end; the next batch begins with its own first line."""
    capture = get(handler_of(kind, 1, Pause(0.03), 2, Pause(0.3), 3, 4, Pause(0.05), 5, flush_each=False))

    assert timed(capture) == [(0.1, b"1\n2\n"), (0.38, b"3\n4\n5\n")]


@every_kind
def test_e09_it_is_so_in_each_of_100_runs(kind: str) -> None:
    """E09, D1: times and cuts."""
    handler = handler_of(kind, 1, Pause(0.04), 2, Pause(0.07), 3, Pause(0.2), 4, flush_each=False)
    captures = [get(handler) for _ in range(100)]

    assert timed(captures[0]) == [(0.1, b"1\n2\n"), (0.21, b"3\n"), (0.31, b"4\n")]
    assert all(capture == captures[0] for capture in captures[1:])


@every_kind
def test_e09_a_line_at_the_very_moment_of_the_flush_is_in_it(kind: str) -> None:
    """E09, D1: the batch is sent behind everything else that happens at that moment."""
    capture = get(handler_of(kind, 1, Pause(0.1), 2, Pause(1), flush_each=False))

    assert timed(capture) == [(0.1, b"1\n2\n")]


@every_kind
def test_e09_a_full_batch_leaves_at_once(kind: str) -> None:
    """E09: the line that fills it is in it, and the interval begins again behind it."""
    line = "x" * 7  # 10 bytes with quotes and LF
    steps = [*[line] * 10, Pause(0.06), line, Pause(0.06), line, Pause(1), line]
    capture = get(handler_of(kind, *steps, flush_each=False, flush_bytes=40))

    sizes = [(at, len(chunk)) for at, chunk in timed(capture)]
    assert sizes == [(0.0, 40), (0.0, 40), (0.1, 30), (0.22, 10), (1.12, 10)]


@every_kind
def test_e09_the_interval_counts_from_the_first_line_of_each_batch(kind: str) -> None:
    """E09: not from that of a batch which was full before its time."""
    line = "x" * 7
    steps = [line, Pause(0.05), line, Pause(0.01), line, Pause(1)]
    capture = get(handler_of(kind, *steps, flush_each=False, flush_bytes=20))

    assert [(at, len(chunk)) for at, chunk in timed(capture)] == [(0.05, 20), (0.16, 10)]


@every_kind
def test_e09_a_batch_counts_as_the_one_chunk_that_it_is(kind: str) -> None:
    """F3, E09: for what came after it, whether size, time or the end has sent it."""
    answers: list[StreamingResponse] = []

    def change(value: str) -> str:
        answers[-1].headers["x-late"] = value
        return value

    def sync() -> Iterator[str]:
        yield from ("a", "b", "c" * 100)
        yield change("d")
        time.sleep(1)
        yield change("e")
        change("f")

    async def with_await() -> AsyncIterator[str]:
        yield "a"
        yield "b"
        yield "c" * 100
        yield change("d")
        await asyncio.sleep(1)
        yield change("e")
        change("f")

    def handler(event: Any, context: Any) -> StreamingResponse:
        answers.append(ndjson_stream(sync() if kind == "sync" else with_await(), flush_each=False, flush_bytes=50))
        return answers[-1]

    capture = get(handler)

    assert len(capture.chunks) == 3
    assert [mutation.after_chunk for mutation in capture.late_mutations] == [0, 1, 1]


@pytest.mark.parametrize("ending", ["end", "error", "left"])
@every_kind
def test_e09_no_timer_outlives_its_response(kind: str, ending: str) -> None:
    """E09, E4: nothing is due any more, so that a wait for nothing is a deadlock at once, and not hours later."""
    last = [] if ending == "end" else [Pause(60), 2] if ending == "left" else [ValueError("broken")]
    handler = handler_of(kind, 0, "x" * 100, Pause(1), 1, *last, flush_each=False, flush_bytes=100, flush_interval=3600)

    loop = VirtualLoop()

    async def main() -> None:
        async with stream_client(handler, on_disconnect="cancel").stream("GET", "/") as live:
            await anext(live)
            if ending == "left":
                await asyncio.sleep(30)
                await live.disconnect()
            else:
                assert [chunk async for chunk in live] == [b"1\n"]
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        with pytest.raises(DeadlockError):
            runner.run(main())
        assert loop.time() < 3600


@every_kind
def test_e09_the_default_size_is_8192_bytes(kind: str) -> None:
    """E09: 1000 lines of 100 bytes are 13 chunks, and the body is the same as line by line."""
    items = ["x" * 97] * 1000
    batched, each = get(handler_of(kind, *items, flush_each=False)), get(handler_of(kind, *items))

    assert [len(chunk) for chunk in batched.chunks] == [8200] * 12 + [1600]
    assert batched.body == each.body
    assert len(each.chunks) == 1000


@every_kind
def test_e09_without_an_interval_only_size_and_end_count(kind: str) -> None:
    """E09: None waits for them."""
    steps = [1, Pause(60), 2, Pause(60), 3]
    capture = get(handler_of(kind, *steps, flush_each=False, flush_interval=None, flush_bytes=4))

    assert timed(capture) == [(60, b"1\n2\n"), (120, b"3\n")]


@every_kind
def test_e09_what_was_made_before_an_error_is_sent_before_it(kind: str) -> None:
    """E09, E3: the error is late, whether or not the interval was over; without a line it is early."""
    error = AppError("app.conflict", "twice")
    capture = get(handler_of(kind, 1, 2, Pause(0.01), error, flush_each=False))

    assert timed(capture) == [(0.01, b"1\n2\n")]
    assert (capture.status, capture.stream_error_code) == (200, "app.conflict")
    assert get(handler_of(kind, error, flush_each=False)).status == 409


@every_kind
def test_e09_a_batch_is_one_chunk_for_the_limit(kind: str) -> None:
    """L2, E09: one that would go over it is dropped whole; what was sent stays."""
    handler = handler_of(kind, "aaaa", Pause(1), "bbbb", "cccc", Pause(1), "d", flush_each=False)
    capture = get(handler, limits=Limits(max_response_bytes=20))

    assert capture.chunks == [b'"aaaa"\n']
    assert (capture.status, capture.stream_error_code) == (200, "app.too_large")
    exact = get(handler, limits=Limits(max_response_bytes=25))
    assert (len(exact.body), exact.stream_error_code) == (25, None)


@every_kind
def test_e09_a_client_that_leaves_gets_what_it_took(kind: str) -> None:
    """E4, E09: nothing is sent to it later, and no timer stays."""

    async def main() -> tuple[StreamCapture, float]:
        client = stream_client(handler_of(kind, *[1, Pause(1)] * 10, flush_each=False), on_disconnect="cancel")
        async with client.stream("GET", "/") as live:
            assert await anext(live) == b"1\n"
            await live.disconnect()
        return live.capture, asyncio.get_running_loop().time()

    capture, _ = run(main())

    assert capture.chunks == [b"1\n"]
    assert capture.delivery_outcome == "client_gone(after 2 bytes)"


@every_kind
def test_e09_a_client_that_holds_back_gets_larger_batches(kind: str) -> None:
    """E09, W4: what it has not taken is waited for, and nothing is lost or out of order."""

    async def main() -> list[bytes]:
        handler = handler_of(kind, *(step for number in range(20) for step in (number, Pause(0.05))), flush_each=False)
        chunks: list[bytes] = []
        async with stream_client(handler).stream("GET", "/") as live:
            async for chunk in live:
                chunks.append(chunk)
                await asyncio.sleep(0.25)
        return chunks

    chunks = run(main())

    assert b"".join(chunks) == b"".join(b"%d\n" % number for number in range(20))
    assert max(chunk.count(b"\n") for chunk in chunks) >= 5  # in time, three come together
    assert 2 <= len(chunks) < 10


@pytest.mark.parametrize("mode", ["BUFFERED", "RESPONSE_STREAM"])
@every_kind
def test_e09_batches_are_joined_on_a_buffered_url(kind: str, mode: str) -> None:
    """R0, E09: one chunk, whatever left when; a HEAD request has none."""
    handler = handler_of(kind, 1, Pause(1), 2, Pause(1), 3, flush_each=False)

    assert get(handler, invoke_mode=mode).body == b"1\n2\n3\n"
    head = run(stream_client(handler, invoke_mode=mode).head("/"))
    assert (head.status, head.body) == (200, b"")


def test_e09_a_thread_in_real_time_keeps_the_order() -> None:
    """E09, W1: the timer on the loop and the writes of the thread, ten thousand lines of them."""
    handler = handler_of("sync", *range(10_000), flush_each=False, flush_bytes=64, flush_interval=0.0001)

    async def main() -> StreamCapture:
        return await stream_client(handler, clock="real").get("/")

    capture = asyncio.run(main())

    assert list(NdjsonReader(capture.chunks)) == list(range(10_000))


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "8192", None], ids=repr)
def test_e09_flush_bytes_is_a_number_of_bytes(size: Any) -> None:
    """E09: UsageError says what would work."""
    with pytest.raises(UsageError, match="flush_bytes must be a whole number from 1"):
        ndjson_stream([], flush_bytes=size)


@pytest.mark.parametrize("seconds", [0, -0.1, True, "0.1", float("nan"), float("inf")], ids=repr)
def test_e09_flush_interval_is_a_number_of_seconds(seconds: Any) -> None:
    """E09: UsageError says what would work."""
    with pytest.raises(UsageError, match="flush_interval must be a number of seconds above 0, or None"):
        ndjson_stream([], flush_interval=seconds)
