"""Sync handlers: their thread."""

import asyncio
import contextvars
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest

from apptheory_streaming import StreamingResponse
from apptheory_streaming.threads import HandlerThread
from apptheory_testkit import stream_client
from running import MemorySink, invocation_of, until

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

LAST_WRITER: contextvars.ContextVar[str] = contextvars.ContextVar("LAST_WRITER", default="nobody")


async def test_thread_bound_objects_work_across_handler_and_generator() -> None:
    """R1: a sqlite3 connection opened by the handler is used and closed by its generator."""

    def handler(event: Any, context: Any) -> Any:
        connection = sqlite3.connect(":memory:")
        connection.execute("create table row (name text)")
        connection.executemany("insert into row values (?)", [("one",), ("two",)])

        def rows() -> Iterator[str]:
            try:
                for (name,) in connection.execute("select name from row"):
                    yield name
            finally:
                connection.close()

        return StreamingResponse(rows())

    capture = await stream_client(handler).get("/")
    assert (capture.error, capture.chunks) == (None, [b"one", b"two"])


async def test_what_cannot_be_read_is_closed_on_the_thread_where_it_belongs() -> None:
    """R4: a started generator whose head is impossible still closes its thread-bound connection."""
    log: list[str] = []

    def handler(event: Any, context: Any) -> Any:
        connection = sqlite3.connect(":memory:")

        def rows() -> Iterator[str]:
            try:
                yield "begun"
                yield "never"
            finally:
                connection.close()
                log.append("closed")

        body = rows()
        next(body)
        return StreamingResponse(body, status=99)

    assert (await stream_client(handler).get("/")).status == 502
    assert log == ["closed"]


async def test_a_handler_and_its_body_share_one_thread_which_is_not_the_loops() -> None:
    """R1: sync code never runs on the loop, async code never off it."""
    seen: dict[str, int] = {}

    def sync_body() -> Iterator[str]:
        seen["sync body"] = threading.get_ident()
        yield "x"

    async def async_body() -> AsyncIterator[str]:
        seen["async body"] = threading.get_ident()
        yield "x"

    def sync(event: Any, context: Any) -> Any:
        seen["sync"] = threading.get_ident()
        return sync_body()

    def sync_then_async(event: Any, context: Any) -> Any:
        return async_body()

    async def with_await(event: Any, context: Any) -> Any:
        seen["async"] = threading.get_ident()
        return StreamingResponse(iter(["x"]))

    for handler in (sync, sync_then_async, with_await):
        assert (await stream_client(handler).get("/")).error is None
    here = threading.get_ident()
    assert seen["sync"] == seen["sync body"] != here
    assert seen["async body"] == seen["async"] == here


async def test_a_blocked_sync_handler_does_not_block_the_loop() -> None:
    """R1: another request is answered while a handler waits in its thread, in the call and in the body."""
    in_call, in_body = threading.Event(), threading.Event()
    reached = [threading.Event(), threading.Event()]

    def blocked(event: Any, context: Any) -> Iterator[str]:
        reached[0].set()
        in_call.wait(10)

        def body() -> Iterator[str]:
            reached[1].set()
            in_body.wait(10)
            yield "at last"

        return body()

    async def quick(event: Any, context: Any) -> Any:
        return StreamingResponse("quick")

    running = asyncio.ensure_future(stream_client(blocked).get("/"))
    for here, gate in zip(reached, (in_call, in_body), strict=True):
        await until(here.is_set)
        assert (await stream_client(quick).get("/")).chunks == [b"quick"]
        assert not running.done()
        gate.set()
    assert (await running).chunks == [b"at last"]


async def test_no_thread_is_started_for_an_async_handler() -> None:
    """R1: async functions with async, list or text bodies, and streamify handlers, need none."""
    threads: list[set[str]] = []

    async def body() -> AsyncIterator[str]:
        threads.append({thread.name for thread in threading.enumerate()})
        yield "x"

    async def handler(event: Any, context: Any) -> Any:
        threads.append({thread.name for thread in threading.enumerate()})
        return StreamingResponse(event or body())

    for event in ("text", ["a", "b"], None):
        await stream_client(handler).invoke(event)
    assert all("handler" not in names for names in threads)
    assert len(threads) == 4


async def test_a_thousand_responses_leave_no_thread() -> None:
    """R1: each thread ends with its response; the fixture of this module looks again at the end."""

    def handler(event: Any, context: Any) -> Iterator[str]:
        yield "x"

    client = stream_client(handler)
    for _ in range(20):
        await asyncio.gather(*(client.get("/") for _ in range(50)))
    for thread in threading.enumerate():
        if thread.name == "handler":
            thread.join(10)
    assert "handler" not in {thread.name for thread in threading.enumerate()}


async def test_requests_at_once_have_threads_of_their_own() -> None:
    """R1: eight handlers that wait for each other all get on."""
    together = threading.Barrier(8)

    def handler(event: Any, context: Any) -> Iterator[str]:
        together.wait(10)
        yield "met"

    client = stream_client(handler)
    captures = await asyncio.gather(*(client.get("/") for _ in range(8)))
    assert [capture.chunks for capture in captures] == [[b"met"]] * 8


# -- context variables ------------------------------------------------------------------------


