"""Faults on the client's side of a handler: exact, in virtual time, the same in every run."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming import AppError, HttpResponseStream, StreamingResponse, streamify_response, text_stream
from apptheory_testkit import Limits, StreamCapture
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
from disturbed import KINDS, Steps, virtual_client

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def get(steps: Steps, kind: str, fault: Fault | list[Fault], **options: Any) -> StreamCapture:
    """Make a request with a fault and wait until a thread of the handler is over."""
    capture = virtual_client(steps.handler(kind), **options).sync.get(fault=fault)
    for thread in threading.enumerate():
        if thread.name == "handler":
            thread.join()
    return capture


def times(capture: StreamCapture) -> list[tuple[float | None, float | None]]:
    """When each chunk was produced and when it was delivered."""
    return [(chunk.produced_at, chunk.delivered_at) for chunk in capture.transcript.chunks]


# -- disconnect and cancel ------------------------------------------------------------------------


@EVERY_KIND
@pytest.mark.parametrize("at", range(5))
def test_e4_a_client_that_leaves_has_exactly_so_many_chunks_and_the_handler_runs_on(kind: str, at: int) -> None:
    """E4: `continue`, as on AWS; at=4 is after the last chunk, before the handler is at its end."""
    steps = Steps()

    capture = get(steps, kind, disconnect(at=at))

    assert capture.chunks == [b"no 0", b"no 1", b"no 2", b"no 3"][:at]
    assert capture.status == 201
    assert capture.delivery_outcome == f"client_gone(after {4 * at} bytes)"
    assert capture.handler_outcome == "ended"
    assert capture.transcript.dropped_chunks == 4 - at
    assert capture.duration == 4
    assert steps.log == ["begun", "came to its end"]


@EVERY_KIND
@pytest.mark.parametrize("at", range(1, 5))
def test_e4_where_it_was_asked_for_the_handler_is_cancelled_at_that_chunk(kind: str, at: int) -> None:
    """E4: `cancel`; a generator is closed at the `yield` of the chunk, and does not reach the next."""
    steps = Steps()

    capture = get(steps, kind, disconnect(at=at), on_disconnect="cancel")

    assert len(capture.chunks) == at
    assert capture.handler_outcome == "cancelled"
    assert capture.delivery_outcome == f"client_gone(after {4 * at} bytes)"
    assert capture.duration == at - 1
    left_by = {"streamify": "CancelledError", "sync streamify": "ClientGone"}.get(kind, "GeneratorExit")
    assert steps.log == ["begun", left_by]


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("fault", [disconnect(at=0), cancel(at=0)], ids=str)
def test_f1_chunk_0_is_between_the_final_head_and_the_first_chunk_asked_for(kind: str, fault: Fault) -> None:
    """F1: the body is there and never begins: closing such a generator runs no `finally`."""
    steps = Steps()

    capture = get(steps, kind, fault, on_disconnect="cancel")

    assert steps.log == []
    assert (capture.status, capture.chunks) == (201, [])
    assert capture.handler_outcome == "cancelled"
    assert [event.kind for event in capture.transcript.events] == ["finalized"]


@pytest.mark.parametrize("kind", ["streamify", "sync streamify"])
def test_f2_for_a_streamify_handler_it_is_the_call_of_from(kind: str) -> None:
    """F2: the head is final there, and the handler is stopped at the next thing it does."""
    steps = Steps()

    capture = get(steps, kind, cancel(at=0))

    assert steps.log == ["begun", "ClientGone"]
    assert (capture.status, capture.chunks, capture.duration) == (201, [], 0)


@EVERY_KIND
def test_a_cancelled_invocation_is_cut(kind: str) -> None:
    """F5: the two outcomes of it."""
    steps = Steps()

    capture = get(steps, kind, cancel(at=2))

    assert capture.chunks == [b"no 0", b"no 1"]
    assert capture.handler_outcome == "cancelled"
    assert capture.delivery_outcome == "cut"
    assert steps.log[0] == "begun"
    assert steps.log[1:] != ["came to its end"]


@EVERY_KIND
def test_a_moment_in_seconds_lies_between_two_chunks(kind: str) -> None:
    """E4: the handler is where it waits, not at a `yield`."""
    steps = Steps()

    capture = get(steps, kind, cancel(at=seconds(2.5)))

    assert len(capture.chunks) == 3
    assert capture.duration == 2.5
    if kind in ("async", "streamify"):
        assert steps.log == ["begun", "CancelledError"]


def test_seconds_count_from_the_request() -> None:
    """Not from the beginning of the clock."""

    async def main() -> StreamCapture:
        await asyncio.sleep(100)
        return await virtual_client(Steps().with_await).get(fault=disconnect(at=seconds(1.5)))

    with asyncio.Runner(loop_factory=_virtual_loop) as runner:
        assert len(runner.run(main()).chunks) == 2


def test_a_prefix_is_chunk_0() -> None:
    """R7: at=0 is before it, at=1 behind it."""

    class Response:
        status, body, is_base64 = 200, b"prefix", False
        cookies = ()

        def __init__(self) -> None:
            self.headers: dict[str, str] = {}
            self.body_stream = iter([b"rest"])

    client = virtual_client(lambda event, context: Response()).sync

    assert client.get(fault=disconnect(at=0)).chunks == []
    assert client.get(fault=disconnect(at=1)).chunks == [b"prefix"]


def test_an_early_error_is_a_response_to_leave_too() -> None:
    """E2: there is no body, so chunk 0 is where the head would be sent."""

    async def fails(event: Any, context: Any) -> None:
        raise AppError("app.conflict", "taken")

    client = virtual_client(fails).sync

    assert client.get(fault=disconnect(at=0)).delivery_outcome == "client_gone(after 0 bytes)"
    assert client.get(fault=cancel(at=seconds(1))).delivery_outcome == "complete"


def test_a_fault_whose_moment_never_comes_is_noted() -> None:
    """A test that relies on it would prove nothing."""
    capture = get(Steps(), "async", [disconnect(at=5), cancel(at=seconds(60))])

    assert capture.delivery_outcome == "complete"
    assert capture.notes == [
        "disconnect(at=5) did not happen: the response was over before",
        "cancel(at=seconds(60)) did not happen: the response was over before",
    ]


def test_writes_that_are_not_awaited_reach_the_client_one_by_one() -> None:
    """The handler may be ahead; what counts is what the client has."""

    @streamify_response
    async def ahead(event: Any, stream: HttpResponseStream, context: Any) -> None:
        for number in range(4):
            stream.write(str(number))
        stream.end()

    client = virtual_client(ahead).sync

    capture = client.get(fault=disconnect(at=2))
    slow = client.get(fault=slow_reader(1))

    assert capture.chunks == [b"0", b"1"]
    assert capture.delivery_outcome == "client_gone(after 2 bytes)"
    assert times(slow) == [(0, 1), (0, 2), (0, 3), (0, 4)]


# -- slow clients ---------------------------------------------------------------------------------


@EVERY_KIND
def test_a_slow_reader_holds_the_handler_back(kind: str) -> None:
    """A chunk of 4 bytes takes 2 seconds; then the handler goes on and waits its own second."""
    capture = get(Steps(3), kind, slow_reader(2))

    assert times(capture) == [(0, 2), (3, 5), (6, 8)]
    assert capture.delivery_outcome == "complete"


def test_l3_a_pace_lets_the_burst_through() -> None:
    """L3: 6 bytes at once, then 2 a second: of the second chunk 2 bytes wait."""
    capture = get(Steps(3), "async", pace(burst=6, rate=2))

    assert times(capture) == [(0, 0), (1, 2), (3, 5)]


def test_l3_the_pace_of_aws_is_six_megabytes_at_once_and_then_two_a_second() -> None:
    """L3: the numbers that AWS publishes."""
    mib = b"x" * 1024 * 1024

    async def export(event: Any, context: Any) -> AsyncIterator[bytes]:
        for _ in range(8):
            yield mib

    capture = virtual_client(export).sync.get(fault=pace("aws"))

    assert [delivered for _, delivered in times(capture)] == [0, 0, 0, 0, 0, 0, 0.5, 1]


def test_the_slower_of_two_counts() -> None:
    capture = get(Steps(2), "async", [slow_reader(4), pace(burst=0, rate=1)])

    assert times(capture) == [(0, 4), (5, 9)]


@EVERY_KIND
def test_a_client_that_stalls_takes_nothing_for_so_long(kind: str) -> None:
    """Behind chunk 0 until 10 s; the handler has chunk 1 ready at 1 s and waits."""
    capture = get(Steps(3), kind, stall(at=1, seconds=10))

    assert times(capture) == [(0, 0), (1, 10), (11, 11)]


def test_a_stall_in_the_middle_of_a_chunk_makes_it_so_much_later() -> None:
    capture = get(Steps(2), "async", [slow_reader(1), stall(at=seconds(3), seconds=5)])

    assert times(capture) == [(0, 9), (10, 14)]


def test_a_client_may_leave_while_it_takes_a_chunk() -> None:
    """E4: it does not have that chunk."""
    capture = get(Steps(2), "async", [slow_reader(1), disconnect(at=seconds(6))])

    assert capture.chunks == [b"no 0"]
    assert capture.delivery_outcome == "client_gone(after 4 bytes)"


# -- bounds ---------------------------------------------------------------------------------------


@EVERY_KIND
def test_e5_a_deadline_ends_the_handler(kind: str) -> None:
    """E5: late, so the response is cut."""
    capture = get(Steps(), kind, deadline(2.5))

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
    capture = get(Steps(), kind, limit(8), limits=Limits(max_request_bytes=100))

    assert capture.chunks == [b"no 0", b"no 1"]
    assert capture.stream_error_code == "app.too_large"


def test_e5_a_client_that_stalls_does_not_hold_up_the_end() -> None:
    """E5: what it had not taken is lost, and nobody waits for it."""
    capture = get(Steps(), "async", [stall(at=1, seconds=60), deadline(2)])

    assert capture.chunks == [b"no 0"]
    assert capture.delivery_outcome == "cut"
    assert capture.duration == 2


# -- clocks ---------------------------------------------------------------------------------------


def test_a_jump_of_the_clock_moves_the_wall_and_nothing_else() -> None:
    """Back by an hour when the client has chunk 0, forward by a minute at 1.5 s."""
    seen: list[tuple[float, float, float]] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        for _ in range(3):
            seen.append((time.time(), time.monotonic(), asyncio.get_running_loop().time()))
            yield "x"
            await asyncio.sleep(1)

    fault = [clock_jump(at=1, seconds=-3600), clock_jump(at=seconds(1.5), seconds=60)]
    virtual_client(handler).sync.get(fault=fault)

    wall, monotonic, loop = ([round(each - clock[0], 3) for each in clock] for clock in zip(*seen, strict=True))
    assert wall == [0, -3599, -3538]
    assert monotonic == loop == [0, 1, 2]


async def both_ways(fault: Fault) -> list[float]:
    """By how much the wall clock is off: before, a minute after a request, and a minute after a live stream."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "x"

    loop = asyncio.get_running_loop()
    client = virtual_client(handler)
    off = [time.time() - loop.time()]
    await client.get(fault=fault)
    await asyncio.sleep(60)
    off.append(time.time() - loop.time())
    async with client.stream("GET", fault=fault) as live:
        assert [chunk async for chunk in live] == [b"x"]
    await asyncio.sleep(60)
    off.append(time.time() - loop.time())
    return [round(each - off[0], 3) for each in off]


