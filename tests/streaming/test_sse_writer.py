"""`SseWriter`: whole frames from any number of tasks and threads."""

import asyncio
import io
import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from apptheory_streaming import (
    FrameInjection,
    HttpResponseStream,
    InvalidResponse,
    ServerSentEvent,
    SseDecoder,
    SseWriter,
    sse_stream,
    streamify_response,
)
from apptheory_streaming.errors import HeadSetTwice, UsageError, WriteAfterEnd
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.faults import slow_reader
from apptheory_testkit.virtual_time.loop import VirtualLoop
from sse_cases import SENT

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

THREADS = TASKS = 8
EVENTS = 10_000


async def capture_of(steps: Callable[[HttpResponseStream], object], kind: str = "async") -> StreamCapture:
    """The capture of a streamify handler that runs these steps, on the loop or in its thread."""

    @streamify_response
    async def with_await(event: Any, stream: HttpResponseStream, context: Any) -> None:
        steps(stream)
        stream.end()

    @streamify_response
    def in_thread(event: Any, stream: HttpResponseStream, context: Any) -> None:
        steps(stream)
        stream.end()

    return await stream_client(with_await if kind == "async" else in_thread).get()


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_events_and_comments_are_a_chunk_each(kind: str) -> None:
    """W2: fields by keyword, values as JSON, and events as they are."""

    def steps(stream: HttpResponseStream) -> None:
        writer = SseWriter.open(stream, headers={"x-a": "1"}, cookies=["c=1"])
        writer.write_event("hello")
        writer.write_event({"a": "é"}, event="e", id="1", retry=5)
        writer.write_comment("still\nhere")
        writer.write_event(ServerSentEvent("x", id="2"))
        writer.write_event(None, retry=7)

    capture = await capture_of(steps, kind)

    assert capture.chunks == [
        b"data: hello\n\n",
        'id: 1\nevent: e\nretry: 5\ndata: {"a":"é"}\n\n'.encode(),
        b": still\n: here\n\n",
        b"id: 2\ndata: x\n\n",
        b"retry: 7\n\n",
    ]
    assert (capture.status, capture.cookies) == (200, ["c=1"])
    assert capture.headers == {
        "content-type": ["text/event-stream"],
        "cache-control": ["no-cache"],
        "x-accel-buffering": ["no"],
        "x-a": ["1"],
    }


@pytest.mark.parametrize(("event", "stream"), [case[:2] for case in SENT.values()], ids=SENT)
def test_the_bytes_are_those_of_the_encoder(event: ServerSentEvent, stream: bytes) -> None:
    """W2: to any output, whose answer is given back."""
    output = io.BytesIO()

    assert SseWriter(output).write_event(event) == len(stream)
    assert output.getvalue() == stream


async def test_a_head_of_ones_own_stays() -> None:
    """F2: without `open` the writer leaves the head alone; with it, there is one."""

    def steps(stream: HttpResponseStream) -> None:
        HttpResponseStream.from_(stream, {"headers": {"content-type": "text/event-stream; charset=utf-8"}})
        SseWriter(stream).write_event("a")
        with pytest.raises(HeadSetTwice):
            SseWriter.open(stream)

    assert (await capture_of(steps)).headers == {"content-type": ["text/event-stream; charset=utf-8"]}


async def test_nothing_is_written_behind_the_end() -> None:
    """F4: WriteAfterEnd at the call."""

    def steps(stream: HttpResponseStream) -> None:
        writer = SseWriter.open(stream)
        streams.append(writer)

    streams: list[SseWriter[Any]] = []
    await capture_of(steps)

    with pytest.raises(WriteAfterEnd):
        streams[0].write_event("late")
    with pytest.raises(WriteAfterEnd):
        streams[0].write_comment("late")


@pytest.mark.parametrize("character", ["\r", "\n", "\0"], ids=["CR", "LF", "NUL"])
@pytest.mark.parametrize("field", ["id", "event"])
def test_an_injection_is_refused_with_its_character(field: str, character: str) -> None:
    """W2: the character and its position are named, and nothing is written."""
    output = io.BytesIO()
    fields: dict[str, Any] = {field: f"ab{character}data: x"}

    with pytest.raises(FrameInjection) as failure:
        SseWriter(output).write_event("x", **fields)
    assert str(failure.value) == f"{field} of an event must not contain {character!r} (position 2)"
    assert output.getvalue() == b""


@pytest.mark.parametrize(
    "wrong", [object(), float("nan"), b"data: framed\n\n", "\ud800"], ids=["object", "nan", "bytes", "surrogate"]
)
def test_what_no_event_can_have_is_refused(wrong: object) -> None:
    """W2: bytes too, which might be half a frame; nothing is written."""
    output = io.BytesIO()

    with pytest.raises(InvalidResponse):
        SseWriter(output).write_event(wrong)
    assert output.getvalue() == b""


@pytest.mark.parametrize("fields", [{"event": "e"}, {"id": ""}, {"retry": 0}], ids=repr)
def test_fields_beside_an_event_are_refused(fields: dict[str, Any]) -> None:
    """None of them is lost in silence."""
    with pytest.raises(UsageError, match="has its own event, id and retry"):
        SseWriter(io.BytesIO()).write_event(ServerSentEvent("x"), **fields)


