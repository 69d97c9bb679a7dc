"""Who waits for the virtual clock, and moving it from a test."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import pytest

from apptheory_streaming.errors import UsageError
from apptheory_testkit.virtual_time.clock import END_NS
from apptheory_testkit.virtual_time.deadlock import DeadlockError
from apptheory_testkit.virtual_time.loop import CurrentClock, VirtualLoop

_T = TypeVar("_T")


def run(main: Callable[[CurrentClock], Awaitable[_T]]) -> _T:
    """Run on a virtual loop of its own."""

    async def call() -> _T:
        return await main(CurrentClock())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(call())


def here() -> int:
    """The line of the caller."""
    return sys._getframe(1).f_lineno


def test_sleepers_are_named_by_the_line_that_waits_the_next_one_first() -> None:
    """A sleep, a timeout and a callback."""
    lines: dict[str, int] = {}

    async def sleeps() -> None:
        lines["sleep"] = here() + 1
        await asyncio.sleep(5)

    async def has_a_limit() -> None:
        async with asyncio.timeout(2):
            lines["waiting"] = here() + 1
            await asyncio.sleep(9)

    def callback() -> None:
        """Be called."""

    async def main(clock: CurrentClock) -> list[tuple[float, str]]:
        tasks = [asyncio.create_task(sleeps()), asyncio.create_task(has_a_limit())]
        asyncio.get_running_loop().call_later(1, callback)
        asyncio.get_running_loop().call_later(7, callback).cancel()
        await asyncio.sleep(0)
        seen = [(each.until, each.where) for each in clock.sleepers]
        await asyncio.gather(*tasks, return_exceptions=True)
        assert clock.sleepers == []
        return seen

    seen = run(main)

    assert [until for until, _ in seen] == [1, 2, 5, 9]
    places = {until: where for until, where in seen if until != 2}
    assert places == {
        1: f"test_sleepers.py:{callback.__code__.co_firstlineno}",
        5: f"test_sleepers.py:{lines['sleep']}",
        9: f"test_sleepers.py:{lines['waiting']}",
    }


def test_nobody_waits_for_what_is_due_at_once() -> None:
    """`call_soon` and a queue have nothing to do with the clock."""

    async def main(clock: CurrentClock) -> list[Any]:
        task = asyncio.create_task(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon(print)
        await asyncio.sleep(0)
        task.cancel()
        return clock.sleepers

    assert run(main) == []


def test_d1_advancing_lets_everything_happen_up_to_and_on_that_moment() -> None:
    """D1: also timers that are set later, chains of them, and what they wake; nothing behind it."""

    async def main(clock: CurrentClock) -> tuple[list[tuple[str, float]], float]:
        loop, seen = asyncio.get_running_loop(), []

        def note(what: str) -> None:
            seen.append((what, clock.now))

        def chain(left: int) -> None:
            note(f"chain {left}")
            if left:
                loop.call_later(1, chain, left - 1)

        async def worker() -> None:
            for number in range(3):
                await asyncio.sleep(2)
                note(f"worker {number}")

        task = asyncio.create_task(worker())
        loop.call_soon(chain, 6)
        loop.call_later(4.000_01, note, "behind")
        await clock.advance(4)
        at = clock.now
        task.cancel()
        return seen, at

    seen, at = run(main)

    assert at == 4
    assert seen == [
        ("chain 6", 0),
        ("chain 5", 1),
        ("chain 4", 2),
        ("worker 0", 2),
        ("chain 3", 3),
        ("chain 2", 4),
        ("worker 1", 4),
    ]


def test_advancing_by_nothing_lets_happen_what_is_due_now() -> None:
    """Also many hops away, as after a message through some tasks."""

    async def main(clock: CurrentClock) -> tuple[list[int], float]:
        done: list[int] = []

        async def hop(left: int) -> None:
            if left:
                await asyncio.create_task(hop(left - 1))
            done.append(left)

        task = asyncio.create_task(hop(50))
        await clock.advance(0)
        seen = done.copy()
        await task
        return seen, clock.now

    assert run(main) == (list(range(51)), 0)


def test_advancing_waits_for_work_in_threads() -> None:
    """What a thread brings before the moment belongs to it."""

    async def main(clock: CurrentClock) -> list[str]:
        done: list[str] = []
        work = asyncio.create_task(asyncio.to_thread(done.append, "work"))
        await clock.advance(5)
        seen = done.copy()
        await work
        return seen

    assert run(main) == ["work"]


def test_two_may_advance_at_the_same_time() -> None:
    """Each goes on at its own moment, those of one moment in the order in which they asked."""

    async def main(clock: CurrentClock) -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []

        async def visit(name: str, seconds: float) -> None:
            await clock.advance(seconds)
            seen.append((name, clock.now))

        await asyncio.gather(visit("late", 3), visit("one", 2), visit("other", 2))
        return seen

    assert run(main) == [("one", 2), ("other", 2), ("late", 3)]


def test_who_stopped_waiting_does_not_move_the_clock() -> None:
    """An `advance` that a timeout ended is over; the deadlock after it is reported at the moment of its end."""

    async def main(clock: CurrentClock) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(clock.advance(100), 5)
        clocks.append(clock.now)
        try:
            await asyncio.Event().wait()
        finally:
            clocks.append(clock.now)

    clocks: list[float] = []
    with pytest.raises(DeadlockError):
        run(main)

    assert clocks == [5, 5]


def test_while_somebody_advances_nothing_is_a_deadlock() -> None:
    """The others wait for what the test does next; only then nothing will bring it."""

    async def main(clock: CurrentClock) -> None:
        event = asyncio.Event()
        task = asyncio.create_task(event.wait(), name="the other")
        await clock.advance(1000)
        reached.append(clock.now)
        await task

    reached: list[float] = []
    with pytest.raises(DeadlockError, match=r"waits at test_sleepers\.py"):
        run(main)

    assert reached == [1000]


@pytest.mark.parametrize("seconds", [-1, -0.001, float("nan"), float("inf"), "1", None, 1j])
def test_only_a_number_of_seconds_from_0_on_can_pass(seconds: Any) -> None:
    """The clock never goes back, and nothing happens to it."""

    async def main(clock: CurrentClock) -> float:
        with pytest.raises(UsageError, match="advances by a number of seconds, 0 or more, not by"):
            await clock.advance(seconds)
        return clock.now

    assert run(main) == 0


@pytest.mark.parametrize("seconds", [1e300, END_NS / 1e9])
def test_virtual_time_ends_with_the_year_9999(seconds: float) -> None:
    """Behind it there are no dates for `datetime.now` to give."""

    async def main(clock: CurrentClock) -> None:
        await clock.advance(seconds)

    with pytest.raises(UsageError, match="virtual time ends with the year 9999"):
        run(main)


@pytest.mark.parametrize("seconds", [float("inf"), 1e300, sys.maxsize])
def test_a_sleep_for_ever_is_no_timer(seconds: float) -> None:
    """`sleep(math.inf)` in a background task ends with its cancelling; alone it is a deadlock."""

    async def beside(clock: CurrentClock) -> float:
        task = asyncio.create_task(asyncio.sleep(seconds))
        await clock.advance(5)
        task.cancel()
        return clock.now

    async def alone(clock: CurrentClock) -> None:
        await asyncio.sleep(seconds)

    assert run(beside) == 5
    with pytest.raises(DeadlockError, match=r"waits at test_sleepers\.py"):
        run(alone)


def test_a_callback_is_not_taken_for_the_sleep_of_who_asks() -> None:
    """The running task waits for nothing, and `None` is an argument like others."""

    def callback(_: object) -> None:
        """Do nothing."""

    async def main(clock: CurrentClock) -> list[str]:
        asyncio.get_running_loop().call_later(5, callback, None)
        return [each.where for each in clock.sleepers]

    assert run(main) == [f"test_sleepers.py:{callback.__code__.co_firstlineno}"]


def test_a_timeout_and_a_sleep_of_a_library_are_named_by_the_users_line() -> None:
    lines: dict[str, int] = {}

    async def limited() -> None:
        async with asyncio.timeout(9):
            lines["timeout"] = here() + 1
            await asyncio.Event().wait()

    async def main(clock: CurrentClock) -> list[str]:
        async def sleeps() -> None:
            lines["anyio"] = here() + 1
            await anyio.sleep(3)

        tasks = [asyncio.create_task(sleeps()), asyncio.create_task(limited())]
        await clock.advance(0)
        seen = [str(each) for each in clock.sleepers]
        for task in tasks:
            task.cancel()
        return seen

    assert run(main) == [
        f"test_sleepers.py:{lines['anyio']} until 3 s",
        f"test_sleepers.py:{lines['timeout']} until 9 s",
    ]
