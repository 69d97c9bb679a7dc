"""A wall clock that is set forward or back in the middle of a response, and is right again behind it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from apptheory_streaming import StreamingResponse, text_stream
from apptheory_testkit import SweepReport
from apptheory_testkit.faults import Fault, cancel, clock_jump, seconds
from apptheory_testkit.virtual_time.loop import VirtualLoop
from disturbed import virtual_client

_T = TypeVar("_T")


def wall_error() -> Callable[[], float]:
    """Give what says by how much the wall clock is off from now on."""
    loop = asyncio.get_running_loop()
    right = time.time() - loop.time()
    return lambda: round(time.time() - loop.time() - right, 3)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


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
    """By how much the wall clock is off a minute after a request, and a minute after a live stream."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "x"

    off, client = wall_error(), virtual_client(handler)
    await client.get(fault=fault)
    await asyncio.sleep(60)
    offs = [off()]
    async with client.stream("GET", fault=fault) as live:
        assert [chunk async for chunk in live] == [b"x"]
    await asyncio.sleep(60)
    return [*offs, off()]


def test_nothing_happens_behind_the_end_of_a_response() -> None:
    """Its moments are the response's."""
    assert run(both_ways(clock_jump(at=seconds(30), seconds=3600))) == [0, 0]


# -- it is taken back -----------------------------------------------------------------------------


def test_behind_the_request_the_clock_is_right_again() -> None:
    """By all that it jumped, to the nanosecond."""
    seen: list[float] = []
    jumps = [clock_jump(at=0, seconds=0.1), clock_jump(at=1, seconds=7200.2), clock_jump(at=2, seconds=-3600)]

    async def main() -> tuple[float, int]:
        off, loop = wall_error(), asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        before = loop.clock.wall_ns - loop.clock.now_ns

        async def handler(event: Any, context: Any) -> AsyncIterator[str]:
            for _ in range(2):
                yield "x"
                await asyncio.sleep(1)
                seen.append(off())

        await virtual_client(handler).get(fault=jumps)
        return off(), loop.clock.wall_ns - loop.clock.now_ns - before

    assert run(main()) == (0, 0)
    assert seen == [7200.3, 3600.3]


def test_also_when_the_handler_is_cancelled_or_raises_what_is_no_exception() -> None:
    """The request is over whatever ends it."""

    async def fails(event: Any, context: Any) -> AsyncIterator[str]:
        yield "x"
        pytest.fail("in the handler")

    async def main() -> list[float]:
        off, client = wall_error(), virtual_client(fails)
        await client.get(fault=[clock_jump(at=0, seconds=60), cancel(at=0)])
        offs = [off()]
        with pytest.raises(pytest.fail.Exception):
            await client.get(fault=clock_jump(at=0, seconds=60))
        return [*offs, off()]

    assert run(main()) == [0, 0]


@pytest.mark.parametrize("way", ["to its end", "left", "raises", "cancelled at its beginning"])
def test_behind_a_live_stream_too(way: str) -> None:
    """However its block is left, also if it never began."""
    inside: list[float] = []

    async def waits(event: Any, context: Any) -> StreamingResponse:
        if way.startswith("cancelled"):
            await asyncio.sleep(100)
        return text_stream(["one", "two"])

    async def use(off: Callable[[], float]) -> None:
        fault = [clock_jump(at=seconds(1), seconds=60), clock_jump(at=seconds(2), seconds=60)]
        async with asyncio.timeout(1.5 if way.startswith("cancelled") else None):
            async with virtual_client(waits).stream("GET", fault=fault) as live:
                await asyncio.sleep(1.5)
                inside.append(off())
                if way == "to its end":
                    assert [chunk async for chunk in live] == [b"one", b"two"]
                elif way == "raises":
                    raise TimeoutError

    async def main() -> float:
        off = wall_error()
        try:
            await use(off)
        except TimeoutError:
            assert way in ("raises", "cancelled at its beginning")
        await asyncio.sleep(60)
        return off()

    assert run(main()) == 0
    assert inside == ([] if way.startswith("cancelled") else [60])


def test_d1_the_runs_of_a_sweep_do_not_jump_on_top_of_each_other() -> None:
    """D1: each begins with the clock as it was."""
    offs: list[float] = []

    async def main() -> tuple[SweepReport, float]:
        off = wall_error()

        async def handler(event: Any, context: Any) -> AsyncIterator[str]:
            offs.append(off())
            yield "one"
            yield "two"

        report = await virtual_client(handler).sweep("GET", fault=lambda at: clock_jump(at, 3600))
        return report, off()

    report, after = run(main())

    assert (report, after) == (SweepReport(runs=3, positions=3), 0)
    assert offs == [0, 3600, 0, 0]  # undisturbed, then behind the head, and behind each chunk


def test_two_requests_at_once_take_back_their_own() -> None:
    """The one that is over first leaves the other's as it is."""

    async def main() -> list[float]:
        off = wall_error()
        offs: list[float] = []

        async def handler(event: Any, context: Any) -> AsyncIterator[str]:
            yield "x"
            await asyncio.sleep(float(event["rawPath"][1:]))

        client = virtual_client(handler)
        async with asyncio.TaskGroup() as group:
            group.create_task(client.get("/2", fault=clock_jump(at=1, seconds=60)))
            group.create_task(client.get("/4", fault=clock_jump(at=1, seconds=3600)))
            for _ in range(3):
                await asyncio.sleep(1.5)
                offs.append(off())
        return offs

    assert run(main()) == [3660, 3600, 0]
