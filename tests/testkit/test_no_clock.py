"""D3: what a capture says and what is claimed of it comes from its transcript, never from a clock."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import pytest

from apptheory_streaming.errors import UsageError
from apptheory_testkit import StreamCapture, stream_client

CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time")
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "assert_content_type": ("application/octet-stream",),
    "assert_error": ("app.internal",),
}
NEED_TIMES = {"assert_incremental", "assert_cadence", "assert_not_buffered"}
ASSERTIONS = sorted(name for name, _ in inspect.getmembers(StreamCapture) if name.startswith("assert_"))
QUESTIONS = ("ttfb", "duration", "max_gap", "cadence", "report", "render")


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


def without_clocks(call: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> object:
    """Call with every clock of Python broken."""

    def broken() -> NoReturn:
        raise RuntimeError("a clock was read")

    with monkeypatch.context() as patch:
        for name in CLOCKS:
            patch.setattr(time, name, broken)
        try:
            return call()
        except (AssertionError, UsageError) as error:
            return error


@pytest.mark.parametrize("name", ASSERTIONS)
def test_d3_no_assertion_reads_a_clock(
    capture: StreamCapture, virtual_capture: StreamCapture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whatever it comes to; those about time say that they need a virtual one where there is none."""
    arguments = ARGUMENTS.get(name, ())

    real = without_clocks(lambda: getattr(capture, name)(*arguments), monkeypatch)
    without_clocks(lambda: getattr(virtual_capture, name)(*arguments), monkeypatch)

    assert isinstance(real, UsageError) == (name in NEED_TIMES)


@pytest.mark.parametrize("name", QUESTIONS)
def test_d3_what_a_capture_tells_of_time_is_virtual_or_nothing(
    capture: StreamCapture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The time that a test happened to take is in no report and in no snapshot."""

    def told() -> object:
        value: Any = getattr(capture, name)
        return value() if callable(value) else value

    real = without_clocks(told, monkeypatch)

    assert real is None or " s\n" not in str(real)