def test_a_writer_is_as_fast_as_its_client() -> None:
    """E08: who awaits a write goes on when there is room, so little is made that nobody has taken."""
    ahead: list[int] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        writer = SseWriter.open(stream)
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(20):
            await writer.write_event("x" * 992)  # a frame of 1000 bytes
            taken = int(loop.time() - start)  # one a second
            ahead.append(number + 1 - taken)
        await stream.end()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        capture = runner.run(stream_client(handler).get(fault=slow_reader(1000)))

    assert (capture.duration, len(capture.chunks)) == (20, 20)
    assert max(ahead) <= 2


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_events_are_numbered_as_those_of_sse_stream_are(kind: str) -> None:
    """E03: those with data, from 1; an id of one's own stays and counts; comments and hints have none."""
    events = [
        "a",
        {"a": 1},
        ServerSentEvent("b", "e", retry=5, comment="two\nlines"),
        ServerSentEvent("c", id="own"),
        ServerSentEvent(comment="nothing"),
        ServerSentEvent(retry=7),
        "two\nlines",
    ]

    def steps(stream: HttpResponseStream) -> None:
        writer = SseWriter.open(stream, ids=True)
        for event in events:
            writer.write_event(event)
        writer.write_comment("still here")
        writer.write_event("last", event="done", retry=9)

    async def handler(event: Any, context: Any) -> Any:
        last = ServerSentEvent("last", "done", retry=9)
        return sse_stream([*events, ServerSentEvent(comment="still here"), last], ids=True)

    capture = await capture_of(steps, kind)

    assert capture.chunks == (await stream_client(handler).get()).chunks
    assert [event.id for event in capture.sse()] == ["1", "2", "3", "own", "5", "6"]


@pytest.mark.parametrize("wrong", [{"data": float("nan")}, {"data": "a", "event": "a\nb"}], ids=["data", "event"])
def test_an_event_that_is_refused_takes_no_number(wrong: dict[str, Any]) -> None:
    """W2: nothing is written, and the next event has the number."""
    output = io.BytesIO()
    writer = SseWriter(output, ids=True)

    with pytest.raises(InvalidResponse):
        writer.write_event(**wrong)
    assert writer.write_event("a") == len(output.getvalue())
    assert output.getvalue() == b"id: 1\ndata: a\n\n"


async def test_no_numbered_event_is_written_behind_the_end() -> None:
    """F4: WriteAfterEnd, as for others; a refused event does not open the head either."""

    def steps(stream: HttpResponseStream) -> None:
        writer = SseWriter(stream, ids=True)
        with pytest.raises(InvalidResponse):
            writer.write_event(object())
        HttpResponseStream.from_(stream, {"statusCode": 201})
        streams.append(writer)

    streams: list[SseWriter[Any]] = []
    capture = await capture_of(steps)

    with pytest.raises(WriteAfterEnd):
        streams[0].write_event("late")
    assert (capture.status, capture.chunks) == (201, [])


def texts(writer: int) -> list[str]:
    """What one of the writers writes: lines, so that a frame is more than one line, and of many sizes."""
    return [f"{writer} {number}\n{'é' * (number % 97)}" for number in range(EVENTS // (THREADS + TASKS))]


async def test_8_threads_and_8_tasks_write_10_000_events_into_one_writer() -> None:
    """W1, E07: every frame whole, every event once, those of one writer in the order of its calls."""
    together = threading.Barrier(THREADS)

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        writer = SseWriter.open(stream)

        def thread(number: int) -> None:
            together.wait(timeout=30)
            for text in texts(number):
                writer.write_event(text, event="thread", id=str(number))
                writer.write_comment(text)

        async def task(number: int) -> None:
            for text in texts(number):
                await writer.write_event(text, event="task", id=str(number))
                if len(text) % 3 == 0:  # others come between
                    await asyncio.sleep(0)

        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(THREADS) as pool:
            threads = [loop.run_in_executor(pool, thread, number) for number in range(THREADS)]
            await asyncio.gather(*threads, *(task(THREADS + number) for number in range(TASKS)))
        await stream.end()

    capture = await stream_client(handler).get()

    every = [text for number in range(THREADS + TASKS) for text in texts(number)]
    assert len(every) == EVENTS
    assert Counter(event.data for event in capture.sse()) == Counter(every)
    assert capture.handler_outcome == "ended"
    for number in range(THREADS + TASKS):
        assert [event.data for event in capture.sse() if event.id == str(number)] == texts(number)
    for chunk in capture.chunks:
        whole = SseDecoder().feed(chunk)
        assert len(whole) == (0 if chunk.startswith(b":") else 1), chunk


class Yielding(io.BytesIO):
    """A file before whose writes others have their turn."""

    def write(self, data: Any, /) -> int:
        """Let another thread run, and write."""
        os.sched_yield()
        return super().write(data)


@pytest.mark.parametrize("output", ["response", "file"])
async def test_numbers_come_in_the_order_of_the_wire_whoever_writes(output: str) -> None:
    """W1, E03: 8 threads, which have to wait for room, and 8 tasks; every number once, none before a lower one."""
    file = Yielding()
    each = 100

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        writer = SseWriter[Any](stream if output == "response" else file, ids=True)

        def thread(number: int) -> None:
            for at in range(each):
                writer.write_event(f"{number} {at}", event="thread")

        async def task(number: int) -> None:
            for at in range(each):
                writer.write_event({"task": number, "at": at}, event="task")
                await asyncio.sleep(0)

        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(THREADS) as pool:
            threads = [loop.run_in_executor(pool, thread, number) for number in range(THREADS)]
            await asyncio.gather(*threads, *(task(number) for number in range(TASKS)))
        await stream.end()

    capture = await stream_client(handler).get()

    events = capture.sse() if output == "response" else SseDecoder().feed(file.getvalue())
    assert [event.id for event in events] == [str(number + 1) for number in range((THREADS + TASKS) * each)]
    for number in range(THREADS):
        own = [event.data for event in events if event.data.startswith(f"{number} ")]
        assert own == [f"{number} {at}" for at in range(each)]
