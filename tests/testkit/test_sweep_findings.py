"""What a sweep finds behind a run: tasks, generators that are not closed, threads, leaks in waits."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import HttpResponseStream, StreamingResponse, streamify_response, text_stream
from apptheory_testkit import SweepReport, stream_client
from apptheory_testkit.faults import cancel
from disturbed import KINDS, Steps, problems, virtual_client


def test_a_task_that_is_left() -> None:
    """By where it waits; the next run is not blamed for it."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        async def forgotten() -> None:
            await asyncio.Event().wait()

        task = asyncio.create_task(forgotten())
        yield "one"
        task.cancel()

    found = problems(stream_client(handler))

    assert len(found) == 1
    assert found[0].startswith("disconnect(at=1) after chunk 0 (the last), on_disconnect=cancel: a task is left that ")
    assert "waits at test_sweep_findings.py:" in found[0]


def test_a_generator_that_is_not_closed() -> None:
    """Somebody keeps it, so that it is not even collected; its `finally` did not run."""
    kept: list[object] = []

    async def lines() -> AsyncIterator[str]:
        try:
            yield "one"
            yield "two"
        finally:
            kept.clear()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        iterator = lines()
        kept.append(iterator)
        async for line in iterator:
            yield line

    found = problems(stream_client(handler), fault=cancel)

    assert [line.split(": ")[0] for line in found] == [
        "cancel(at=1) after chunk 0",
        "cancel(at=2) after chunk 1 (the last)",
    ]
    assert "a generator is not closed: it stands at test_sweep_findings.py:" in found[0]
    assert ", and the `finally` at test_sweep_findings.py:" in found[0]


def test_a_generator_that_is_let_go_is_closed_by_the_loop() -> None:
    """A body that hands on another one's items is the most usual thing, and leaves nothing."""

    async def lines() -> AsyncIterator[str]:
        try:
            yield "one"
            yield "two"
        finally:
            await asyncio.sleep(0)

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        async for line in lines():
            yield line

    assert stream_client(handler).sync.sweep("GET", fault=cancel).runs == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python's own complaint about it
def test_a_generator_that_ignores_being_closed() -> None:
    """It goes on to its next `yield`, and stays there."""

    def stubborn(event: Any, context: Any) -> Iterator[str]:
        for _ in range(2):
            try:
                yield "one"
            except GeneratorExit:
                context.function_name = "goes on"

    found = problems(stream_client(stubborn), fault=cancel)
    gc.collect()  # and complain here

    assert len(found) == 1
    assert found[0].startswith(
        "cancel(at=1) after chunk 0: a generator is not closed: it stands at test_sweep_findings.py:"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_handler(kind: str) -> None:
    """Before chunk 0, behind each of three, and in the wait behind each; threads end before they are judged."""
    steps = Steps(3)
    client = virtual_client(steps.handler(kind))

    def open_bodies() -> int:
        return steps.log.count("begun") - (len(steps.log) - steps.log.count("begun"))

    assert client.sync.sweep("GET", leaks=open_bodies) == SweepReport(runs=14, positions=7)
    assert client.sync.sweep("GET", leaks=open_bodies, fault=cancel) == SweepReport(runs=7, positions=7)


def test_a_leak_in_a_wait_is_found_in_virtual_time() -> None:
    """At a `yield` a body sees GeneratorExit; only where it waits, CancelledError."""
    held: list[int] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        held.append(1)
        try:
            await asyncio.sleep(4)
        except asyncio.CancelledError:
            raise RuntimeError("passed over held.pop()") from None
        held.pop()
        yield "two"

    found = problems(virtual_client(handler), fault=cancel, leaks=lambda: len(held))

    assert found == ["cancel(at=seconds(2)) in the wait after chunk 0: the probe was 0 before and is 1 after"]


def test_a_wait_before_the_head_is_one_too() -> None:
    held: list[int] = []

    async def handler(event: Any, context: Any) -> StreamingResponse:
        held.append(1)
        await asyncio.sleep(4)
        held.pop()
        return text_stream("x")

    found = problems(virtual_client(handler), fault=cancel, leaks=lambda: len(held))

    assert found == ["cancel(at=seconds(2)) in the wait before the first chunk: the probe was 0 before and is 1 after"]


def test_a_sync_handler_that_sleeps_is_waited_for() -> None:
    """Its thread cannot be stopped in a sleep; it cleans up at its next write, and only then it is judged."""
    held: list[int] = []

    def handler(event: Any, context: Any) -> Iterator[str]:
        held.append(1)
        try:
            yield "one"
            time.sleep(3600)
            yield "two"
        finally:
            time.sleep(60)
            held.pop()

    assert virtual_client(handler).sync.sweep("GET", leaks=lambda: len(held)).positions == 5


def test_a_streamify_handler_leaks_between_its_head_and_its_first_write() -> None:
    """F2: position 0 of it is the call of from_."""
    held: list[int] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        HttpResponseStream.from_(stream, {"statusCode": 200})
        held.append(1)
        await asyncio.sleep(0)
        try:
            await stream.write("one")
        finally:
            held.pop()
        stream.end()

    found = problems(stream_client(handler), fault=cancel, leaks=lambda: len(held))

    assert found == ["cancel(at=0) before the first chunk: the probe was 0 before and is 1 after"]


async def test_it_leaves_nothing_behind_itself() -> None:
    """What a handler left is cancelled once it is reported."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        task = asyncio.create_task(asyncio.Event().wait())
        yield "one"
        task.cancel()

    with pytest.raises(AssertionError, match="a task is left"):
        await stream_client(handler).sweep("GET", fault=cancel)

    assert asyncio.all_tasks() == {asyncio.current_task()}
