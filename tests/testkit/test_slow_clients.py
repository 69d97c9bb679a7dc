"""Clients that take chunks slowly, or not at all for a while, and the bounds of what a handler may use."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_streaming import StreamingResponse, text_stream
from apptheory_testkit import Limits
from apptheory_testkit.faults import (
    deadline,
    disconnect,
    limit,
    pace,
    seconds,
    slow_reader,
    stall,
)
from disturbed import KINDS, Steps, get_disturbed, times_of, virtual_client

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@EVERY_KIND
def test_a_slow_reader_holds_the_handler_back(kind: str) -> None:
    """A chunk of 4 bytes takes 2 seconds; then the handler goes on and waits its own second."""
    capture = get_disturbed(Steps(3), kind, slow_reader(2))

    assert times_of(capture) == [(0, 2), (3, 5), (6, 8)]
    assert capture.delivery_outcome == "complete"


def test_l3_a_pace_lets_the_burst_through() -> None:
    """L3: 6 bytes at once, then 2 a second: of the second chunk 2 bytes wait."""
    capture = get_disturbed(Steps(3), "async", pace(burst=6, rate=2))

    assert times_of(capture) == [(0, 0), (1, 2), (3, 5)]


def test_l3_the_pace_of_aws_is_six_megabytes_at_once_and_then_two_a_second() -> None:
    """L3: the numbers that AWS publishes."""
    mib = b"x" * 1024 * 1024

    async def export(event: Any, context: Any) -> AsyncIterator[bytes]:
        for _ in range(8):
            yield mib

    capture = virtual_client(export).sync.get(fault=pace("aws"))

    assert [delivered for _, delivered in times_of(capture)] == [0, 0, 0, 0, 0, 0, 0.5, 1]


def test_the_slower_of_two_counts() -> None:
    capture = get_disturbed(Steps(2), "async", [slow_reader(4), pace(burst=0, rate=1)])

    assert times_of(capture) == [(0, 4), (5, 9)]


@EVERY_KIND
def test_a_client_that_stalls_takes_nothing_for_so_long(kind: str) -> None:
    """Behind chunk 0 until 10 s; the handler has chunk 1 ready at 1 s and waits."""
    capture = get_disturbed(Steps(3), kind, stall(at=1, seconds=10))

    assert times_of(capture) == [(0, 0), (1, 10), (11, 11)]


def test_a_stall_in_the_middle_of_a_chunk_makes_it_so_much_later() -> None:
    capture = get_disturbed(Steps(2), "async", [slow_reader(1), stall(at=seconds(3), seconds=5)])

    assert times_of(capture) == [(0, 9), (10, 14)]


def test_a_client_may_leave_while_it_takes_a_chunk() -> None:
    """E4: it does not have that chunk."""
    capture = get_disturbed(Steps(2), "async", [slow_reader(1), disconnect(at=seconds(6))])

    assert capture.chunks == [b"no 0"]
    assert capture.delivery_outcome == "client_gone(after 4 bytes)"


# -- bounds ---------------------------------------------------------------------------------------


@EVERY_KIND
def test_e5_a_deadline_ends_the_handler(kind: str) -> None:
    """E5: late, so the response is cut."""
    capture = get_disturbed(Steps(), kind, deadline(2.5))

    assert len(capture.chunks) == 3
    assert capture.handler_outcome == "timed_out"
    assert capture.delivery_outcome == "cut"
    assert capture.stream_error_code == "app.timeout"


def test_e5_the_context_knows_the_deadline() -> None:
    """E5: it wins over the timeout of the client, for this request alone."""
    left: list[int] = []

    async def handler(event: Any, context: Any) -> StreamingResponse:
        left.append(context.get_remaining_time_in_millis())
        await asyncio.sleep(1)
        left.append(context.get_remaining_time_in_millis())
        return text_stream("x")

    client = virtual_client(handler, timeout=60).sync
    client.get(fault=deadline(2.5))
    client.get()

    assert left == [2500, 1500, 60000, 59000]


@EVERY_KIND
def test_l2_a_limit_drops_the_chunk_that_is_too_much(kind: str) -> None:
    """L2: an exact fit passes."""
    capture = get_disturbed(Steps(), kind, limit(8), limits=Limits(max_request_bytes=100))

    assert capture.chunks == [b"no 0", b"no 1"]
    assert capture.stream_error_code == "app.too_large"


@pytest.mark.parametrize("order", [1, -1], ids=["as written", "the other way"])
def test_of_several_faults_of_one_kind_the_strictest_holds(order: int) -> None:
    """E5, L2: in whatever order they are written; they stand in the place of the client's own."""
    options: dict[str, Any] = {"timeout": 1, "limits": Limits(max_response_bytes=1)}

    timed = get_disturbed(Steps(), "async", [deadline(2), deadline(3), limit(100)][::order], **options)
    limited = get_disturbed(Steps(), "async", [limit(8), limit(12), deadline(100)][::order], **options)
    slow = get_disturbed(Steps(2), "async", [slow_reader(2), slow_reader(4), pace(burst=8, rate=1)][::order])

    assert timed.handler_outcome == "timed_out"
    assert timed.duration == 2
    assert limited.chunks == [b"no 0", b"no 1"]
    assert times_of(slow) == [(0, 2), (3, 5)]


def test_e5_a_client_that_stalls_does_not_hold_up_the_end() -> None:
    """E5: what it had not taken is lost, and nobody waits for it."""
    capture = get_disturbed(Steps(), "async", [stall(at=1, seconds=60), deadline(2)])

    assert capture.chunks == [b"no 0"]
    assert capture.delivery_outcome == "cut"
    assert capture.duration == 2
