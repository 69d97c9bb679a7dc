"""The virtual loop: nothing takes time, everything keeps its order."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import anyio
import pytest

from apptheory_streaming.errors import LoopError
from apptheory_testkit.virtual_time.clock import VirtualClock
from apptheory_testkit.virtual_time.loop import CurrentClock, VirtualLoop, virtual_now

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def now() -> float:
    """Seconds since the loop that runs began."""
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("count", [12, 500])
def test_sleeps_with_one_deadline_wake_in_the_order_in_which_they_were_set(count: int) -> None:
    """D1: asyncio's own heap scrambles timers of one moment."""

    async def main() -> list[int]:
        woken: list[int] = []

        async def sleeper(number: int) -> None:
            await asyncio.sleep(5)
            woken.append(number)

        await asyncio.gather(*map(sleeper, range(count)))
        return woken

    assert run(main()) == list(range(count))


def test_timers_that_were_set_at_other_moments_keep_their_order_too() -> None:
    """D1: what counts is when a timer was set, for `call_later` and `call_at` alike."""

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        fired: list[str] = []
        loop.call_later(3, fired.append, "a")
        loop.call_at(3, fired.append, "b").cancel()
        loop.call_at(3, fired.append, "c")
        await asyncio.sleep(1)
        loop.call_later(2, fired.append, "d")
        loop.call_later(1, fired.append, "first")
        await asyncio.sleep(5)
        return fired

    assert run(main()) == ["first", "a", "c", "d"]


def test_it_holds_for_400_days() -> None:
    """A float of that size is coarser than the loop's usual resolution, and a timer would never be due."""

    async def main() -> float:
        await asyncio.sleep(86400 * 400)
        await asyncio.sleep(0.001)
        return now()

    assert run(main()) == pytest.approx(86400 * 400 + 0.001)


def test_ten_thousand_sleeps_do_not_drift() -> None:
    """D1: each is rounded up to a nanosecond at most."""

    async def main() -> float:
        for _ in range(10_000):
            await asyncio.sleep(0.1)
        return now()

    assert run(main()) == pytest.approx(1000, abs=1e-4)


def test_everything_that_waits_moves_together() -> None:
    """D1: `call_later`, `timeout`, `wait_for`, queues and anyio see one clock."""

    async def main() -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []
        items: asyncio.Queue[int] = asyncio.Queue()
        asyncio.get_running_loop().call_later(2, items.put_nowait, 1)
        await items.get()
        seen.append(("queue", now()))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await items.get()
        seen.append(("timeout", now()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(items.get(), 0.5)
        seen.append(("wait_for", now()))
        with anyio.move_on_after(10) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        seen.append(("anyio", now()))
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 3)
            group.start_soon(anyio.sleep, 4)
        seen.append(("group", now()))
        return seen

    expected = [("queue", 2), ("timeout", 7), ("wait_for", 7.5), ("anyio", 17.5), ("group", 21.5)]
    assert [(name, round(at, 6)) for name, at in run(main())] == expected


def test_what_is_ready_runs_before_the_clock_moves() -> None:
    """200 hops between tasks are not a reason to believe that nothing goes on."""

    async def main() -> float:
        async def hop(left: int) -> float:
            return await asyncio.create_task(hop(left - 1)) if left else now()

        alarm = asyncio.create_task(asyncio.sleep(1))
        at = await hop(200)
        alarm.cancel()
        return at

    assert run(main()) == 0


def test_work_in_a_thread_holds_the_clock() -> None:
    """The timer waits for the thread, which the timer's rival ends; were time to jump, 'timer' would be first."""

    async def main() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        order: list[str] = []
        gate = threading.Event()
        loop.call_later(1, order.append, "timer")

        def work() -> None:
            loop.call_soon_threadsafe(order.append, "thread")
            loop.call_soon_threadsafe(gate.set)
            assert gate.wait(30)

        await asyncio.to_thread(work)
        at = now()
        await asyncio.sleep(2)
        return order, at

    assert run(main()) == (["thread", "timer"], 0)


def test_after_the_work_the_clock_goes_on() -> None:
    """Also when the work raised, and when nobody waits for it any more."""

    async def main() -> float:
        def fail() -> None:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await asyncio.to_thread(fail)
        asyncio.get_running_loop().run_in_executor(None, int).cancel()
        await asyncio.sleep(7)
        return now()

    assert run(main()) == 7


@pytest.mark.parametrize("size", [10, 300_000])
def test_sockets_of_one_loop_work_while_time_flies(size: int) -> None:
    """D1: what one end sent is there before the clock moves, in every one of twenty runs."""

    async def main() -> list[float]:
        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(4):
                writer.write(b"x" * size)
                await writer.drain()
                await asyncio.sleep(30)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(host, port)
        times: list[float] = []
        for _ in range(4):
            await reader.readexactly(size)
            times.append(now())
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return times

    runs = [run(main()) for _ in range(20)]

    assert runs == [[0, 30, 60, 90]] * 20


def test_closing_leaves_nothing_open() -> None:
    """Warnings are errors here, so a selector or a socket that was left would fail the run; closing twice is fine."""
    loop = VirtualLoop()
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()
    loop.close()

    assert loop.is_closed()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_later(1, print)


def test_it_runs_on_the_clock_that_it_is_given() -> None:
    """Two runs of one loop go on where the first ended."""
    clock = VirtualClock()
    loop = VirtualLoop(clock)
    try:
        loop.run_until_complete(asyncio.sleep(1))
        loop.run_until_complete(asyncio.sleep(2))
    finally:
        loop.close()

    assert clock.now == 3


def test_generators_are_closed_at_the_end_of_a_runner() -> None:
    """A generator that sleeps in its `finally` has the time for it."""
    seen: list[float] = []

    async def main() -> None:
        async def chunks() -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                await asyncio.sleep(3)
                seen.append(now())

        leftover = chunks()
        await anext(leftover)
        kept.append(leftover)

    kept: list[AsyncIterator[int]] = []
    run(main())

    assert seen == [3]


def test_the_clock_of_the_running_loop() -> None:
    """`advance` lets everything happen that falls into it, what is due at its very end too."""

    async def main() -> tuple[float, list[float]]:
        clock = CurrentClock()
        fired: list[float] = []

        def note() -> None:
            fired.append(clock.now)

        for delay in (1, 2, 3):
            asyncio.get_running_loop().call_later(delay, note)
        await clock.advance(2)
        return clock.now, fired

    assert run(main()) == (2, [1, 2])


def _of_a_clock(clock: CurrentClock) -> float:
    return clock.now


async def test_on_any_other_loop_there_is_no_virtual_time() -> None:
    """D3: of real time a capture takes none."""
    assert virtual_now()() is None
    with pytest.raises(LoopError, match="no virtual loop is running"):
        _of_a_clock(CurrentClock())


def test_without_a_loop_there_is_no_virtual_time() -> None:
    """The message says where the clock can be used."""
    read: Callable[[CurrentClock], float] = _of_a_clock

    with pytest.raises(LoopError, match="inside an async test"):
        read(CurrentClock())
