"""`time.sleep` in virtual time: in the threads of sync handlers, and nowhere else."""

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from time import sleep
from typing import Any, TypeVar

import pytest

from apptheory_streaming.threads import HandlerThread
from apptheory_testkit.virtual_time.loop import VirtualLoop
from apptheory_testkit.virtual_time.rebinding import REAL_TIME
from apptheory_testkit.virtual_time.sleep import virtual_sleep
from apptheory_testkit.virtual_time.wall import WallKind, make_wall

_T = TypeVar("_T")


def run(main: Callable[[], Awaitable[_T]], kind: WallKind | None = None) -> _T:
    """Run on a virtual loop of its own."""

    async def call() -> _T:
        return await main()

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(wall=make_wall(kind))) as runner:
        return runner.run(call())


async def in_thread(function: Callable[[], _T]) -> _T:
    """Run on a thread of ours, as a sync handler."""
    thread = HandlerThread()
    try:
        return await thread.run(function)
    finally:
        thread.close()


@pytest.mark.parametrize("kind", list(WallKind))
@pytest.mark.parametrize("early", [False, True], ids=["time.sleep", "from time import sleep"])
def test_a_handler_sleeps_on_the_virtual_clock(kind: WallKind, early: bool) -> None:
    """D1: an hour takes no time, and all of it passes."""

    def handler() -> None:
        (sleep if early else time.sleep)(3600)

    async def main() -> float:
        await in_thread(handler)
        return asyncio.get_running_loop().time()

    assert run(main, kind) == 3600


def test_the_loop_runs_on_while_a_handler_sleeps() -> None:
    """D1: a sleeping thread is no work, so what falls into its sleep happens first."""

    async def main() -> list[tuple[str, float]]:
        loop, seen = asyncio.get_running_loop(), []

        def note(what: str) -> None:
            seen.append((what, loop.time()))

        loop.call_later(1, note, "before")
        loop.call_later(3, note, "after")
        await in_thread(lambda: time.sleep(2))
        note("slept")
        await asyncio.sleep(2)
        return seen

    assert run(main) == [("before", 1), ("slept", 2), ("after", 3)]


def test_sleepers_wake_in_the_order_of_their_moments() -> None:
    """D1: each at its own, whichever thread was started first; what each sees then is its moment."""

    async def main() -> list[tuple[int, float]]:
        woken: list[tuple[int, float]] = []
        begin = time.monotonic()

        def handler(seconds: int) -> None:
            for _ in range(2):
                time.sleep(seconds)
                woken.append((seconds, time.monotonic() - begin))

        await asyncio.gather(*(in_thread(lambda s=seconds: handler(s)) for seconds in (5, 1, 4, 7)))  # type: ignore[misc]
        return woken

    expected = [(1, 1), (1, 2), (4, 4), (5, 5), (7, 7), (4, 8), (5, 10), (7, 14)]
    assert [run(main) for _ in range(5)] == [expected] * 5


@pytest.mark.parametrize(
    ("seconds", "error"),
    [
        (-1, ValueError),
        (-0.5, ValueError),
        (float("nan"), ValueError),
        (float("inf"), OverflowError),
        (1e300, OverflowError),
        ("1", TypeError),
        (None, TypeError),
    ],
)
def test_what_time_sleep_refuses_is_refused_too(seconds: Any, error: type[Exception]) -> None:
    """With the same kind of error, in the handler, and the clock does not move."""
    with pytest.raises(error):
        REAL_TIME.sleep(seconds)

    def handler() -> str:
        with pytest.raises(error):
            time.sleep(seconds)
        return "went on"

    async def main() -> tuple[str, float]:
        return await in_thread(handler), asyncio.get_running_loop().time()

    assert run(main) == ("went on", 0)


def test_what_time_sleep_takes_is_taken() -> None:
    """Whole numbers of any kind, and 0."""

    class Two:
        def __index__(self) -> int:
            return 2

    def handler() -> None:
        for seconds in (True, 0, 0.0, 3, Two()):
            time.sleep(seconds)

    async def main() -> float:
        await in_thread(handler)
        return asyncio.get_running_loop().time()

    assert run(main) == 6


@pytest.mark.parametrize("where", ["a plain thread", "a thread of asyncio", "the loop's own thread"])
def test_all_other_threads_sleep_really(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test starts by itself is its own; a sleep on the loop blocks it, in virtual time as in real time."""
    slept: list[float] = []
    monkeypatch.setattr(REAL_TIME, "sleep", slept.append)

    async def main() -> float:
        if where == "a plain thread":
            thread = threading.Thread(target=lambda: time.sleep(0.25))
            thread.start()
            thread.join()
        elif where == "a thread of asyncio":
            await asyncio.to_thread(lambda: time.sleep(0.25))
        else:
            time.sleep(0.25)  # noqa: ASYNC251 - it is what is tested
        return asyncio.get_running_loop().time()

    assert run(main) == 0
    assert slept == [0.25]


def test_a_handler_of_a_real_loop_sleeps_really(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in production."""
    slept: list[float] = []
    monkeypatch.setattr(REAL_TIME, "sleep", slept.append)

    asyncio.run(in_thread(lambda: virtual_sleep(0.25)))

    assert slept == [0.25]


def test_outside_of_the_loop_it_is_time_sleep_itself() -> None:
    """Nothing is left in its place."""
    real = time.sleep

    async def main() -> Any:
        return time.sleep

    assert run(main) is virtual_sleep
    assert time.sleep is sleep is real


def test_a_sleep_of_the_tests_own_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that records how long a retry waits gets that, in the handler too."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    async def main() -> float:
        await in_thread(lambda: time.sleep(5))
        return asyncio.get_running_loop().time()

    assert run(main) == 0
    assert slept == [5]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_thread_that_sleeps_when_the_loop_is_closed_goes_on() -> None:
    """No timer will come for it; left asleep it would hold what it holds for ever."""
    gone_on = threading.Event()

    def handler() -> None:
        time.sleep(1000)
        gone_on.set()

    async def main() -> None:
        task = asyncio.create_task(in_thread(handler))
        await asyncio.sleep(1)
        task.cancel()

    run(main)

    assert gone_on.wait(30)


def test_where_a_thread_sleeps_is_known() -> None:
    """The line of the handler that called `sleep`, among the loop's sleepers."""
    line = sys._getframe().f_lineno + 3

    def handler() -> None:
        time.sleep(20)

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        task = asyncio.create_task(in_thread(handler))
        await asyncio.sleep(10)
        places = [str(each) for each in loop.sleepers]
        await task
        return places

    assert run(main) == [f"test_sleep.py:{line} until 20 s"]
