"""F2, F4, W1: handlers that write to a response stream."""

import asyncio
import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from apptheory_streaming import HttpResponseStream, InvalidResponse, NotEnded, StreamTypeError, streamify_response
from apptheory_streaming.errors import (
    ContentTypeAfterWrite,
    EndedTwice,
    HeadAfterWrite,
    HeadSetTwice,
    StreamMisuse,
    WriteAfterEnd,
)
from apptheory_streaming.wire.front import FunctionUrlFront, InvokeMode
from apptheory_testkit import StreamCapture, stream_client
from running import outcomes, run_handler

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

Steps = Callable[[HttpResponseStream], object]


async def capture_of(steps: Steps, kind: str = "async") -> StreamCapture:
    """The capture of a streamify handler that runs these steps, on the loop or in its thread."""
    return await stream_client(streamified(steps, kind)).get("/")


def streamified(steps: Steps, kind: str) -> Callable[..., Any]:
    @streamify_response
    async def with_await(event: Any, stream: HttpResponseStream, context: Any) -> None:
        steps(stream)

    @streamify_response
    def sync(event: Any, stream: HttpResponseStream, context: Any) -> None:
        steps(stream)

    return with_await if kind == "async" else sync


both_kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@both_kinds
async def test_f2_without_from_the_head_is_200_and_octet_stream(kind: str) -> None:
    """F2: the first write makes the default head final."""

    def steps(stream: HttpResponseStream) -> None:
        stream.write("a")
        stream.write(b"b")
        stream.write(bytearray(b"c"))
        stream.write(memoryview(b"d"))
        stream.write("")
        stream.end("e")

    capture = await capture_of(steps, kind)
    assert (capture.status, capture.headers) == (200, {"content-type": ["application/octet-stream"]})
    assert capture.chunks == [b"a", b"b", b"c", b"d", b"", b"e"]
    assert capture.error is None
    assert capture.handler_outcome == "ended"
    assert capture.delivery_outcome == "complete"


@both_kinds
async def test_f2_from_gives_status_headers_and_cookies(kind: str) -> None:
    """F2: the head is the metadata of from_, which gives the same stream back."""

    def steps(stream: HttpResponseStream) -> None:
        metadata = {"statusCode": 201, "headers": {"Content-Type": "text/html", "X-N": 1}, "cookies": ["a=1"]}
        assert HttpResponseStream.from_(stream, metadata) is stream
        stream.write("x")
        stream.end()

    capture = await capture_of(steps, kind)
    assert (capture.status, capture.cookies, capture.chunks) == (201, ["a=1"], [b"x"])
    assert capture.headers == {"content-type": ["text/html"], "x-n": ["1"]}


async def test_f2_set_content_type_counts_where_no_other_is_given() -> None:
    """F2: alone, and under a from_ without a content type; a content type of from_ wins."""

    def alone(stream: HttpResponseStream) -> None:
        stream.set_content_type("text/css")
        stream.set_content_type("text/html")
        stream.end("x")

    def under_from(stream: HttpResponseStream) -> None:
        stream.set_content_type("text/html")
        HttpResponseStream.from_(stream, {"headers": {"x-a": "1"}}).end("x")

    def against_from(stream: HttpResponseStream) -> None:
        stream.set_content_type("text/html")
        HttpResponseStream.from_(stream, {"headers": {"CONTENT-TYPE": "text/plain"}}).end("x")

    assert (await capture_of(alone)).headers["content-type"] == ["text/html"]
    assert (await capture_of(under_from)).headers["content-type"] == ["text/html"]
    assert (await capture_of(against_from)).headers["content-type"] == ["text/plain"]


def from_twice(stream: HttpResponseStream) -> None:
    HttpResponseStream.from_(stream, {})
    HttpResponseStream.from_(stream, {})


def from_after_write(stream: HttpResponseStream) -> None:
    stream.write("a")
    HttpResponseStream.from_(stream, {})


def content_type_after_write(stream: HttpResponseStream) -> None:
    stream.write("a")
    stream.set_content_type("text/html")


def content_type_after_from(stream: HttpResponseStream) -> None:
    HttpResponseStream.from_(stream, {})
    stream.set_content_type("text/html")


def write_after_end(stream: HttpResponseStream) -> None:
    stream.end()
    stream.write("a")


def end_twice(stream: HttpResponseStream) -> None:
    stream.end()
    stream.end()


def end_with_data_twice(stream: HttpResponseStream) -> None:
    stream.end("a")
    stream.end("b")


