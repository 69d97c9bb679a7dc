"""The clocks of the standard library in virtual time, by either adapter."""

import asyncio
import concurrent.futures
import datetime as dt
import itertools
import pickle
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, TypeVar

import freezegun
import pytest
import time_machine
import trio
import uvloop

from apptheory_streaming.errors import UsageError
from apptheory_testkit.virtual_time import rebinding
from apptheory_testkit.virtual_time.clock import EPOCH_NS
from apptheory_testkit.virtual_time.loop import VirtualLoop
from apptheory_testkit.virtual_time.rebinding import settle
from apptheory_testkit.virtual_time.wall import FreezegunWall, RealWall, TimeMachineWall, WallKind, make_wall

_T = TypeVar("_T")

FREEZING = [WallKind.FREEZEGUN, WallKind.TIME_MACHINE]
BOTH = pytest.mark.parametrize("kind", FREEZING)
ALL = pytest.mark.parametrize("kind", list(WallKind))

EPOCH = EPOCH_NS / 1e9
DATES = {
    "datetime.now": lambda: dt.datetime.now(dt.UTC).timestamp(),
    "time.time": lambda: time.time(),  # noqa: PLW0108 - the one of that moment
    "time.time_ns": lambda: time.time_ns() / 1e9,
    "time.localtime": lambda: time.mktime(time.localtime()),
    "time.gmtime": lambda: dt.datetime(*time.gmtime()[:6], tzinfo=dt.UTC).timestamp(),
    "time.strftime": lambda: time.mktime(time.strptime(time.strftime("%Y-%m-%d %H:%M:%S"), "%Y-%m-%d %H:%M:%S")),
}
STEADY = {
    "time.monotonic": lambda: time.monotonic(),  # noqa: PLW0108
    "time.monotonic_ns": lambda: time.monotonic_ns() / 1e9,
    "time.perf_counter": lambda: time.perf_counter(),  # noqa: PLW0108
    "time.perf_counter_ns": lambda: time.perf_counter_ns() / 1e9,
}
ORIGINALS = {
    (names, name): vars(module)[name]
    for names, module in (("time", time), ("datetime", dt))
    for name in ("time", "time_ns", "monotonic", "perf_counter", "sleep", "localtime", "strftime", "datetime", "date")
    if name in vars(module)
}
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
EARLY = """
from time import time, time_ns, monotonic, monotonic_ns, perf_counter, perf_counter_ns, sleep, localtime, strftime
from datetime import date, datetime
import datetime as module, time as clock
"""


def run(kind: WallKind, *mains: Callable[[], Awaitable[_T]]) -> list[_T]:
    """Run on one virtual loop, one after the other, as pytest runs the parts of a test."""

    async def call(main: Callable[[], Awaitable[_T]]) -> _T:
        return await main()

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(wall=make_wall(kind))) as runner:
        return [runner.run(call(main)) for main in mains]


def read(clocks: dict[str, Callable[[], float]]) -> dict[str, float]:
    """What each of these clocks says."""
    return {name: clock() for name, clock in clocks.items()}


