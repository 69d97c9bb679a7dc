"""E4, E5: handlers that resist being stopped, and what is left of them: nothing that anyone hears of."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apptheory_streaming import ClientGone, HttpResponseStream, StreamingResponse, invocation, streamify_response
from apptheory_streaming.errors import FunctionTimeout, WriteAfterEnd
from apptheory_streaming.invocation import InvocationPolicy
from apptheory_streaming.wire.outcome import DeliveryKind, Ending
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit import stream_client
from running import MemorySink, invocation_of, outcomes, run_handler, until

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

TINY = InvocationPolicy(timeout=0.01)


async def cancelled(handler: Callable[..., Any], *, when: asyncio.Event, sink: MemorySink | None = None) -> Transcript:
    """Run a handler, cancel its invocation once the event is set, give the transcript."""
    running_invocation = invocation_of(handler, sink or MemorySink())
    running = asyncio.ensure_future(running_invocation.run())
    await when.wait()
    running_invocation.cancel()
    return await running


async def test_e4_a_cancelled_invocation_cuts_the_response_once() -> None:
    """E4: the sink hears `cut` after the chunks so far, and nothing else."""
    here = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "chunk"
        here.set()
        await asyncio.Event().wait()

    sink = MemorySink()
    transcript = await cancelled(handler, when=here, sink=sink)
    assert outcomes(transcript) == ("cancelled", "cut")
    assert (sink.chunks, sink.ending, sink.misuse) == ([b"chunk"], Ending.CUT, [])


async def test_e4_a_cut_that_finds_the_client_gone_is_the_clients() -> None:
    """E4: ConnectionError out of the cutting itself is an outcome, too."""
    here = asyncio.Event()

    class LosingSink(MemorySink):
        async def end(self, ending: Ending) -> DeliveryKind:
            raise ConnectionResetError

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "chunk"
        here.set()
        await asyncio.Event().wait()

    transcript = await cancelled(handler, when=here, sink=LosingSink())
    assert outcomes(transcript) == ("cancelled", "client_gone(after 5 bytes)")


async def test_e4_cancelling_twice_or_too_late_changes_nothing() -> None:
    """E4: a finished handler stays finished."""

    async def handler(event: Any, context: Any) -> Any:
        return StreamingResponse("x")

    made = invocation_of(handler, MemorySink())
    made.cancel()  # there is nothing to cancel yet
    transcript = await made.run()
    made.cancel()
    made.lose_client()
    assert outcomes(transcript) == ("ended", "complete")


async def test_e4_a_generator_that_swallows_its_cancelling_is_closed_at_its_next_chunk() -> None:
    """E4: cancelled twice or not, it does not come to write again."""
    here = asyncio.Event()
    log: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "0"
        for _ in range(3):
            try:
                here.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                log.append("swallowed")
                break
        try:
            yield "1"
            log.append("went on")
        except GeneratorExit:
            log.append("closed")
            raise

    sink = MemorySink()
    transcript = await cancelled(handler, when=here, sink=sink)
    assert log == ["swallowed", "closed"]
    assert (sink.chunks, sink.misuse) == ([b"0"], [])
    assert transcript.handler == "cancelled"
    assert transcript.notes == ()


async def test_e4_a_generator_that_ignores_its_closing_hangs_nothing() -> None:
    """E4: cancelled at a yield, it yields again instead of ending; the outcome comes all the same."""
    # asyncio itself complains of such a generator when the loop ends, and rightly.
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    here = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            here.set()
            yield "0"
        except GeneratorExit:
            yield "I stay"

    sink = MemorySink(slow=True)
    transcript = await cancelled(handler, when=here, sink=sink)
    assert outcomes(transcript) == ("cancelled", "cut")
    assert (sink.chunks, sink.misuse) == ([b"0"], [])


async def test_e4_a_handler_that_answers_after_its_cancelling_writes_nothing() -> None:
    """E4: neither a head nor an error response may follow the cut."""
    for finish in ("return", "raise", "sync body"):
        here = asyncio.Event()

        async def handler(event: Any, context: Any) -> Any:
            try:
                here.set()  # noqa: B023 - used within the round
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if finish == "raise":  # noqa: B023
                    raise ValueError("instead") from None
                return StreamingResponse("late" if finish == "return" else iter(["late"]))  # noqa: B023

        sink = MemorySink()
        transcript = await cancelled(handler, when=here, sink=sink)
        assert (sink.head, sink.chunks, sink.ending, sink.misuse) == (None, [], Ending.CUT, [])
        assert transcript.handler == "cancelled"
        assert transcript.error is None
        expected = ("the handler raised while it was being stopped: ValueError: instead",) if finish == "raise" else ()
        assert transcript.notes == expected


async def test_e4_a_streamify_handler_that_swallows_its_cancelling_gets_client_gone() -> None:
    """E4: every later call on the stream raises it; the forgotten end is no NotEnded."""
    here = asyncio.Event()
    log: list[str] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.write("0")
        try:
            here.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            calls: tuple[Callable[[], object], ...] = (lambda: stream.write("1"), lambda: stream.end("2"), stream.end)
            for call in calls:
                with pytest.raises(ClientGone):
                    call()
                log.append("refused")

    sink = MemorySink()
    transcript = await cancelled(handler, when=here, sink=sink)
    assert log == ["refused"] * 3
    assert (sink.chunks, sink.misuse) == ([b"0"], [])
    assert transcript.error is None


async def test_e4_a_handler_that_never_stops_is_left_to_itself_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """E4: the response is over; the task is kept from being collected half-way, and may end later."""
    monkeypatch.setattr(invocation, "CLEANUP_SECONDS", 0.01)
    here, let_go = asyncio.Event(), asyncio.Event()
    log: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "0"
        while not let_go.is_set():
            try:
                here.set()
                await let_go.wait()
            except asyncio.CancelledError:
                log.append("not me")
        yield "1"
        log.append("never")

    sink = MemorySink()
    transcript = await cancelled(handler, when=here, sink=sink)
    assert outcomes(transcript) == ("cancelled", "cut")
    assert transcript.notes == ("the handler did not stop within 0.01 s of being cancelled",)
    (left,) = (task for task in asyncio.all_tasks() if task is not asyncio.current_task())
    gc.collect()
    let_go.set()
    await asyncio.wait({left})
    assert log == ["not me"]
    assert (sink.chunks, sink.misuse) == ([b"0"], [])


async def test_e4_what_a_handler_left_to_itself_raises_is_heard_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """E4: no "exception was never retrieved" after the response is over, even for a BaseException."""
    monkeypatch.setattr(invocation, "CLEANUP_SECONDS", 0.01)
    here, let_go = asyncio.Event(), asyncio.Event()

    class NotForUs(BaseException):  # for nobody to catch
        pass

    async def handler(event: Any, context: Any) -> Any:
        try:
            here.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await let_go.wait()
            raise NotForUs from None

    transcript = await cancelled(handler, when=here)
    assert transcript.handler == "cancelled"
    let_go.set()
    await until(lambda: len(asyncio.all_tasks()) == 1)


async def test_e4_a_handler_that_awaits_in_finally_is_given_the_time_for_it() -> None:
    """E4: cleaning up may take turns of the loop, and other tasks."""
    here, cleaned = asyncio.Event(), asyncio.Event()

    async def clean() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        cleaned.set()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            yield "chunk"
            here.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.ensure_future(clean())

    await cancelled(handler, when=here)
    assert cleaned.is_set()


async def test_e4_cancelling_the_caller_cancels_and_cleans_up_the_handler() -> None:
    """E4: `asyncio.timeout` around a call, or a task group that gives up, stops the handler too."""
    here = asyncio.Event()
    log: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            yield "chunk"
            here.set()
            await asyncio.Event().wait()
        finally:
            log.append("finally")

    calling = asyncio.ensure_future(stream_client(handler).get("/"))
    await here.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert log == ["finally"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_e4_cancelling_the_caller_does_not_wait_for_a_handler_that_resists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E4: after the time for cleaning up the caller is free."""
    monkeypatch.setattr(invocation, "CLEANUP_SECONDS", 0.01)
    here, let_go = asyncio.Event(), asyncio.Event()

    async def handler(event: Any, context: Any) -> Any:
        here.set()
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    calling = asyncio.ensure_future(stream_client(handler).get("/"))
    await here.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    let_go.set()
    await until(lambda: len(asyncio.all_tasks()) == 1)