async def test_context_variables_of_the_caller_are_seen_in_the_thread() -> None:
    """R1: what the test set is there in the handler and in its generator; what they set stays theirs."""

    def handler(event: Any, context: Any) -> Iterator[str]:
        yield LAST_WRITER.get()
        LAST_WRITER.set("generator")
        yield LAST_WRITER.get()

    LAST_WRITER.set("test")
    assert (await stream_client(handler).get("/")).chunks == [b"test", b"generator"]
    assert LAST_WRITER.get() == "test"


def sync_body() -> Iterator[str]:
    yield LAST_WRITER.get()


async def async_body() -> AsyncIterator[str]:
    yield LAST_WRITER.get()


@pytest.mark.parametrize("body", [sync_body, async_body])
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_context_variables_set_by_the_handler_are_seen_in_its_body(kind: str, body: Callable[[], Any]) -> None:
    """R1: handler and body are one call, on whichever side of the thread each of them runs."""

    def sync(event: Any, context: Any) -> Any:
        LAST_WRITER.set("handler")
        return body()

    async def with_await(event: Any, context: Any) -> Any:
        LAST_WRITER.set("handler")
        return body()

    assert (await stream_client(sync if kind == "sync" else with_await).get("/")).chunks == [b"handler"]
    assert LAST_WRITER.get() == "nobody"


# -- the thread by itself ----------------------------------------------------------------------


async def test_a_call_that_comes_too_late_is_given_up_with_what_it_returned() -> None:
    """E4: a coroutine that a sync handler makes after it was cancelled is closed, never left unawaited."""
    gate = threading.Event()
    discarded: list[object] = []
    thread = HandlerThread()

    def slow() -> str:
        gate.wait(10)
        return "too late"

    waiting = asyncio.ensure_future(thread.run(slow, discard=discarded.append))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    thread.close()
    gate.set()
    await until(lambda: discarded)
    assert discarded == ["too late"]
    with pytest.raises(RuntimeError, match="takes no more calls"):
        await thread.run(slow)


async def test_a_call_that_ends_in_the_turn_of_its_cancelling_is_given_up_too() -> None:
    """E4: the result is there, nobody takes it: it is discarded all the same."""
    discarded: list[object] = []
    thread = HandlerThread()
    done = threading.Event()

    def quick() -> str:
        done.set()
        return "result"

    waiting = asyncio.ensure_future(thread.run(quick, discard=discarded.append))
    await asyncio.sleep(0)
    assert done.wait(10)
    for worker in threading.enumerate():
        if worker.name == "handler":
            thread.close()
            worker.join(10)  # its result is now in the loop's hands, and not yet in the task's
    asyncio.get_running_loop().call_soon(waiting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert discarded == ["result"]


@pytest.mark.parametrize("make", ["coroutine", "generator", "response"])
async def test_a_cancelled_sync_handler_leaves_nothing_open(make: str) -> None:
    """E4: whatever it returns after its time, a coroutine, a generator or a response with a file-like body."""
    called, gate, closed = threading.Event(), threading.Event(), threading.Event()

    async def never() -> None:
        raise AssertionError

    class Body:
        def __iter__(self) -> Iterator[str]:
            return self

        def __next__(self) -> str:
            raise StopIteration

        def close(self) -> None:
            closed.set()

    def handler(event: Any, context: Any) -> Any:
        called.set()
        gate.wait(10)
        made: dict[str, Callable[[], Any]] = {
            "coroutine": never,
            "generator": Body,
            "response": lambda: StreamingResponse(Body()),
        }
        return made[make]()

    invocation = invocation_of(handler, MemorySink())
    running = asyncio.ensure_future(invocation.run())
    await until(called.is_set)
    invocation.cancel()
    assert (await running).handler == "cancelled"
    gate.set()
    if make != "coroutine":
        await until(closed.is_set)


def test_a_thread_that_outlives_its_loop_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """E4, E5: a sync handler that sleeps while the loop is closed is a daemon, and raises nothing anywhere."""
    reached, gate, over = threading.Event(), threading.Event(), threading.Event()
    daemons: list[bool] = []
    errors: list[object] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)

    def handler(event: Any, context: Any) -> Iterator[str]:
        try:
            yield "first"
            daemons.append(threading.current_thread().daemon)
            reached.set()
            gate.wait(10)
            yield "second"
        finally:
            over.set()

    async def leave() -> None:
        calling = asyncio.ensure_future(stream_client(handler).get("/"))
        await until(reached.is_set)
        calling.cancel()
        await asyncio.wait({calling})

    asyncio.run(leave())
    gate.set()
    assert over.wait(10)
    for thread in threading.enumerate():
        if thread.name == "handler":
            thread.join(10)
    assert errors == []
    assert daemons == [True]


def test_a_result_for_a_closed_loop_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """E4: when even the waiting was left behind, the thread gives up its result and ends quietly."""
    gate = threading.Event()
    discarded: list[object] = []
    errors: list[object] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)

    def slow() -> str:
        gate.wait(10)
        return "too late"

    async def begin() -> Coroutine[Any, Any, str]:
        waiting = HandlerThread().run(slow, discard=discarded.append)
        waiting.send(None)
        return waiting

    waiting = asyncio.run(begin())
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "handler":
            thread.join(10)
    waiting.close()
    assert (errors, discarded) == ([], ["too late"])
