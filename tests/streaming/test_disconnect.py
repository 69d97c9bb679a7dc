"""E4: the client leaves before the response is complete."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming import ClientGone, HttpResponseStream, StreamingResponse, streamify_response
from apptheory_streaming.invocation import InvocationPolicy, OnDisconnect
from apptheory_streaming.wire.outcome import DeliveryKind, Ending
from apptheory_testkit import stream_client
from running import KINDS, MemorySink, invocation_of, outcomes, until

CANCEL = InvocationPolicy(on_disconnect=OnDisconnect.CANCEL)

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


class Bench:
    """Handlers that stop after chunk 0 until `go_on`, and say what became of them."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on_async = asyncio.Event()
        self.log: list[str] = []
        self.closed = threading.Event()

    def release(self) -> None:
        self.go_on.set()
        self.go_on_async.set()

    def handler(self, kind: str) -> Callable[..., Any]:
        made: dict[str, Callable[..., Any]] = {
            "sync": self.sync,
            "async": self.with_await,
            "streamify": self.streamified,
            "sync streamify": self.streamified_sync,
        }
        return made[kind]

    def sync(self, event: Any, context: Any) -> Any:
        def body() -> Iterator[str]:
            try:
                yield "first"
                self.go_on.wait(10)
                yield "second"
                yield "third"
                self.log.append("end")
            finally:
                self.log.append("finally")
                self.closed.set()

        return StreamingResponse(body(), status=201)

    async def with_await(self, event: Any, context: Any) -> Any:
        async def body() -> AsyncIterator[str]:
            try:
                yield "first"
                await self.go_on_async.wait()
                yield "second"
                yield "third"
                self.log.append("end")
            finally:
                await asyncio.sleep(0)  # a cancelled body may still await while it cleans up
                self.log.append("finally")
                self.closed.set()

        return StreamingResponse(body(), status=201)

    @streamify_response
    async def streamified(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        try:
            HttpResponseStream.from_(stream, {"statusCode": 201})
            await stream.write("first")
            await self.go_on_async.wait()
            await stream.write("second")
            await stream.end("third")
            self.log.append("end")
        finally:
            self.log.append("finally")
            self.closed.set()

    @streamify_response
    def streamified_sync(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        try:
            HttpResponseStream.from_(stream, {"statusCode": 201})
            stream.write("first")
            self.go_on.wait(10)
            stream.write("second")
            stream.end("third")
            self.log.append("end")
        except ClientGone:
            self.log.append("ClientGone")
            raise
        finally:
            self.log.append("finally")
            self.closed.set()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.release()


all_kinds = pytest.mark.parametrize("kind", KINDS)


@all_kinds
async def test_e4_by_default_the_handler_runs_on_to_its_end(bench: Bench, kind: str) -> None:
    """E4: as on AWS; its further chunks are counted and dropped, and that is no error of the function."""
    async with stream_client(bench.handler(kind)).stream("GET", "/") as live:
        assert await anext(live) == b"first"
        await live.disconnect()
        assert [chunk async for chunk in live] == []
        bench.release()
    capture = live.capture
    assert bench.log == ["end", "finally"]
    assert (capture.status, capture.chunks) == (201, [b"first"])
    assert capture.error is None
    assert capture.handler_outcome == "ended"
    assert capture.delivery_outcome == "client_gone(after 5 bytes)"
    assert capture.transcript.dropped_chunks == 2
    assert capture.transcript.chunk_count == 1


@pytest.mark.parametrize("kind", ["async", "streamify"])
async def test_e4_cancel_runs_the_finally_blocks_of_an_async_body(bench: Bench, kind: str) -> None:
    """E4: the body is cancelled where it waits, closed, and never comes to its end."""
    async with stream_client(bench.handler(kind), on_disconnect="cancel").stream("GET", "/") as live:
        assert await anext(live) == b"first"
        await live.disconnect()
    assert bench.log == ["finally"]
    assert live.capture.handler_outcome == "cancelled"
    assert live.capture.delivery_outcome == "client_gone(after 5 bytes)"
    assert live.capture.error is None
    assert live.capture.transcript.dropped_chunks == 0


async def test_e4_cancel_closes_a_sync_body_when_its_next_returns(bench: Bench) -> None:
    """E4: the outcome does not wait for a blocked thread; the generator is closed by its own thread."""
    async with stream_client(bench.handler("sync"), on_disconnect="cancel").stream("GET", "/") as live:
        assert await anext(live) == b"first"
        await live.disconnect()
    assert live.capture.handler_outcome == "cancelled"
    assert bench.log == []
    bench.release()
    assert bench.closed.wait(10)
    assert bench.log == ["finally"]


async def test_e4_cancel_raises_client_gone_at_the_next_write_of_a_sync_handler(bench: Bench) -> None:
    """E4: the write raises inside the handler, which can clean up."""
    async with stream_client(bench.handler("sync streamify"), on_disconnect="cancel").stream("GET", "/") as live:
        assert await anext(live) == b"first"
        await live.disconnect()
    assert live.capture.handler_outcome == "cancelled"
    bench.release()
    assert bench.closed.wait(10)
    assert bench.log == ["ClientGone", "finally"]


@all_kinds
async def test_e4_an_error_of_a_handler_whose_client_is_gone_is_still_recorded(kind: str) -> None:
    """E4, E3: the two outcomes are told apart: the client left, and later the handler failed."""
    left = asyncio.Event()
    left_sync = threading.Event()

    def sync(event: Any, context: Any) -> Iterator[str]:
        yield "first"
        left_sync.wait(10)
        raise ValueError("alone")

    async def with_await(event: Any, context: Any) -> AsyncIterator[str]:
        yield "first"
        await left.wait()
        raise ValueError("alone")

    @streamify_response
    async def streamified(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.write("first")
        await left.wait()
        raise ValueError("alone")

    @streamify_response
    def streamified_sync(event: Any, stream: HttpResponseStream, context: Any) -> None:
        stream.write("first")
        left_sync.wait(10)
        raise ValueError("alone")

    handlers: dict[str, Callable[..., Any]] = {
        "sync": sync,
        "async": with_await,
        "streamify": streamified,
        "sync streamify": streamified_sync,
    }
    async with stream_client(handlers[kind]).stream("GET", "/") as live:
        await anext(live)
        await live.disconnect()
        left.set()
        left_sync.set()
    assert live.capture.handler_outcome == "failed(app.internal)"
    assert live.capture.delivery_outcome == "client_gone(after 5 bytes)"
    assert live.capture.stream_error_code == "app.internal"


@all_kinds
async def test_e4_leaving_before_there_was_a_head_gives_neither_head_nor_error(bench: Bench, kind: str) -> None:
    """E4: nothing reached the client, and the handler still ran to its end."""
    sink = MemorySink()
    invocation = invocation_of(bench.handler(kind), sink)
    bench.release()
    invocation.lose_client(after_bytes=0)
    transcript = await invocation.run()
    assert transcript.delivery == "client_gone(after 0 bytes)"
    assert transcript.handler == "ended"
    assert transcript.dropped_chunks == 3
    assert (sink.head, sink.chunks, sink.misuse) == (None, [], [])


@all_kinds
async def test_e4_a_handler_whose_client_left_before_it_began_is_cancelled_at_once(bench: Bench, kind: str) -> None:
    """E4: with `cancel` it is not even called, or stopped where it first waits."""
    invocation = invocation_of(bench.handler(kind), MemorySink(), policy=CANCEL)
    invocation.lose_client()
    transcript = await invocation.run()
    assert outcomes(transcript) == ("cancelled", "client_gone(after 0 bytes)")
    assert "end" not in bench.log


async def test_e4_losing_the_client_twice_counts_once() -> None:
    """E4: the first notice fixes how many bytes arrived."""
    gate = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "12345"
        gate.set()
        await asyncio.Event().wait()

    invocation = invocation_of(handler, MemorySink(), policy=CANCEL)
    running = asyncio.ensure_future(invocation.run())
    await gate.wait()
    invocation.lose_client(after_bytes=3)
    invocation.lose_client(after_bytes=5)
    assert (await running).delivery == "client_gone(after 3 bytes)"


async def test_e4_a_client_that_has_everything_cannot_be_lost() -> None:
    """E4: closing the connection after a complete response neither cancels nor changes the outcome."""
    ended, may_finish = asyncio.Event(), asyncio.Event()
    log: list[str] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.end("all")
        await ended.wait()
        await may_finish.wait()
        log.append("finished")

    class EndingSink(MemorySink):
        async def end(self, ending: Ending) -> DeliveryKind:
            kind = await super().end(ending)
            asyncio.get_running_loop().call_soon(ended.set)
            return kind

    invocation = invocation_of(handler, EndingSink(), policy=CANCEL)
    running = asyncio.ensure_future(invocation.run())
    await ended.wait()
    invocation.lose_client()
    may_finish.set()
    transcript = await running
    assert log == ["finished"]
    assert outcomes(transcript) == ("ended", "complete")


@pytest.mark.parametrize("policy", [None, CANCEL], ids=["continue", "cancel"])
@pytest.mark.parametrize("where", ["drain", "end"])
async def test_e4_a_sink_that_loses_the_connection_says_that_the_client_is_gone(
    where: str, policy: InvocationPolicy | None
) -> None:
    """E4: ConnectionError out of `drain` or `end` is an outcome of the delivery, not an error."""

    class LosingSink(MemorySink):
        async def drain(self) -> None:
            if where == "drain":
                raise ConnectionResetError

        async def end(self, ending: Ending) -> DeliveryKind:
            raise BrokenPipeError

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        for _ in range(3):
            yield "chunk"

    transcript = await invocation_of(handler, LosingSink(), policy=policy).run()
    assert transcript.delivery.kind is DeliveryKind.CLIENT_GONE
    assert transcript.error is None
    assert transcript.handler == ("cancelled" if policy and where == "drain" else "ended")


async def test_a_sink_that_breaks_hangs_no_handler_and_is_heard_of() -> None:
    """E4: any other exception of a sink is a defect: the handler is stopped and the caller gets it."""

    class BrokenSink(MemorySink):
        async def drain(self) -> None:
            raise ZeroDivisionError

    log: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            while True:
                yield "chunk"
        finally:
            log.append("finally")

    with pytest.raises(ZeroDivisionError):
        await invocation_of(handler, BrokenSink()).run()
    assert log == ["finally"]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_e4_an_endless_body_without_a_client_lets_others_run_and_can_be_stopped(kind: str) -> None:
    """E4: dropped chunks obey the turn of the loop too, so a flood for nobody starves nobody."""
    count = 0

    def endless() -> Iterator[str]:
        nonlocal count
        while True:
            count += 1
            yield "x"

    async def endless_async() -> AsyncIterator[str]:
        for chunk in endless():
            yield chunk

    invocation = invocation_of(lambda *_: endless() if kind == "sync" else endless_async(), MemorySink())
    invocation.lose_client()
    running = asyncio.ensure_future(invocation.run())
    await until(lambda: count >= 1000)
    invocation.cancel()
    transcript = await running
    assert transcript.handler == "cancelled"
    assert transcript.dropped_chunks > 0
