"""A sweep looks at what its own run began, whatever else goes on beside it on the loop."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from apptheory_streaming import StreamingResponse, text_stream
from apptheory_testkit import SweepReport, stream_client
from apptheory_testkit.faults import cancel, disconnect
from apptheory_testkit.sweeping.swept_test import SweptTest
from apptheory_testkit.virtual_time.loop import VirtualLoop

Block = Callable[[], Awaitable[object]]


async def clean(event: Any, context: Any) -> AsyncIterator[str]:
    """Waits between its chunks, so that others have their turns."""
    for number in range(2):
        yield f"{number}"
        await asyncio.sleep(1)


async def careless(event: Any, context: Any) -> AsyncIterator[str]:
    """Leaves a task behind where it is stopped."""
    task = asyncio.create_task(asyncio.Event().wait())
    yield "one"
    task.cancel()


def swept(test: Block, fault: Any = disconnect) -> str | None:
    """What a test finds as a sweep, in virtual time; raises what its undisturbed run raises."""

    async def main() -> str | None:
        sweep = SweptTest(fault, {})
        with sweep.undisturbed():
            await test()
        for run in sweep.runs():
            with run:
                await test()
        return sweep.problems

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


def test_e34_requests_beside_the_swept_one_are_left_alone() -> None:
    """E34: each of the two is swept in its turn while the other still runs, and comes to its end."""
    ends: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        async for chunk in clean(event, context):
            yield chunk
        await asyncio.sleep(100)
        ends.append(event["rawPath"])

    async def test() -> None:
        client = stream_client(handler)
        await asyncio.gather(client.get("/a"), client.get("/b"))

    assert swept(test, cancel) is None
    # The run as it is, and five positions of the other: before the chunks, and behind each and in the wait there.
    assert sorted(ends) == ["/a"] * (1 + 5) + ["/b"] * (1 + 5)


def test_e34_a_leak_among_others_is_still_found() -> None:
    """E34: it is the swept request's own, and one problem for each of the two."""

    async def test() -> None:
        client = stream_client(careless)
        await asyncio.gather(client.get("/a"), client.get("/b"))

    problems = swept(test, cancel)

    assert problems is not None
    lines = [line.strip().split(" waits")[0] for line in problems.splitlines()[1:]]
    found = "cancel(at=1) after chunk 0 (the last): a task is left that"
    assert lines == [f"request 1 (GET /a), {found}", f"request 2 (GET /b), {found}"]


def test_e34_tasks_of_the_test_are_left_alone() -> None:
    """E34: a task of its own that goes on starting others, before the request and during it."""
    seen: list[bool] = []

    async def test() -> None:
        subtasks: list[asyncio.Task[None]] = []

        async def background() -> None:
            while True:
                subtasks.append(asyncio.create_task(asyncio.sleep(1000)))
                await asyncio.sleep(0.25)

        running = asyncio.create_task(background())
        await stream_client(clean).get("/")
        seen.append(any(task.cancelled() for task in (running, *subtasks)))
        for task in (running, *subtasks):
            task.cancel()

    assert swept(test) is None
    assert seen == [False] * 11  # also where the client left, by both profiles


def test_e34_generators_of_the_test_are_left_alone() -> None:
    """E34: one that begins beside the request, and is not closed when that is over."""
    kept: list[AsyncIterator[int]] = []

    async def counting() -> AsyncIterator[int]:
        for number in range(1000):
            yield number
            await asyncio.sleep(0.25)

    async def test() -> None:
        async def reads() -> None:
            kept.append(counting())
            async for _ in kept[-1]:
                pass

        reading = asyncio.create_task(reads())
        await stream_client(clean).get("/")
        reading.cancel()

    assert swept(test) is None
    assert len(kept) == 11


def test_e34_what_a_test_does_inside_a_live_stream_is_left_alone() -> None:
    """E34: the block is the test's, not the handler's."""

    async def test() -> None:
        async with stream_client(clean).stream("GET", "/") as live:
            ticking = asyncio.create_task(asyncio.sleep(1000))
            chunks = [chunk async for chunk in live]
        assert len(chunks) <= 2
        assert not ticking.cancelled()
        ticking.cancel()

    assert swept(test) is None


def test_e34_a_leak_of_a_live_stream_is_found_beside_them() -> None:
    """E34: what the handler of the stream began is still its own."""

    async def test() -> None:
        async with stream_client(careless).stream("GET", "/") as live:
            ticking = asyncio.create_task(asyncio.sleep(1000))
            assert len([chunk async for chunk in live]) <= 1
        ticking.cancel()

    problems = swept(test, cancel)

    assert problems is not None
    assert problems.startswith("the sweep of this test found 1 problem in 2 runs")
    assert problems.count("a task is left") == 1


