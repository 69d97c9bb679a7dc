"""D3: what a capture says and what is claimed of it comes from its transcript, never from a clock."""

import asyncio
import inspect
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from time import monotonic, time_ns
from types import FrameType
from typing import Any

import pytest

from apptheory_streaming.errors import UsageError
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

CLOCKS: dict[object, str] = {
    datetime.now: "datetime.now",
    datetime.utcnow: "datetime.utcnow",  # type: ignore[deprecated,unused-ignore]
    datetime.today: "datetime.today",
    date.today: "date.today",
    **{
        getattr(time, f"{name}{unit}"): f"time.{name}{unit}"
        for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")
        for unit in ("", "_ns")
    },
    **{getattr(time, name): f"time.{name}" for name in ("asctime", "ctime", "gmtime", "localtime", "strftime")},
}
LOOPS = {asyncio.BaseEventLoop.time.__code__: "loop.time", VirtualLoop.time.__code__: "virtual loop.time"}

TIME = re.compile(r"\d s\b")

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "assert_content_type": ("application/octet-stream",),
    "assert_error": ("app.internal",),
}
NEED_TIMES = {"assert_incremental", "assert_cadence", "assert_not_buffered"}
ASSERTIONS = sorted(name for name, _ in inspect.getmembers(StreamCapture) if name.startswith("assert_"))


async def handler(event: Any, context: Any) -> AsyncIterator[str]:
    for number in range(3):
        yield f"{number}"
        await asyncio.sleep(0)


@pytest.fixture
def capture() -> StreamCapture:
    """A response in real time, so without times."""
    return stream_client(handler, clock="real").sync.get("/")


@pytest.fixture
def virtual_capture() -> StreamCapture:
    """The same in virtual time."""
    return stream_client(handler, clock="virtual").sync.get("/")


def clocks_read(call: Callable[[], object]) -> tuple[object, set[str]]:
    """What a call gives or raises, and the clocks that it read, under whatever name it knows them."""
    read: set[str] = set()

    def watch(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and called in CLOCKS:
            read.add(CLOCKS[called])
        elif event == "call" and frame.f_code in LOOPS:
            read.add(LOOPS[frame.f_code])

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        result = call()
    except (AssertionError, UsageError) as error:
        result = error
    finally:
        sys.setprofile(before)
    return result, read


@pytest.mark.parametrize(
    ("call", "clock"),
    [
        (time.time, "time.time"),
        (monotonic, "time.monotonic"),
        (time_ns, "time.time_ns"),
        (lambda: datetime.now(UTC), "datetime.now"),
        (lambda: asyncio.SelectorEventLoop.time(None), "loop.time"),  # type: ignore[arg-type]
    ],
    ids=["time", "monotonic bound early", "time_ns bound early", "datetime", "loop"],
)
def test_a_clock_that_is_read_is_noticed(call: Callable[[], object], clock: str) -> None:
    """Or the tests below could not fail."""
    assert clock in clocks_read(call)[1]


def test_a_virtual_clock_that_is_read_is_noticed_too() -> None:
    """A capture is the same when it is looked at later."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert clocks_read(runner.get_loop().time) == (0, {"virtual loop.time"})


@pytest.mark.parametrize("name", ASSERTIONS)
def test_d3_no_assertion_reads_a_clock(capture: StreamCapture, virtual_capture: StreamCapture, name: str) -> None:
    """Whatever it comes to; those about time say that they need a virtual one where there is none."""
    arguments = ARGUMENTS.get(name, ())

    real, read = clocks_read(lambda: getattr(capture, name)(*arguments))
    _, read_in_virtual = clocks_read(lambda: getattr(virtual_capture, name)(*arguments))

    assert isinstance(real, UsageError) == (name in NEED_TIMES)
    assert not read | read_in_virtual


@pytest.mark.parametrize("name", ["ttfb", "duration", "max_gap", "cadence"])
def test_d3_a_capture_in_real_time_has_no_times(
    capture: StreamCapture, virtual_capture: StreamCapture, name: str
) -> None:
    """Not those that the test happened to take; in virtual time it has them."""
    assert clocks_read(lambda: getattr(capture, name)) == (None, set())

    virtual, read = clocks_read(lambda: getattr(virtual_capture, name))
    assert virtual is not None
    assert not read


@pytest.mark.parametrize("name", ["report", "render"])
def test_d3_the_time_that_a_test_took_is_in_no_text(
    capture: StreamCapture, virtual_capture: StreamCapture, name: str
) -> None:
    """No report and no snapshot tells of it."""
    real, read = clocks_read(getattr(capture, name))
    virtual, read_in_virtual = clocks_read(getattr(virtual_capture, name))

    assert not TIME.search(str(real))
    assert TIME.search(str(virtual))
    assert not read | read_in_virtual
