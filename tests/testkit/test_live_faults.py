"""Faults of a live stream: the client is the test, so what counts is what the test has taken."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from apptheory_testkit import StreamCapture
from apptheory_testkit.faults import cancel, deadline, disconnect, seconds, slow_reader, stall
from apptheory_testkit.virtual_time.loop import VirtualLoop
from disturbed import KINDS, Steps, virtual_client

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def run(main: Coroutine[Any, Any, StreamCapture]) -> StreamCapture:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


async def take_all(steps: Steps, kind: str, fault: Any, taken: list[tuple[float, bytes]], **options: Any) -> Any:
    """Take what there is, and write down when."""
    now = asyncio.get_running_loop().time
    async with virtual_client(steps.handler(kind), **options).stream("GET", fault=fault) as live:
        async for chunk in live:
            taken.append((now(), chunk))  # noqa: PERF401 - one by one, so that a cut leaves those that came
    return live.capture


@EVERY_KIND
@pytest.mark.parametrize("at", range(5))
def test_e4_the_stream_ends_when_so_many_chunks_were_taken(kind: str, at: int) -> None:
    """E4: `continue`; the handler runs on behind the block."""
    taken: list[tuple[float, bytes]] = []
    steps = Steps()

    capture = run(take_all(steps, kind, disconnect(at=at), taken))

    assert [chunk for _, chunk in taken] == capture.chunks == [b"no 0", b"no 1", b"no 2", b"no 3"][:at]
    assert capture.delivery_outcome == f"client_gone(after {4 * at} bytes)"
    assert capture.handler_outcome == "ended"
    assert steps.log == ["begun", "came to its end"]
    assert capture.unseen_problems() == []


@EVERY_KIND
@pytest.mark.parametrize("fault", [cancel(at=2), disconnect(at=2)], ids=str)
def test_e4_a_handler_is_cancelled_at_that_chunk(kind: str, fault: Any) -> None:
    taken: list[tuple[float, bytes]] = []

    capture = run(take_all(Steps(), kind, fault, taken, on_disconnect="cancel"))

    assert len(taken) == len(capture.chunks) == 2
    assert capture.handler_outcome == "cancelled"
    assert capture.unseen_problems() == []


def test_a_moment_in_seconds_wakes_a_test_that_waits_for_a_chunk() -> None:
    """At once, although the handler runs on."""
    times: list[float] = []

    async def main() -> StreamCapture:
        now = asyncio.get_running_loop().time
        fault = disconnect(at=seconds(1.5))
        async with virtual_client(Steps().with_await).stream("GET", fault=fault) as live:
            times.extend([now() async for _ in live])
            times.append(now())
        return live.capture

    capture = run(main())

    assert times == [0, 1, 1.5]
    assert capture.delivery_outcome == "client_gone(after 8 bytes)"
    assert capture.duration == 4


@EVERY_KIND
def test_a_slow_reader_gets_each_chunk_when_it_has_all_of_it(kind: str) -> None:
    taken: list[tuple[float, bytes]] = []

    capture = run(take_all(Steps(3), kind, [slow_reader(2), stall(at=2, seconds=10)], taken))

    assert [at for at, _ in taken] == [2, 5, 17]
    assert [chunk.delivered_at for chunk in capture.transcript.chunks] == [2, 5, 17]


def test_e5_a_deadline() -> None:
    taken: list[tuple[float, bytes]] = []

    capture = run(take_all(Steps(), "async", deadline(1.5), taken))

    assert (len(taken), capture.unseen_problems()) == (2, [])
    assert capture.handler_outcome == "timed_out"


def test_a_fault_whose_moment_never_comes_is_noted() -> None:
    capture = run(take_all(Steps(1), "async", disconnect(at=3), []))

    assert capture.notes == ["disconnect(at=3) did not happen: the response was over before"]


def test_d1_every_run_is_the_same() -> None:
    """D1: 100 times, on threads too."""
    for kind in KINDS:
        for fault in (disconnect(at=2), cancel(at=seconds(1.5)), slow_reader(3)):
            captures = [run(take_all(Steps(), kind, fault, [])) for _ in range(9)]
            assert all(capture == captures[0] for capture in captures)


# -- several tasks that take chunks ---------------------------------------------------------------


async def pairs(steps: Steps, kind: str, fault: Any, taken: list[list[bytes]]) -> StreamCapture:
    """Let two tasks take chunks until there are no more."""
    async with virtual_client(steps.handler(kind)).stream("GET", fault=fault) as live:

        async def take() -> list[bytes]:
            return [chunk async for chunk in live]

        taken.extend(await asyncio.gather(take(), take()))
    return live.capture


@EVERY_KIND
@pytest.mark.parametrize("fault", [slow_reader(2), stall(at=1, seconds=10), None], ids=str)
def test_two_tasks_that_read_one_stream_share_its_chunks(kind: str, fault: Any) -> None:
    """In turns, at the pace of the one client; the end is the end for both, and no sooner."""
    taken: list[list[bytes]] = []
    alone: list[tuple[float, bytes]] = []

    capture = run(pairs(Steps(4), kind, fault, taken))
    expected = run(take_all(Steps(4), kind, fault, alone))

    assert sorted(chunk for chunks in taken for chunk in chunks) == capture.chunks == expected.chunks
    assert all(taken)
    assert [chunk.delivered_at for chunk in capture.transcript.chunks] == [at for at, _ in alone]


def test_two_tasks_that_wait_for_a_slow_chunk_see_the_client_leave() -> None:
    """The stream ends for both."""
    taken: list[list[bytes]] = []

    capture = run(pairs(Steps(4), "async", [slow_reader(1), disconnect(at=seconds(6))], taken))

    assert taken == [[b"no 0"], []]
    assert capture.delivery_outcome == "client_gone(after 4 bytes)"


def test_a_task_that_gives_up_leaves_the_chunk_to_the_next() -> None:
    """It was not taken, and the client takes all of it anew."""

    async def main() -> StreamCapture:
        async with virtual_client(Steps(2).with_await).stream("GET", fault=slow_reader(1)) as live:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await anext(live)
            assert [chunk async for chunk in live] == [b"no 0", b"no 1"]
        return live.capture

    assert [chunk.delivered_at for chunk in run(main()).transcript.chunks] == [5, 10]
