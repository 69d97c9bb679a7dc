"""Every way to send a request takes faults, and every run of one is the same."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.faults import (
    Fault,
    cancel,
    clock_jump,
    deadline,
    disconnect,
    limit,
    pace,
    seconds,
    slow_reader,
    stall,
)
from apptheory_testkit.virtual_time.loop import VirtualLoop
from disturbed import KINDS, Steps, virtual_client

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def test_every_way_to_send_a_request_takes_them() -> None:
    """`invoke` and the methods, async and sync."""
    steps = Steps()
    client = virtual_client(steps.with_await)
    methods = ("get", "post", "put", "patch", "delete", "options")

    async def awaited() -> list[StreamCapture]:
        captures = [await getattr(client, method)("/", fault=disconnect(at=2)) for method in methods]
        captures.append(await client.request("GET", fault=disconnect(at=2)))
        captures.append(await client.invoke({}, fault=disconnect(at=2)))
        return captures

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        captures = runner.run(awaited())
    captures += [getattr(client.sync, method)("/", fault=disconnect(at=2)) for method in methods]
    captures.append(client.sync.request("GET", fault=disconnect(at=2)))
    captures.append(client.sync.invoke({}, fault=disconnect(at=2)))

    assert {len(capture.chunks) for capture in captures} == {2}


def test_e6_a_head_request_has_only_chunk_0() -> None:
    """E6: the response is complete when its head is sent."""
    client = virtual_client(Steps().with_await).sync

    assert client.head(fault=disconnect(at=0)).delivery_outcome == "client_gone(after 0 bytes)"
    assert client.head(fault=disconnect(at=1)).delivery_outcome == "complete"


def test_chunk_moments_need_no_virtual_time() -> None:
    """Nothing about them is a time."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        yield "two"

    assert stream_client(handler).sync.get(fault=disconnect(at=1)).chunks == [b"one"]


def sync_chunks(event: Any, context: Any) -> Iterator[str]:
    """More than a thread may be ahead without faults."""
    for number in range(100):
        yield f"{number:02d}"


@pytest.mark.parametrize(
    "fault",
    [
        disconnect(at=2),
        disconnect(at=seconds(1.5)),
        cancel(at=2),
        cancel(at=seconds(1.5)),
        slow_reader(3),
        stall(at=1, seconds=10),
        stall(at=seconds(0.5), seconds=3),
        deadline(2.5),
        limit(7),
        pace(burst=5, rate=3),
        clock_jump(at=1, seconds=60),
    ],
    ids=str,
)
@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
def test_d1_every_run_of_a_fault_is_the_same(fault: Fault, on_disconnect: str) -> None:
    """D1: chunks, order, times and outcomes, 100 times; on threads too, where a run would otherwise be a race."""
    handlers: list[Callable[..., Any]] = [Steps().with_await, Steps().streamified, sync_chunks, Steps().sync]

    for handler in handlers:
        captures = [virtual_client(handler, on_disconnect=on_disconnect).sync.get(fault=fault) for _ in range(25)]
        assert all(capture == captures[0] for capture in captures)


def test_d1_short_sleeps_of_a_thread_beside_a_later_moment() -> None:
    """D1: the clock stands still between them, in every run, whatever it would move to next."""

    def handler(event: Any, context: Any) -> Iterator[str]:
        for number in range(20):
            time.sleep(0)
            yield str(number)

    client = virtual_client(handler).sync
    captures = [client.get(fault=disconnect(at=seconds(100)), headers={"x-request-id": "one"}) for _ in range(100)]

    assert len(captures[0].chunks) == 20
    assert all(capture == captures[0] for capture in captures)