async def test_e4_tasks_that_a_handler_started_can_still_be_refused() -> None:
    """E4: a task of its own that writes after the cancelling gets ClientGone, not a broken response."""
    here = asyncio.Event()
    outcome: list[BaseException] = []
    writers: list[asyncio.Task[None]] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        async def write_later() -> None:
            await go_on.wait()
            try:
                await stream.write("too late")
            except ClientGone as error:
                outcome.append(error)

        writers.append(asyncio.ensure_future(write_later()))
        await stream.write("0")
        here.set()
        await asyncio.Event().wait()

    go_on = asyncio.Event()
    sink = MemorySink()
    await cancelled(handler, when=here, sink=sink)
    go_on.set()
    await writers[0]
    assert [type(error) for error in outcome] == [ClientGone]
    assert (sink.chunks, sink.misuse) == ([b"0"], [])


async def test_f4_a_stream_kept_beyond_its_handler_refuses_to_write() -> None:
    """F4: writing to the stream of a finished response is WriteAfterEnd, and changes nothing."""
    kept: list[HttpResponseStream] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        kept.append(stream)
        await stream.end("all")

    run = await run_handler(handler)
    with pytest.raises(WriteAfterEnd):
        kept[0].write("more")
    assert run.sink.misuse == []


async def test_e4_nothing_of_a_finished_response_is_kept_alive() -> None:
    """E4: handler, body and context of ended and cancelled invocations can all be collected."""

    class Probe:
        pass

    async def stuck(event: Any, context: Any) -> AsyncIterator[str]:
        yield "chunk"
        await asyncio.Event().wait()

    async def quick(event: Any, context: Any) -> AsyncIterator[str]:
        yield "chunk"

    def sync(event: Any, context: Any) -> Any:
        return StreamingResponse(iter(["chunk"]))

    probes: list[weakref.ref[Probe]] = []
    for handler, timeout in ((stuck, 0.01), (quick, 900.0), (sync, 900.0)):
        event = Probe()
        probes.append(weakref.ref(event))
        policy = InvocationPolicy(timeout=timeout)
        made = invocation_of(handler, MemorySink(), policy=policy, event=event)
        del event
        await made.run()
        del made
    for thread in threading.enumerate():
        if thread.name == "handler":
            thread.join(10)
    await asyncio.sleep(0)
    gc.collect()
    assert [probe() for probe in probes] == [None, None, None]


