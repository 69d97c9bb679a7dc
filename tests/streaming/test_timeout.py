"""E5: a handler that is still running when its time is over.

The handlers here wait for a gate that nobody opens.  Where it matters how far they came, the clock
of the loop jumps once they are there, so no test depends on the speed of the machine.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming import HttpResponseStream, StreamingResponse, streamify_response
from apptheory_streaming.errors import FunctionTimeout
from apptheory_streaming.invocation import InvocationPolicy, LateTimeout
from apptheory_streaming.wire.front import ErrorProfile, FunctionUrlFront
from apptheory_streaming.wire.outcome import Ending
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop
from running import KINDS, MemorySink, Run, invocation_of, jump, outcomes, run_handler, until

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

TINY = 0.01
LONG = 900.0

kinds = pytest.mark.parametrize("kind", KINDS)


class Stuck:
    """Handlers of every kind that get stuck after so many chunks (-1: before they have a head)."""

    def __init__(self) -> None:
        self.after = 0
        self.gate = threading.Event()
        self.never = asyncio.Event()
        self.reached = threading.Event()
        self.over = threading.Event()
        self.log: list[str] = []

    def handler(self, kind: str, after: int) -> Callable[..., Any]:
        self.after = after
        made: dict[str, Callable[..., Any]] = {
            "sync": self.sync,
            "async": self.with_await,
            "streamify": self.streamified,
            "sync streamify": self.streamified_sync,
        }
        return made[kind]

    def wait(self) -> None:
        self.reached.set()
        self.gate.wait(10)

    async def wait_async(self) -> None:
        self.reached.set()
        await self.never.wait()

    def body(self) -> Iterator[str]:
        try:
            yield from map(str, range(self.after))
            self.wait()
            yield "too late"
            self.log.append("not stopped")
        finally:
            self.log.append("finally")
            self.over.set()

    async def body_async(self) -> AsyncIterator[str]:
        try:
            for number in range(self.after):
                yield str(number)
            await self.wait_async()
        finally:
            self.log.append("finally")

    def sync(self, event: Any, context: Any) -> Any:
        if self.after < 0:
            self.wait()
        return StreamingResponse(self.body(), status=201)

    async def with_await(self, event: Any, context: Any) -> Any:
        if self.after < 0:
            await self.wait_async()
        return StreamingResponse(self.body_async(), status=201)

    @streamify_response
    async def streamified(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        if self.after >= 0:
            HttpResponseStream.from_(stream, {"statusCode": 201})
        async for chunk in self.body_async():
            await stream.write(chunk)

    @streamify_response
    def streamified_sync(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        if self.after >= 0:
            HttpResponseStream.from_(stream, {"statusCode": 201})
        for number in range(self.after):
            stream.write(str(number))
        self.wait()
        try:
            stream.write("too late")
        except FunctionTimeout:
            self.log.append("FunctionTimeout")
            raise
        finally:
            self.over.set()


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    made = Stuck()
    yield made
    made.gate.set()


async def time_out(handler: Callable[..., Any], when: Callable[[MemorySink], object], **options: Any) -> Run:
    """Run a handler, let its time be over once the condition holds, and give what came of it."""
    sink = MemorySink()
    policy = InvocationPolicy(timeout=LONG, **options)
    running = asyncio.ensure_future(invocation_of(handler, sink, policy=policy).run())
    await until(lambda: when(sink))
    jump(LONG)
    transcript = await running
    assert sink.misuse == []
    return Run(transcript, sink)


@kinds
@pytest.mark.parametrize("after", [-1, 0], ids=["before the head", "before chunk 0"])
async def test_e5_an_early_timeout_is_a_502(stuck: Stuck, kind: str, after: int) -> None:
    """E5: nothing of the handler's head is left; the error has code app.timeout and is not late."""
    capture = await stream_client(stuck.handler(kind, after), timeout=TINY).get("/")
    assert (capture.status, capture.body) == (502, b"Internal Server Error")
    assert capture.error is not None
    assert (capture.error.code, capture.error.late) == ("app.timeout", False)
    assert isinstance(capture.error.exception, FunctionTimeout)
    assert "0.01 seconds" in capture.error.message
    assert capture.stream_error_code is None
    assert outcomes(capture.transcript) == ("timed_out", "complete")


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 second"), (1.0, "1 second"), (1.5, "1.5 seconds"), (2, "2 seconds")]
)
def test_e5_the_message_says_the_time_in_good_english(seconds: float, words: str) -> None:
    """E5: what stands in the log and in a failing test."""

    async def handler(event: Any, context: Any) -> None:
        await asyncio.sleep(10)

    async def main() -> StreamCapture:
        return await stream_client(handler, timeout=seconds).get("/")

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        error = runner.run(main()).error
    assert error is not None
    assert error.message == f"the function was still running after {words}"


