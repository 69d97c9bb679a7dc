"""W1: the bounded way of chunks to the loop, from threads above all."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from apptheory_streaming import HttpResponseStream, streamify_response
from apptheory_streaming.errors import ClientGone, EndedTwice, WriteAfterEnd
from apptheory_streaming.threads import HandlerThread
from apptheory_streaming.wire.front import FunctionUrlFront
from apptheory_streaming.wire.head import make_head
from apptheory_streaming.wire.recorder import TranscriptRecorder
from apptheory_streaming.write_queue import HANDOVERS, WINDOW_BYTES, WINDOW_CHUNKS, BodyEnd, WriteQueue
from apptheory_streaming.writer import ResponseWriter
from apptheory_testkit import Limits, stream_client
from running import MemorySink, until

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


async def many_turns() -> None:
    """Give a thread that would run ahead every chance to do so."""
    for _ in range(2000):
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", ["generator", "streamify"])
async def test_a_thread_waits_for_a_client_that_does_not_read(kind: str) -> None:
    """W1: however many chunks there are, only a window of them is ever on its way."""
    produced = 0

    def body() -> Iterator[bytes]:
        nonlocal produced
        for _ in range(10_000):
            produced += 1
            yield b"x"

    @streamify_response
    def streamified(event: Any, stream: HttpResponseStream, context: Any) -> None:
        for chunk in body():
            stream.write(chunk)
        stream.end()

    handler = streamified if kind == "streamify" else lambda *_: body()
    async with stream_client(handler).stream("GET", "/") as live:
        await until(lambda: produced >= WINDOW_CHUNKS)
        for taken in range(1, 4):
            await many_turns()
            assert produced <= taken + WINDOW_CHUNKS + 4
            await anext(live)
        assert len([chunk async for chunk in live]) == 10_000 - 3
    assert live.capture.error is None


async def test_large_chunks_fill_the_window_by_their_bytes() -> None:
    """W1: chunks of a quarter of the window stop their thread after a few of them."""
    produced = 0

    def body() -> Iterator[bytes]:
        nonlocal produced
        for _ in range(40):
            produced += 1
            yield bytes(WINDOW_BYTES // 4)

    async with stream_client(lambda event, context: body()).stream("GET", "/") as live:
        await until(lambda: produced >= 4)
        await many_turns()
        assert produced <= 7
        assert len([chunk async for chunk in live]) == 40


async def test_a_chunk_larger_than_the_window_passes() -> None:
    """W1: the window never refuses, it only waits."""
    big = bytes(WINDOW_BYTES * 2 + 1)

    def body() -> Iterator[bytes]:
        yield big
        yield big

    assert (await stream_client(lambda event, context: body()).get("/")).chunks == [big, big]


@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
async def test_a_thread_that_waits_for_room_is_let_go_when_the_client_leaves(on_disconnect: str) -> None:
    """E4: with `continue` to its end, with `cancel` by ClientGone; it never waits for ever."""
    log: list[str] = []
    over = threading.Event()

    def body() -> Iterator[bytes]:
        try:
            for _ in range(1000):
                yield b"x"
            log.append("end")
        finally:
            over.set()

    client = stream_client(lambda event, context: body(), on_disconnect=on_disconnect)
    async with client.stream("GET", "/") as live:
        await anext(live)
        await live.disconnect()
    assert over.wait(10)
    assert log == (["end"] if on_disconnect == "continue" else [])


# -- the queue by itself ----------------------------------------------------------------------


def queue_of(sink: MemorySink) -> tuple[WriteQueue, ResponseWriter]:
    writer = ResponseWriter(sink, TranscriptRecorder("req_1"), front=FunctionUrlFront())
    return WriteQueue(writer, now=lambda: None), writer


async def test_each_chunk_of_a_handler_has_left_when_its_put_returns() -> None:
    """W1: in real time what a thread does next, which may keep the interpreter to itself, holds no chunk back."""
    sink = MemorySink()
    writes, writer = queue_of(sink)
    left: list[int] = []

    def produce(count: int) -> None:
        for _ in range(count):
            writes.put(b"x")
            left.append(len(sink.chunks))

    writes.put(make_head())
    thread = HandlerThread()
    await thread.run(lambda: produce(1))
    writer.drain_done()  # the first one asks for a drain
    await thread.run(lambda: produce(HANDOVERS - 1))
    thread.close()
    assert left == list(range(1, HANDOVERS + 1))


async def test_a_thread_is_seen_off_by_no_client_that_does_not_read() -> None:
    """W1: a sink that never drains holds a thread back by the window alone."""
    writes, _ = queue_of(MemorySink())

    def produce() -> None:
        writes.put(make_head())
        for _ in range(WINDOW_CHUNKS):
            writes.put(b"x")

    thread = HandlerThread()
    await thread.run(produce)
    thread.close()


async def test_a_put_on_the_loop_is_written_at_once() -> None:
    """W1: head, chunk and end reach the writer in the call."""
    sink = MemorySink()
    writes, writer = queue_of(sink)
    writes.put(make_head(201))
    assert writes.put(b"a") is False  # the first one asks for a drain
    assert (sink.head, sink.chunks) == (make_head(201), [b"a"])
    writer.drain_done()
    assert writes.put(b"b") is True
    writes.put(BodyEnd())
    assert writer.body_complete
    with pytest.raises(WriteAfterEnd):
        writes.put(b"c")
    with pytest.raises(EndedTwice):
        writes.put(BodyEnd())
    assert sink.chunks == [b"a", b"b"]


async def test_a_closed_queue_drops_what_is_left_and_raises_its_reason() -> None:
    """E4: a thread that waits for room, and everybody who puts later, gets the error."""
    sink = MemorySink()
    writes, writer = queue_of(sink)
    outcome: list[object] = []
    full = threading.Event()

    def fill() -> None:
        try:
            writes.put(make_head())
            for number in range(1000):
                if number == WINDOW_CHUNKS - 1:
                    full.set()
                writes.put(b"x")
        except ClientGone as error:
            outcome.append(error)

    thread = threading.Thread(target=fill)
    thread.start()
    assert full.wait(10)
    gone = ClientGone("gone")
    writer.stop(gone)
    writes.close(gone)
    writes.close(ClientGone("a second reason does not replace the first"))
    thread.join(10)
    assert outcome == [gone]
    with pytest.raises(ClientGone, match="gone"):
        writes.put(b"y")
    with pytest.raises(ClientGone, match="gone"):
        await writes.flush()
    assert sink.chunks == []


async def test_a_chunk_for_a_pause_is_written_only_if_nothing_is_ahead_of_it() -> None:
    """W4: nor once the body is over, nor when it would go over the limit (L2)."""
    sink = MemorySink()
    writer = ResponseWriter(
        sink, TranscriptRecorder("req_1"), front=FunctionUrlFront(), limits=Limits(max_response_bytes=3)
    )
    writes = WriteQueue(writer, now=lambda: None)
    writes.put(make_head())
    thread = threading.Thread(target=writes.put, args=(b"a",))
    thread.start()
    thread.join(10)
    assert not writes.put_if_idle(b"b")
    await writes.flush()
    assert not writes.put_if_idle(b"far too long")
    assert writes.put_if_idle(b"c")
    writes.put(BodyEnd())
    assert not writes.put_if_idle(b"d")
    writes.close(ClientGone("gone"))
    assert not writes.put_if_idle(b"")
    assert sink.chunks == [b"a", b"c"]