def test_nothing_happens_behind_the_end_of_a_response() -> None:
    """Its moments are the response's."""
    with asyncio.Runner(loop_factory=_virtual_loop) as runner:
        assert runner.run(both_ways(clock_jump(at=seconds(30), seconds=3600))) == [0, 0, 0]


# -- strict mode ----------------------------------------------------------------------------------


@EVERY_KIND
@pytest.mark.parametrize(
    "fault", [disconnect(at=2), cancel(at=2), cancel(at=seconds(1.5)), deadline(1.5), limit(4)], ids=str
)
def test_what_a_fault_caused_is_no_problem_of_the_handler(kind: str, fault: Fault) -> None:
    """Strict mode is for what the test did not ask for."""
    for on_disconnect in ("continue", "cancel"):
        assert get(Steps(), kind, fault, on_disconnect=on_disconnect).unseen_problems() == []


@pytest.mark.parametrize("fault", [disconnect(at=1), cancel(at=1), deadline(2.5)], ids=str)
def test_f3_a_late_mutation_before_it_still_is(fault: Fault) -> None:
    """F3: the fault is no excuse for it."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        response = text_stream(None)

        async def body() -> AsyncIterator[str]:
            response.headers["x-late"] = "1"
            yield "x"
            await asyncio.sleep(5)

        response.body = body()
        return response

    problems = virtual_client(handler).sync.get(fault=fault).unseen_problems()

    assert [problem.split(" changed")[0] for problem in problems] == ["late mutation: header 'x-late'"]


@pytest.mark.parametrize("fault", [disconnect(at=9), slow_reader(100), stall(at=1, seconds=2), limit(100)], ids=str)
def test_a_late_error_that_the_fault_did_not_cause_still_is(fault: Fault) -> None:
    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "x"
        raise ValueError("broken")

    assert virtual_client(handler).sync.get(fault=fault).unseen_problems() == [
        "late error after 1 chunk: app.internal: ValueError: broken"
    ]


# -- where they can be used -----------------------------------------------------------------------


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

    with asyncio.Runner(loop_factory=_virtual_loop) as runner:
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

    from apptheory_testkit import stream_client

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


def _virtual_loop() -> asyncio.AbstractEventLoop:
    from apptheory_testkit.loop import VirtualLoop

    return VirtualLoop()