@kinds
async def test_e5_a_late_timeout_cuts_the_response(stuck: Stuck, kind: str) -> None:
    """E5: head and chunks stay, and the connection closes without the last chunk."""
    run = await time_out(stuck.handler(kind, 2), lambda sink: stuck.reached.is_set() and len(sink.chunks) == 2)
    assert run.sink.head is not None
    assert (run.sink.head.status, run.sink.chunks) == (201, [b"0", b"1"])
    assert run.transcript.stream_error_code == "app.timeout"
    assert outcomes(run.transcript) == ("timed_out", "cut")
    assert run.sink.ending is Ending.CUT


@kinds
async def test_e5_a_late_timeout_may_end_cleanly(stuck: Stuck, kind: str) -> None:
    """E5: with late_timeout="clean" the client sees a whole body; the capture still knows better."""
    run = await time_out(
        stuck.handler(kind, 2),
        lambda sink: stuck.reached.is_set() and len(sink.chunks) == 2,
        late_timeout=LateTimeout.CLEAN,
    )
    assert run.sink.chunks == [b"0", b"1"]
    assert run.sink.ending is Ending.ENDED
    assert outcomes(run.transcript) == ("timed_out", "complete")
    assert run.transcript.stream_error_code == "app.timeout"


@kinds
async def test_e5_a_capture_of_a_late_timeout_shows_that_it_was_cut(stuck: Stuck, kind: str) -> None:
    """E5: what a test sees through the client: chunks, code and both outcomes."""
    async with stream_client(stuck.handler(kind, 2), timeout=LONG).stream("GET", "/") as live:
        assert [await anext(live), await anext(live)] == [b"0", b"1"]
        await until(stuck.reached.is_set)
        jump(LONG)
        assert [chunk async for chunk in live] == []
    assert live.capture.chunks == [b"0", b"1"]
    assert live.capture.stream_error_code == "app.timeout"
    assert outcomes(live.capture.transcript) == ("timed_out", "cut")


@pytest.mark.parametrize("kind", ["async", "streamify"])
async def test_e5_the_finally_blocks_of_an_async_body_have_run(stuck: Stuck, kind: str) -> None:
    """E5: a timed-out body is cancelled and closed before the transcript is there."""
    await time_out(stuck.handler(kind, 1), lambda _: stuck.reached.is_set())
    assert stuck.log == ["finally"]


async def test_e5_a_sync_body_is_closed_by_its_own_thread_once_it_wakes(stuck: Stuck) -> None:
    """E5: the outcome does not wait for the thread; what it yields then is dropped, and it is closed."""
    run = await time_out(stuck.handler("sync", 1), lambda sink: stuck.reached.is_set() and sink.chunks)
    assert stuck.log == []
    stuck.gate.set()
    assert stuck.over.wait(10)
    assert stuck.log == ["finally"]
    assert run.sink.chunks == [b"0"]


async def test_e5_a_sync_handler_gets_the_timeout_at_its_next_write(stuck: Stuck) -> None:
    """E5: FunctionTimeout out of `write` is how a handler in a thread hears of it."""
    await time_out(stuck.handler("sync streamify", 1), lambda _: stuck.reached.is_set())
    stuck.gate.set()
    assert stuck.over.wait(10)
    assert stuck.log == ["FunctionTimeout"]


@kinds
async def test_e5_the_apptheory_profile_hides_an_early_timeout_like_any_error(stuck: Stuck, kind: str) -> None:
    """E5, E2b: the profile decides the answer, the transcript keeps the code."""
    run = await run_handler(
        stuck.handler(kind, -1),
        policy=InvocationPolicy(timeout=TINY),
        front=FunctionUrlFront(errors=ErrorProfile.APPTHEORY),
    )
    assert run.sink.head is not None
    assert run.sink.head.status == 500
    assert run.transcript.error is not None
    assert run.transcript.error.code == "app.timeout"