@pytest.mark.parametrize("number", range(0, 40, 3))
async def test_e4_cancelling_at_any_turn_of_the_loop_ends_the_sink_exactly_once(number: int) -> None:
    """E4: wherever the cancelling falls, before the head, between chunks, at the end: one end, no chunk after it."""
    log: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            await asyncio.sleep(0)
            for chunk in range(6):
                yield str(chunk)
                await asyncio.sleep(0)
        finally:
            log.append("finally")

    sink = MemorySink()
    made = invocation_of(handler, sink)
    running = asyncio.ensure_future(made.run())
    for _ in range(number):
        await asyncio.sleep(0)
    made.cancel()
    transcript = await running
    assert sink.misuse == []
    assert sink.chunks == [b"0", b"1", b"2", b"3", b"4", b"5"][: len(sink.chunks)]
    assert sink.ending is not None
    if transcript.handler == "cancelled":
        assert transcript.delivery.kind is DeliveryKind.CUT
    else:
        assert outcomes(transcript) == ("ended", "complete")
        assert len(sink.chunks) == 6


@pytest.mark.parametrize("number", range(0, 40, 3))
@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
async def test_e4_losing_the_client_at_any_turn_of_the_loop_is_one_outcome(number: int, on_disconnect: str) -> None:
    """E4: either the response was complete, or the client is gone; counted and dropped chunks add up."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        await asyncio.sleep(0)
        for chunk in range(6):
            yield str(chunk)
            await asyncio.sleep(0)

    policy = InvocationPolicy(on_disconnect=invocation.OnDisconnect(on_disconnect))
    sink = MemorySink()
    made = invocation_of(handler, sink, policy=policy)
    running = asyncio.ensure_future(made.run())
    for _ in range(number):
        await asyncio.sleep(0)
    made.lose_client()
    transcript = await running
    assert sink.misuse == []
    assert transcript.chunk_count == len(sink.chunks)
    if transcript.handler == "ended":
        assert transcript.chunk_count + transcript.dropped_chunks == 6
    complete = transcript.delivery.kind is DeliveryKind.COMPLETE
    assert complete is (sink.ending is not None)
    assert not (complete and transcript.dropped_chunks)


async def test_e5_a_flood_that_never_waits_cannot_outrun_its_timeout() -> None:
    """E5: an endless body yields to the loop, so its timer fires."""

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        while True:
            yield b""

    run = await run_handler(handler, policy=TINY)
    assert run.transcript.handler == "timed_out"
    assert run.transcript.error is not None
    assert isinstance(run.transcript.error.exception, FunctionTimeout)


async def test_a_hundred_thousand_chunks_pass_in_one_response() -> None:
    """W1: number and bytes are counted exactly, from a thread and from the loop."""

    async def with_await(event: Any, context: Any) -> AsyncIterator[bytes]:
        for _ in range(100_000):
            yield b"x"

    for handler in (with_await, lambda event, context: (b"x" for _ in range(100_000))):
        capture = await stream_client(handler).get("/")
        assert len(capture.chunks) == capture.transcript.chunk_count == capture.transcript.body_bytes == 100_000