MISUSES: list[tuple[Steps, type[StreamMisuse]]] = [
    (from_twice, HeadSetTwice),
    (from_after_write, HeadAfterWrite),
    (content_type_after_write, ContentTypeAfterWrite),
    (content_type_after_from, ContentTypeAfterWrite),
    (write_after_end, WriteAfterEnd),
    (end_twice, EndedTwice),
    (end_with_data_twice, EndedTwice),
]


@both_kinds
@pytest.mark.parametrize(("steps", "error"), MISUSES, ids=[steps.__name__ for steps, _ in MISUSES])
async def test_f4_each_misuse_is_its_own_named_error(steps: Steps, error: type[StreamMisuse], kind: str) -> None:
    """F4: raised at the call, and the handler's failure when it does not catch it."""
    capture = await capture_of(steps, kind)
    assert capture.error is not None
    assert type(capture.error.exception) is error
    assert capture.error.exception.name == error.__name__
    assert capture.error.code == "app.internal"
    assert capture.handler_outcome == "failed(app.internal)"


@both_kinds
@pytest.mark.parametrize(("steps", "error"), MISUSES, ids=[steps.__name__ for steps, _ in MISUSES])
async def test_f4_a_misuse_that_the_handler_catches_does_no_harm(
    steps: Steps, error: type[StreamMisuse], kind: str
) -> None:
    """F4: after the error the stream is as it was before the wrong call."""

    def careful(stream: HttpResponseStream) -> None:
        with pytest.raises(error):
            steps(stream)
        if not stream.ended:
            stream.end("z")

    capture = await capture_of(careful, kind)
    assert capture.error is None
    assert capture.status == 200
    assert capture.body in {b"z", b"az", b"a", b""}
    assert capture.late_mutations == []


@both_kinds
async def test_f4_a_handler_that_returns_without_end_is_ended_and_recorded(kind: str) -> None:
    """F4: the response is complete; NotEnded is there to be seen, with no stream error code."""

    def steps(stream: HttpResponseStream) -> None:
        stream.write("a")

    capture = await capture_of(steps, kind)
    assert capture.chunks == [b"a"]
    assert capture.error is not None
    assert isinstance(capture.error.exception, NotEnded)
    assert capture.stream_error_code is None
    assert capture.handler_outcome == "ended"
    assert capture.delivery_outcome == "complete"


@both_kinds
async def test_f4_a_handler_that_does_nothing_answers_with_an_empty_default_head(kind: str) -> None:
    """F4, F6: NotEnded again, and a head all the same."""
    capture = await capture_of(lambda _: None, kind)
    assert (capture.status, capture.chunks) == (200, [])
    assert capture.error is not None
    assert isinstance(capture.error.exception, NotEnded)


@both_kinds
async def test_f4_an_error_before_end_is_not_also_not_ended(kind: str) -> None:
    """F4, E3: the handler's own error is what is recorded."""

    def steps(stream: HttpResponseStream) -> None:
        stream.write("a")
        raise ValueError("mine")

    capture = await capture_of(steps, kind)
    assert capture.chunks == [b"a"]
    assert capture.error is not None
    assert capture.error.message == "mine"
    assert capture.stream_error_code == "app.internal"


@both_kinds
@pytest.mark.parametrize("data", [7, None, ["a"]])
async def test_r2_write_refuses_what_is_no_chunk_at_the_call(data: Any, kind: str) -> None:
    """R2: the error names the chunk and its type; the handler may go on."""

    def steps(stream: HttpResponseStream) -> None:
        stream.write("a")
        with pytest.raises(StreamTypeError, match=f"chunk 1 is of type {type(data).__name__}"):
            stream.write(data)
        stream.end("b")

    assert (await capture_of(steps, kind)).chunks == [b"a", b"b"]


@both_kinds
@pytest.mark.parametrize(
    "metadata", [{"statusCode": 99}, {"headers": {"bad name": "x"}}, {"cookies": "a=1"}, None, "x"]
)
async def test_r4_to_r6_impossible_metadata_is_refused_at_from(metadata: Any, kind: str) -> None:
    """R4, R5, R6: from_ raises InvalidResponse; uncaught it is an early error."""

    def steps(stream: HttpResponseStream) -> None:
        HttpResponseStream.from_(stream, metadata)

    capture = await capture_of(steps, kind)
    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)

    def careful(stream: HttpResponseStream) -> None:
        with pytest.raises(InvalidResponse):
            steps(stream)
        HttpResponseStream.from_(stream, {"statusCode": 203}).end("x")

    assert (await capture_of(careful, kind)).status == 203


