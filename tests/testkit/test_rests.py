"""Moments of rest on a virtual loop: behind everything else that falls on them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from apptheory_testkit.virtual_time.deadlock import DeadlockError
from apptheory_testkit.virtual_time.loop import CurrentClock, VirtualLoop
from apptheory_testkit.virtual_time.rests import MOST_RESTS

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def running() -> VirtualLoop:
    """The loop that runs now."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def test_it_comes_behind_timers_tasks_and_threads_of_its_moment() -> None:
    """D1: whatever they set off at that moment has come to an end, in the order in which rests were set."""

    async def main() -> list[str]:
        loop, order = running(), []
        loop.call_at_rest(5, lambda: order.append(f"first rest at {loop.time():g}"))
        loop.call_at_rest(5, lambda: order.append("second rest"))
        await asyncio.sleep(5)
        for number in range(3):
            await asyncio.sleep(0)
            order.append(f"turn {number}")
        await loop.run_in_executor(None, order.append, "thread")
        order.append("task")
        await asyncio.sleep(1)
        return order

    assert run(main()) == ["turn 0", "turn 1", "turn 2", "thread", "task", "first rest at 5", "second rest"]


def test_advancing_the_clock_to_its_moment_lets_it_happen() -> None:
    """D1: `advance` lets everything happen that falls into it, and nothing more."""

    async def main() -> list[list[str]]:
        loop, clock, order = running(), CurrentClock(), []
        for moment in (5, 5.5, 7):
            loop.call_at_rest(moment, lambda moment=moment: order.append(f"{moment:g}"))  # type: ignore[misc]
        await clock.advance(5)
        first = order.copy()
        await clock.advance(1)
        return [first, order]

    assert run(main()) == [["5"], ["5", "5.5"]]


def test_one_that_is_cancelled_neither_comes_nor_moves_the_clock() -> None:
    """D1: the clock stands where nothing is waited for."""
    loop = VirtualLoop()
    called: list[str] = []

    async def main() -> None:
        running().call_at_rest(5, lambda: called.append("never")).cancel()
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        with pytest.raises(DeadlockError):
            runner.run(main())
        assert (loop.time(), called) == (0, [])


@pytest.mark.parametrize(("others", "most"), [(False, MOST_RESTS + 1), (True, MOST_RESTS * 3)], ids=["alone", "beside"])
def test_alone_it_does_not_go_on_for_ever(others: bool, most: int) -> None:
    """D1: beside a timer, even a distant one, it does, and the count begins again behind that."""
    count = 0

    async def main() -> None:
        def again() -> None:
            nonlocal count
            count += 1
            running().call_at_rest(running().time() + 1, again)

        again()
        if others:
            await asyncio.sleep(MOST_RESTS * 2)
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run(main())
    assert count == most