def moved(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """By how much each clock moved."""
    return {name: round(after[name] - before[name], 5) for name in before}


def bound_now() -> dict[tuple[str, str], Any]:
    """What the clocks of the standard library are now."""
    modules = {"time": time, "datetime": dt}
    return {(module, name): vars(modules[module])[name] for module, name in ORIGINALS}


numbers = itertools.count()


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the user's that bound everything early; freezegun knows modules by name and address, so a new name."""
    module = ModuleType(f"a_module_of_the_users_{next(numbers)}")
    exec(EARLY, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Any:
    """Whatever a test does, the clocks are the originals again at its end."""
    before = bound_now()
    assert before == ORIGINALS
    yield
    settle()
    assert bound_now() == before
    assert time.sleep is rebinding.REAL_TIME.sleep


@BOTH
def test_d1_all_clocks_move_by_the_same_amount(kind: WallKind) -> None:
    """D1: one counter is behind the wall clock, the steady clocks, the dates and the loop."""
    clocks = {**DATES, **STEADY, "loop": lambda: asyncio.get_running_loop().time()}

    async def main() -> dict[str, float]:
        before = read(clocks)
        await asyncio.sleep(86_403)
        return moved(before, read(clocks))

    assert run(kind, main) == [dict.fromkeys(clocks, 86_403)]


@BOTH
def test_d1_the_wall_clock_begins_in_2030_at_every_run_of_a_loop(kind: WallKind) -> None:
    """Its moment is that of the loop's clock, which goes on where the last run ended."""

    async def main() -> tuple[float, str, bool]:
        at = time.time()
        await asyncio.sleep(1.5)
        return at, f"{dt.datetime.now(dt.UTC):%F}", dt.date.today() >= dt.date(2029, 12, 31)  # noqa: DTZ011

    assert run(kind, main, main) == [(EPOCH, "2030-01-01", True), (EPOCH + 1.5, "2030-01-01", True)]


@BOTH
def test_microseconds_are_kept(kind: WallKind) -> None:
    """Of freezegun no more."""

    async def main() -> tuple[int, int]:
        await asyncio.sleep(0.123456)
        return dt.datetime.now(dt.UTC).microsecond, time.monotonic_ns() % 1_000_000_000

    assert run(kind, main) == [(123456, 123456000)]


@BOTH
def test_a_step_of_the_wall_clock_moves_the_wall_clock_only(kind: WallKind) -> None:
    """The steady clocks and the loop go on: that is what they are for."""

    async def main() -> tuple[dict[str, float], dict[str, float]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        dates, steady = read(DATES), read(STEADY)
        loop.clock.step_wall(-3600)
        return moved(dates, read(DATES)), moved(steady, read(STEADY))

    assert run(kind, main) == [(dict.fromkeys(DATES, -3600), dict.fromkeys(STEADY, 0))]


@BOTH
def test_names_that_were_bound_early_move_too(kind: WallKind, early: Any) -> None:
    """`from time import monotonic` and `from datetime import datetime`, in a second loop of the process as well."""

    def clocks() -> dict[str, float]:
        return {
            "time": early.time(),
            "time_ns": early.time_ns() / 1e9,
            "monotonic": early.monotonic(),
            "monotonic_ns": early.monotonic_ns() / 1e9,
            "perf_counter": early.perf_counter(),
            "perf_counter_ns": early.perf_counter_ns() / 1e9,
            "localtime": time.mktime(early.localtime()),
            "strftime": float(early.strftime("%S")),
            "datetime": early.datetime.now(dt.UTC).timestamp(),
            "date": float(early.date.today().toordinal()),
            "module": early.module.datetime.now(dt.UTC).timestamp(),
            "clock": early.clock.monotonic(),
        }

    async def main() -> dict[str, float]:
        before = clocks()
        await asyncio.sleep(7)
        return moved(before, clocks())

    expected = {**dict.fromkeys(clocks(), 7.0), "date": 0.0}
    names = dict(vars(early))

    assert run(kind, main) == [expected]
    assert run(kind, main) == [expected]
    assert vars(early) == names


@ALL
def test_the_names_are_the_originals_again_after_the_loop_stopped(kind: WallKind, early: Any) -> None:
    """Also when the loop stopped by an error."""
    names = dict(vars(early))

    async def main() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(kind, main)

    assert vars(early) == names


@BOTH
def test_a_module_that_was_imported_meanwhile_gets_the_originals(
    kind: WallKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It bound what stood in their place; in the next loop it moves like any other."""
    module: Any = ModuleType("imported_late")

    async def imports() -> None:
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(EARLY, vars(module))

    async def reads() -> tuple[float, float]:
        await asyncio.sleep(1)
        return module.time(), module.monotonic() - time.monotonic()

    run(kind, imports)

    assert module.datetime is dt.datetime
    assert module.monotonic is ORIGINALS["time", "monotonic"]
    assert module.time is ORIGINALS["time", "time"]
    assert module.sleep is ORIGINALS["time", "sleep"]
    assert run(kind, reads) == [(EPOCH + 1, 0)]


@BOTH
def test_what_was_kept_beyond_the_loop_shows_real_time_again(kind: WallKind) -> None:
    """A default argument or an attribute, of which nobody can know."""
    kept: dict[str, Callable[[], float]] = {}

    async def main() -> float:
        kept.setdefault("clock", time.monotonic)
        return kept["clock"]()

    (virtual,) = run(kind, main)

    before = time.monotonic()
    assert before <= kept["clock"]() <= time.monotonic()
    assert run(kind, main) == [virtual]


@BOTH
@pytest.mark.parametrize("name", ["time", "monotonic", "sleep", "datetime"])
def test_what_a_monkeypatch_binds_meanwhile_is_left_alone(kind: WallKind, name: str, early: Any) -> None:
    """What it gives back later was ours, and becomes the original again."""
    original, patch = vars(early)[name], pytest.MonkeyPatch()
    mine = object()

    async def patches() -> None:
        patch.setattr(early, name, mine)

    async def looks() -> Any:
        return vars(early)[name]

    run(kind, patches)
    assert vars(early)[name] is mine
    patch.undo()
    settle()

    assert vars(early)[name] is original
    run(kind, looks)
    assert vars(early)[name] is original


@BOTH
def test_what_a_monkeypatch_gave_back_is_put_right_by_the_next_loop(kind: WallKind, early: Any) -> None:
    """Whether or not somebody called `settle` between two tests."""
    patch = pytest.MonkeyPatch()

    async def patches() -> None:
        patch.setattr(early, "datetime", Mine)

    async def reads() -> float:
        return float(early.datetime.now(dt.UTC).timestamp())

    run(kind, patches)
    patch.undo()

    with freeze_by_freezegun():  # no adapter of ours has a hand in it
        run(kind, reads)
    assert early.datetime is dt.datetime
    assert run(kind, reads) == [EPOCH]


@BOTH
@pytest.mark.parametrize("name", ["time", "monotonic", "sleep", "datetime"])
def test_a_clock_that_a_monkeypatch_put_into_the_standard_library_stays(kind: WallKind, name: str) -> None:
    """Set before the loop runs or while it does, and taken back after it."""
    module = dt if name == "datetime" else time
    mine = Mine if name == "datetime" else lambda *_: 5

    async def looks() -> Any:
        return getattr(module, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, mine)
        assert run(kind, looks, looks) == [mine, mine]
        assert getattr(module, name) is mine
    assert bound_now() == ORIGINALS

    async def patches() -> None:
        patch.setattr(module, name, mine)

    assert run(kind, patches, looks) == [None, mine]
    assert getattr(module, name) is mine
    patch.undo()
    settle()
    assert bound_now() == ORIGINALS


class Mine(dt.datetime):
    """A class that a test puts in the place of `datetime`."""


def freeze_by_freezegun() -> Any:
    """A freeze of the user's."""
    return freezegun.freeze_time("2020-02-02")


def freeze_by_time_machine() -> Any:
    """A freeze of the user's."""
    return time_machine.travel(dt.datetime(2020, 2, 2, tzinfo=dt.UTC), tick=False)


@BOTH
@pytest.mark.parametrize("freeze", [freeze_by_freezegun, freeze_by_time_machine])
def test_a_freeze_around_the_loop_stays_the_tests_own(kind: WallKind, freeze: Callable[[], Any], early: Any) -> None:
    """The wall clock stands as the test wants it; the steady clocks are the loop's."""

    async def main() -> tuple[float, float, dict[str, float]]:
        before = read(STEADY)
        await asyncio.sleep(60)
        return early.datetime.now(dt.UTC).timestamp(), time.time(), moved(before, read(STEADY))

    asked = dt.datetime(2020, 2, 2, tzinfo=dt.UTC).timestamp()
    names = dict(vars(early))
    with freeze():
        assert run(kind, main) == [(asked, asked, dict.fromkeys(STEADY, 60))]
        assert (time.time(), early.datetime.now(dt.UTC).timestamp()) == (asked, asked)

    assert vars(early) == names


@pytest.mark.parametrize(
    ("kind", "freeze"),
    [
        (WallKind.FREEZEGUN, freeze_by_freezegun),
        (WallKind.TIME_MACHINE, freeze_by_freezegun),
        (WallKind.TIME_MACHINE, freeze_by_time_machine),
    ],
)
def test_a_freeze_that_begins_in_one_run_and_ends_in_another_is_the_tests_own(
    kind: WallKind, freeze: Callable[[], Any]
) -> None:
    """As one of an async fixture: it outlives ours, which began before it."""
    freezer = freeze()

    async def begin() -> float:
        freezer.start()
        return time.time()

    async def look() -> float:
        await asyncio.sleep(60)
        return dt.datetime.now(dt.UTC).timestamp()

    async def end() -> float:
        freezer.stop()
        return 0

    asked = dt.datetime(2020, 2, 2, tzinfo=dt.UTC).timestamp()

    assert run(kind, begin, look, end) == [asked, asked, 0]
    assert bound_now() == ORIGINALS


@BOTH
def test_a_freeze_inside_the_loop_is_for_its_block(kind: WallKind) -> None:
    """`with freeze_time(...)` in the middle of an async test."""

    async def main() -> list[int]:
        years = [dt.datetime.now(dt.UTC).year]
        with freeze_by_freezegun() if kind is WallKind.FREEZEGUN else freeze_by_time_machine():
            await asyncio.sleep(5)
            years.append(dt.datetime.now(dt.UTC).year)
        await asyncio.sleep(86400 * 366)
        return [*years, dt.datetime.now(dt.UTC).year]

    assert run(kind, main) == [[2030, 2020, 2031]]


def test_of_the_adapter_for_nothing_only_the_loop_is_virtual(early: Any) -> None:
    """The wall clock and the steady ones are the real ones."""

    async def main() -> bool:
        await asyncio.sleep(1000)
        assert asyncio.get_running_loop().time() == 1000
        return early.monotonic is ORIGINALS["time", "monotonic"] and bound_now()["time", "time"] is early.time

    assert run(WallKind.NONE, main) == [True]


@BOTH
def test_dates_can_be_pickled_and_outlive_the_loop(kind: WallKind) -> None:
    """As messages to processes and values in caches are."""

    async def main() -> tuple[dt.datetime, dt.date, bytes]:
        now, today = dt.datetime.now(dt.UTC), dt.datetime.now(dt.UTC).date()
        data = pickle.dumps((now, today))
        assert pickle.loads(data) == (now, today)
        return now, today, data

    ((now, today, data),) = run(kind, main)

    assert pickle.loads(data) == pickle.loads(pickle.dumps((now, today))) == (now, today)
    assert isinstance(now, dt.datetime)
    assert now == dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


@BOTH
def test_uuid1_takes_the_virtual_time(kind: WallKind) -> None:
    """D1: it asks the operating system, unless it is hindered."""

    async def main() -> int:
        return uuid.uuid1().time

    since_1582 = dt.datetime(2030, 1, 1, tzinfo=dt.UTC) - dt.datetime(1582, 10, 15, tzinfo=dt.UTC)
    assert run(kind, main)[0] // 10_000_000 == since_1582.total_seconds()


def limited_waits() -> list[str]:
    """What in the standard library waits with a time limit: the names of those that came to it."""
    names = []
    if not threading.Event().wait(0.01):
        names.append("event")
    condition = threading.Condition()
    with condition:
        if not condition.wait_for(lambda: False, timeout=0.01):
            names.append("wait_for")
    for waiting in (queue.Queue(), queue.SimpleQueue()):  # type: ignore[var-annotated]
        try:
            waiting.get(timeout=0.01)
        except queue.Empty:
            names.append(type(waiting).__name__)
    never: concurrent.futures.Future[None] = concurrent.futures.Future()
    try:
        never.result(timeout=0.01)
    except TimeoutError:
        names.append("future")
    names.append(f"wait {len(concurrent.futures.wait([never], timeout=0.01).not_done)}")
    try:
        next(concurrent.futures.as_completed([never], timeout=0.01))
    except TimeoutError:
        names.append("as_completed")
    return names


@BOTH
def test_threads_wait_with_limits_really(kind: WallKind) -> None:
    """Their time limits are over in real time, while the clock that the test sees stands still."""

    async def main() -> tuple[list[str], float]:
        return await asyncio.to_thread(limited_waits), time.monotonic() - 1e6

    names = ["event", "wait_for", "Queue", "SimpleQueue", "future", "wait 1", "as_completed"]
    assert run(kind, main) == [(names, 0)]


@BOTH
def test_a_subprocess_has_its_time_limit_really(kind: WallKind) -> None:
    """`subprocess.run(timeout=...)`, in a thread or not."""

    async def main() -> None:
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(SLEEP, timeout=0.1, check=False)  # noqa: ASYNC221 - it is what is tested

    run(kind, main)


@BOTH
@pytest.mark.parametrize("factory", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
def test_another_loop_in_a_thread_keeps_real_time(
    kind: WallKind, factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """It is not of this test: its timers fire, at their moments."""

    async def real() -> tuple[bool, bool]:
        before = asyncio.get_running_loop().time()
        await asyncio.sleep(0.02)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await asyncio.Event().wait()
        passed = asyncio.get_running_loop().time() - before
        return passed >= 0.03, before < 1_000_000

    def in_thread() -> tuple[bool, bool]:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(real())

    async def main() -> tuple[tuple[bool, bool], float]:
        return await asyncio.to_thread(in_thread), asyncio.get_running_loop().time()

    assert run(kind, main) == [((True, time.monotonic() < 1_000_000), 0)]


@BOTH
def test_trio_in_a_thread_keeps_real_time(kind: WallKind) -> None:
    """It has no asyncio loop to ask for the time, but binds a clock of the standard library early."""

    async def real() -> bool:
        before = trio.current_time()
        await trio.sleep(0.02)
        return trio.current_time() - before >= 0.02

    async def main() -> bool:
        return await asyncio.to_thread(trio.run, real)

    assert run(kind, main) == [True]


@BOTH
def test_a_second_virtual_loop_on_another_thread_is_refused(kind: WallKind) -> None:
    """There is one `time.monotonic` in a process; the first loop is not disturbed, and the clocks are real after it."""
    first_runs, second_over = threading.Event(), threading.Event()
    errors: list[str] = []

    async def first() -> float:
        first_runs.set()
        assert second_over.wait(30)
        before = time.monotonic()
        await asyncio.sleep(5)
        return time.monotonic() - before

    async def second() -> None:
        errors.append("it ran")

    def other_thread() -> None:
        assert first_runs.wait(30)
        try:
            run(kind, second)
        except UsageError as error:
            errors.append(str(error))
        finally:
            second_over.set()

    thread = threading.Thread(target=other_thread)
    thread.start()
    assert run(kind, first) == [5]
    thread.join(30)

    assert [error[:47] for error in errors] == ["a virtual loop runs on another thread already, "]
    assert bound_now() == ORIGINALS


def test_what_is_installed_is_taken() -> None:
    """Of both it is time-machine: freezegun comes with our extra, the other one by choice."""
    assert isinstance(make_wall(), TimeMachineWall)
    assert isinstance(make_wall(WallKind.FREEZEGUN), FreezegunWall)
    assert isinstance(make_wall(WallKind.TIME_MACHINE), TimeMachineWall)
    assert isinstance(make_wall(WallKind.NONE), RealWall)


@pytest.mark.parametrize(
    ("missing", "wall"),
    [({"freezegun"}, TimeMachineWall), ({"time_machine"}, FreezegunWall), ({"freezegun", "time_machine"}, RealWall)],
    ids=lambda value: value.__name__ if isinstance(value, type) else "+".join(sorted(value)),
)
def test_of_what_is_missing_another_is_taken(missing: set[str], wall: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is required: without them only the loop's own time is virtual."""
    find_spec = importlib_find_spec()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in missing else find_spec(name))

    assert isinstance(make_wall(), wall)
    for name in missing:
        kind = WallKind(name.replace("_", "-"))
        with pytest.raises(UsageError, match=f"needs {kind}: pip install {kind}"):
            make_wall(kind)


def importlib_find_spec() -> Callable[[str], Any]:
    """The real one."""
    import importlib.util

    return importlib.util.find_spec