@both_kinds
@pytest.mark.parametrize("content_type", ["text/html\r\nx: y", {"a": 1}])
async def test_r5_an_impossible_content_type_is_refused_at_the_call(content_type: Any, kind: str) -> None:
    """R5: the head stays as it was, and a handler that catches the error may go on."""

    def careful(stream: HttpResponseStream) -> None:
        with pytest.raises(InvalidResponse, match="content-type"):
            stream.set_content_type(content_type)
        stream.write("a")
        stream.end("b")

    capture = await capture_of(careful, kind)
    assert (capture.headers["content-type"], capture.body) == (["application/octet-stream"], b"ab")


async def test_w1_writes_without_await_keep_their_order() -> None:
    """W1: the data is put at the call; forgetting `await`, or awaiting later, loses and moves nothing."""

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        first = stream.write("0")
        for number in range(1, 500):
            stream.write(f" {number}")
        await first
        await first
        await stream.write(" last")
        stream.end()

    capture = await stream_client(handler).get("/")
    assert capture.text == " ".join([*map(str, range(500)), "last"])
    assert len(capture.chunks) == 501


async def test_w1_concurrent_tasks_never_interleave_inside_a_chunk() -> None:
    """W1: the order is the order of the calls, whoever made them."""
    calls: list[bytes] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        async def write(name: str) -> None:
            for number in range(100):
                frame = f"<{name}{number}>" * 50
                calls.append(frame.encode())
                await stream.write(frame)

        async with asyncio.TaskGroup() as group:
            for name in "abcde":
                group.create_task(write(name))
        await stream.end()

    capture = await stream_client(handler).get("/")
    assert capture.chunks == calls
    assert len(calls) == 500