async def test_e34_two_sweeps_at_once() -> None:
    """E34: each finds its own, and nothing of it stays on the loop."""
    before = (asyncio.get_running_loop().get_task_factory(), sys.get_asyncgen_hooks())

    async def sweep_careless() -> str:
        with pytest.raises(AssertionError, match="found 1 problem in 2 runs") as raised:
            await stream_client(careless).sweep("GET", "/careless", fault=cancel)
        return str(raised.value).partition(" waits at ")[0]

    report, *messages = await asyncio.gather(
        stream_client(short).sweep("GET", "/", fault=cancel), sweep_careless(), sweep_careless()
    )

    assert report == SweepReport(runs=3, positions=3)
    assert [message.splitlines()[1] for message in messages] == [
        "  cancel(at=1) after chunk 0 (the last): a task is left that"
    ] * 2
    assert (asyncio.get_running_loop().get_task_factory(), sys.get_asyncgen_hooks()) == before
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def short(event: Any, context: Any) -> AsyncIterator[str]:
    for number in range(2):
        yield f"{number}"
        await asyncio.sleep(0)


# -- what belongs to a run ------------------------------------------------------------------------


async def starts_by_a_callback(event: Any, context: Any) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: forever.append(loop.create_task(asyncio.Event().wait())))
    await asyncio.sleep(0)
    yield "one"
    forever.pop().cancel()


async def starts_by_a_task(event: Any, context: Any) -> AsyncIterator[str]:
    async def starts() -> None:
        forever.append(asyncio.create_task(asyncio.Event().wait()))

    await asyncio.create_task(starts())
    yield "one"
    forever.pop().cancel()


def starts_from_its_thread(event: Any, context: Any) -> StreamingResponse:
    async def waits() -> None:
        await asyncio.Event().wait()

    waiting = asyncio.run_coroutine_threadsafe(waits(), loops[-1])

    def body() -> Any:
        yield "one"
        waiting.cancel()

    return text_stream(body())


async def starts_in_an_empty_context(event: Any, context: Any) -> AsyncIterator[str]:
    import contextvars

    waiting = asyncio.create_task(asyncio.Event().wait(), context=contextvars.Context())
    yield "one"
    waiting.cancel()


forever: list["asyncio.Task[Any]"] = []
loops: list[asyncio.AbstractEventLoop] = []


@pytest.mark.parametrize(
    "handler", [starts_by_a_callback, starts_by_a_task, starts_from_its_thread, starts_in_an_empty_context]
)
async def test_e34_a_task_belongs_to_the_run_that_it_began_in_by_whatever_way(handler: Any) -> None:
    """E34: a callback, another task, the thread of a sync handler."""
    loops.append(asyncio.get_running_loop())

    with pytest.raises(AssertionError, match=r"cancel\(at=1\) after chunk 0 \(the last\): a task is left that "):
        await stream_client(handler).sweep("GET", fault=cancel)

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_task_factory_of_the_test_stays_in_use() -> None:
    """It makes the tasks as before, and is there afterwards."""
    made: list[str] = []

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> "asyncio.Task[Any]":
        made.append(coro.__qualname__)
        return asyncio.Task(coro, loop=loop, **options)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    try:
        await stream_client(short).sweep("GET", fault=cancel)
        assert loop.get_task_factory() is factory
    finally:
        loop.set_task_factory(None)

    assert made.count("HandlerRun.drive") == 4


async def test_a_task_factory_that_a_handler_sets_is_left_to_it() -> None:
    """A run takes back only what it put there itself."""
    loop = asyncio.get_running_loop()
    runs: list[int] = []

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> "asyncio.Task[Any]":
        return asyncio.Task(coro, loop=loop, **options)

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        runs.append(len(runs))
        if len(runs) == 2:  # the first is undisturbed
            loop.set_task_factory(factory)
        yield "one"

    try:
        await stream_client(handler).sweep("GET", fault=cancel)
        assert loop.get_task_factory() is factory
    finally:
        loop.set_task_factory(None)


async def test_d1_a_task_that_nobody_holds_is_found_although_the_collector_runs() -> None:
    """D1: it is kept until it is looked for, and the collector is not stopped for it."""
    enabled: list[bool] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        task = asyncio.create_task(asyncio.Event().wait())
        yield "one"
        del task
        enabled.append(gc.isenabled())
        gc.collect()
        raise ValueError("late")

    with pytest.raises(AssertionError, match=r"cancel\(at=1\) after chunk 0 .*: a task is left"):
        await stream_client(handler).sweep("GET", fault=cancel)

    assert set(enabled) <= {True}