@kinds
async def test_e5_a_client_that_does_not_read_does_not_hold_the_timeout(stuck: Stuck, kind: str) -> None:
    """E5: the delivery that waits for room is given up, and the sink is told to cut, once."""
    sink = MemorySink(slow=True)
    invocation = invocation_of(stuck.handler(kind, 500), sink, policy=InvocationPolicy(timeout=LONG))
    running = asyncio.ensure_future(invocation.run())
    await until(lambda: sink.chunks)
    jump(LONG)
    assert outcomes(await running) == ("timed_out", "cut")
    assert (sink.chunks, sink.ending, sink.misuse) == ([b"0"], Ending.CUT, [])


async def test_e5_a_handler_that_finishes_in_time_hears_nothing_of_it() -> None:
    """E5: the timer is disarmed with the response."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "in time"

    run = await run_handler(handler, policy=InvocationPolicy(timeout=LONG))
    jump(LONG)
    await asyncio.sleep(0)
    assert outcomes(run.transcript) == ("ended", "complete")
    assert run.transcript.error is None


async def test_e5_a_timeout_after_end_leaves_the_response_complete() -> None:
    """E5: a streamify handler that goes on after `end` is stopped; its client had everything."""
    ended = asyncio.Event()

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.end("all")
        ended.set()
        await asyncio.Event().wait()

    run = await time_out(handler, lambda sink: ended.is_set() and sink.ending)
    assert outcomes(run.transcript) == ("timed_out", "complete")
    assert (run.sink.chunks, run.sink.ending) == ([b"all"], Ending.ENDED)


@pytest.mark.parametrize("after", [0, 1])
async def test_e5_what_a_handler_raises_while_it_is_stopped_does_not_replace_the_timeout(after: int) -> None:
    """E5: an error out of `finally` is a note; code, outcome and response are those of the timeout."""
    here = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        for number in range(after):
            yield str(number)
        try:
            here.set()
            await asyncio.Event().wait()
        finally:
            raise ValueError("in finally")

    run = await time_out(handler, lambda _: here.is_set())
    assert run.sink.head is not None
    assert run.sink.head.status == (200 if after else 502)
    assert run.transcript.handler == "timed_out"
    assert run.transcript.error is not None
    assert run.transcript.error.code == "app.timeout"
    assert run.transcript.notes == ("the handler raised while it was being stopped: ValueError: in finally",)


async def test_e5_a_body_that_catches_its_cancelling_and_goes_on_is_closed_at_its_next_chunk() -> None:
    """E5: what it yields after the timeout never reaches the sink."""
    here = asyncio.Event()
    log: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "0"
        try:
            here.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("caught")
        try:
            yield "1"
            log.append("went on")
        finally:
            log.append("closed")

    run = await time_out(handler, lambda _: here.is_set())
    assert log == ["caught", "closed"]
    assert run.sink.chunks == [b"0"]
    assert run.transcript.delivery == "cut"


@pytest.mark.parametrize("after", [0, 1])
async def test_e5_a_streamify_handler_that_catches_its_cancelling_gets_the_timeout_from_every_call(after: int) -> None:
    """E5: `write` and `end` raise FunctionTimeout once the time is over."""
    here = asyncio.Event()
    log: list[str] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        for number in range(after):
            await stream.write(str(number))
        try:
            here.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            calls: tuple[Callable[[], object], ...] = (lambda: stream.write("more"), stream.end)
            for call in calls:
                with pytest.raises(FunctionTimeout):
                    call()
                log.append("refused")

    run = await time_out(handler, lambda _: here.is_set())
    assert log == ["refused", "refused"]
    assert run.transcript.handler == "timed_out"
    assert run.sink.chunks == [b"0" if after else b"Internal Server Error"]


async def test_e5_a_handler_that_answers_after_its_time_is_not_heard() -> None:
    """E5: the 502 stays the only response, also when a caught cancelling is followed by a return."""
    here = asyncio.Event()

    async def handler(event: Any, context: Any) -> Any:
        try:
            here.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return StreamingResponse(iter(["too late"]))

    run = await time_out(handler, lambda _: here.is_set())
    assert run.sink.chunks == [b"Internal Server Error"]
    assert run.transcript.handler == "timed_out"