@both_kinds
async def test_w1_concurrent_threads_never_lose_swap_or_interleave(kind: str) -> None:
    """W1: several threads start writing at once, the first write of all opens the head exactly once."""
    writers, each = 8, 200

    def all_write(stream: HttpResponseStream) -> None:
        together = threading.Barrier(writers)

        def write(name: int) -> None:
            together.wait()
            for number in range(each):
                stream.write(f"<{name}:{number}>")

        threads = [threading.Thread(target=write, args=(name,)) for name in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @streamify_response
    async def with_await(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await asyncio.to_thread(all_write, stream)
        await stream.end()

    @streamify_response
    def sync(event: Any, stream: HttpResponseStream, context: Any) -> None:
        all_write(stream)
        stream.end()

    capture = await stream_client(with_await if kind == "async" else sync).get("/")
    assert capture.error is None
    assert len(capture.chunks) == writers * each
    for name in range(writers):
        mine = [chunk for chunk in capture.chunks if chunk.startswith(b"<%d:" % name)]
        assert mine == [b"<%d:%d>" % (name, number) for number in range(each)]


async def test_w1_the_first_writes_of_many_threads_come_after_the_head() -> None:
    """W1, F2: whichever thread makes the head final, no other is ahead of it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns as often as they can
    try:
        for _ in range(30):
            together = threading.Barrier(4)

            @streamify_response
            def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
                def write() -> None:
                    together.wait()  # noqa: B023 - used within the round
                    stream.write("x")

                threads = [threading.Thread(target=write) for _ in range(4)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                stream.end()

            capture = await stream_client(handler).get("/")
            assert (capture.chunks, capture.error) == ([b"x"] * 4, None)
    finally:
        sys.setswitchinterval(interval)


async def test_w1_a_thread_and_the_loop_share_one_order() -> None:
    """W1: a write on the loop comes after what a thread wrote before it, without waiting for anything."""

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        for number in range(50):
            thread = threading.Thread(target=stream.write, args=(f"t{number} ",))
            thread.start()
            thread.join()
            stream.write(f"l{number} ")
        await stream.end()

    capture = await stream_client(handler).get("/")
    assert capture.text.split() == [f"{who}{number}" for number in range(50) for who in "tl"]


async def test_w1_a_chunk_of_a_thread_does_not_wait_for_the_next_write() -> None:
    """W1: a thread and the loop writing against each other never leave a chunk lying in the queue."""

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        def write_many() -> None:
            for _ in range(2000):
                stream.write("t")

        writing = asyncio.ensure_future(asyncio.to_thread(write_many))
        while not writing.done():
            await stream.write("l")
        await writing
        await went_out.wait()
        await stream.end()

    went_out = asyncio.Event()
    seen = 0
    async with stream_client(handler).stream("GET", "/") as live:
        async for chunk in live:
            seen += chunk == b"t"
            if seen == 2000:
                went_out.set()
    assert live.capture.body.count(b"t") == 2000


@both_kinds
async def test_f4_only_one_of_many_threads_can_end_the_stream(kind: str) -> None:
    """F4: of concurrent ends one is right and the others are EndedTwice; nothing follows the end."""
    outcomes: list[str] = []

    def all_end(stream: HttpResponseStream) -> None:
        together = threading.Barrier(6)

        def end() -> None:
            together.wait()
            try:
                stream.end("z")
                outcomes.append("ended")
            except StreamMisuse as error:
                outcomes.append(error.name)

        threads = [threading.Thread(target=end) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @streamify_response
    async def with_await(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await asyncio.to_thread(all_end, stream)

    @streamify_response
    def sync(event: Any, stream: HttpResponseStream, context: Any) -> None:
        all_end(stream)

    run = await run_handler(with_await if kind == "async" else sync)
    assert outcomes.count("ended") == 1
    assert set(outcomes) <= {"ended", "EndedTwice", "WriteAfterEnd"}
    assert run.transcript.error is None
    assert run.sink.misuse == []


async def test_f4_the_response_is_complete_at_end_though_the_handler_goes_on() -> None:
    """F4: the client has everything at `end`; what the handler does after it holds nobody up."""
    may_finish = asyncio.Event()
    finished: list[bool] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.write("a")
        await stream.end("b")
        await may_finish.wait()
        finished.append(True)

    async with stream_client(handler).stream("GET", "/") as live:
        assert [chunk async for chunk in live] == [b"a", b"b"]
        assert finished == []
        may_finish.set()
    assert finished == [True]
    assert live.capture.handler_outcome == "ended"
    assert live.capture.delivery_outcome == "complete"


async def test_e3_an_error_after_end_is_late_and_leaves_the_response_complete() -> None:
    """E3: the body was complete; the function failed all the same."""

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.end("all")
        raise ValueError("afterwards")

    capture = await stream_client(handler).get("/")
    assert capture.chunks == [b"all"]
    assert capture.stream_error_code == "app.internal"
    assert outcomes(capture.transcript) == ("failed(app.internal)", "complete")


async def test_r0_a_streamify_handler_works_on_a_buffered_url() -> None:
    """R0: the body goes out in one piece, with the head of from_."""

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        out = HttpResponseStream.from_(stream, {"statusCode": 201})
        await out.write("a")
        await out.end("b")

    run = await run_handler(handler, front=FunctionUrlFront(InvokeMode.BUFFERED))
    assert run.sink.head is not None
    assert (run.sink.head.status, run.sink.chunks) == (201, [b"ab"])


class Chat:
    """Marked methods, and methods to mark."""

    @streamify_response
    async def handle(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.end("Chat")

    @streamify_response
    def handle_sync(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        stream.end("Chat")

    def unmarked(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        stream.end("Chat")


class CallableChat:
    @streamify_response
    async def __call__(self, event: Any, stream: HttpResponseStream, context: Any, *, name: str = "Chat") -> None:
        await stream.end(name)


MARKED: dict[str, Callable[..., Any]] = {
    "async method": Chat().handle,
    "sync method": Chat().handle_sync,
    "bound method marked later": streamify_response(Chat().unmarked),
    "callable object": CallableChat(),
    "partial": functools.partial(Chat.handle, Chat()),
    "partial of partial": functools.partial(functools.partial(Chat.handle_sync), Chat()),
    "partial with a keyword": functools.partial(CallableChat(), name="Chat"),
    "marked partial": streamify_response(functools.partial(lambda self, event, stream, context: stream.end("Chat"), 1)),
}


@pytest.mark.parametrize("name", MARKED)
async def test_f4_whatever_can_be_called_can_be_marked(name: str) -> None:
    """F4: methods, callable objects and partials keep the mark of what they call."""
    assert (await stream_client(MARKED[name]).get("/")).chunks == [b"Chat"]


async def test_f4_only_the_mark_makes_the_shape() -> None:
    """F4: the decorator gives the function back unchanged; without it a third parameter is one too many."""

    def plain(event: Any, stream: Any, context: Any) -> None:
        raise AssertionError

    capture = await stream_client(plain).get("/")
    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, TypeError)
    assert streamify_response(plain) is plain


@both_kinds
async def test_a_flood_of_chunks_arrives_whole(kind: str) -> None:
    """W1: tens of thousands of writes without a pause keep number and order."""

    def steps(stream: HttpResponseStream) -> None:
        for number in range(20_000):
            stream.write(b"%d," % number)
        stream.end()

    capture = await capture_of(steps, kind)
    assert capture.body == b"".join(b"%d," % number for number in range(20_000))
