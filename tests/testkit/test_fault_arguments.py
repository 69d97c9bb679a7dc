"""What is wrong with a fault is said where it is written, and what to write instead."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apptheory_streaming.errors import UsageError
from apptheory_testkit import stream_client
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
from apptheory_testkit.faults.plan import Moment, plan_faults

MOMENTS: dict[str, Callable[[Any], Fault]] = {
    "disconnect": disconnect,
    "cancel": cancel,
    "stall": lambda at: stall(at, 1),
    "clock_jump": lambda at: clock_jump(at, 1),
}


async def handler(event: Any, context: Any) -> AsyncIterator[str]:
    yield "one"


@pytest.mark.parametrize("name", MOMENTS)
@pytest.mark.parametrize(
    ("at", "message"),
    [
        (2.5, r"\(at=2\.5\): at is a number of chunks, .* write at=seconds\(2\.5\), from apptheory_testkit\.faults"),
        (True, r"\(at=True\): at is a number of chunks, .* write at=seconds\(2\.5\)"),
        ("2", r"\(at='2'\): at is a number of chunks"),
        (None, r"\(at=None\): at is a number of chunks"),
        (-1, r"\(at=-1\): at is a number of chunks that the client has, 0 or more"),
    ],
    ids=str,
)
def test_a_moment_is_a_number_of_chunks_or_seconds(name: str, at: Moment, message: str) -> None:
    with pytest.raises(UsageError, match=name + message):
        MOMENTS[name](at)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: seconds(-1), "a moment must be a number of seconds above 0, not -1"),
        (lambda: seconds(0), "a moment must be a number of seconds above 0, not 0"),
        (lambda: seconds(float("inf")), "not inf"),
        (lambda: seconds(True), "not True"),
        (lambda: stall(1, 0), "the seconds of a stall must be a number of seconds above 0"),
        (lambda: stall(1, float("nan")), "not nan"),
        (lambda: clock_jump(1, float("inf")), "the seconds of a clock_jump must be a finite number"),
        (lambda: deadline(0), "the seconds of a deadline must be a number of seconds above 0"),
        (lambda: limit(-1), "limit takes a number of bytes, 0 or more, not -1"),
        (lambda: limit(1.5), r"limit takes a number of bytes, 0 or more, not 1\.5"),  # type: ignore[arg-type]
        (lambda: slow_reader(0), "rate must be more than 0 bytes per second, not 0"),
        (pace, r'pace\("aws"\), or two numbers, pace\(burst=10, rate=5\)'),
        (lambda: pace("aws", burst=1), r'pace\("aws"\), or two numbers'),
        (lambda: pace(burst=1), r'pace\("aws"\), or two numbers'),
        (lambda: pace("azure"), "pace must be 'aws' or 'api-gateway', not 'azure'"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (disconnect, r"fault=disconnect: call it, such as fault=disconnect\(at=2\)"),
        ([disconnect(at=1), cancel], "fault=cancel: call it"),
        (seconds(2), r"fault=seconds\(2\) is a moment, not a fault: write fault=disconnect\(at=seconds\(2\)\)"),
        ("disconnect", "fault must be one of apptheory_testkit.faults or a sequence of them, .*, not 'disconnect'"),
        (3, "fault must be one of apptheory_testkit.faults"),
        ([None], "fault must be one of apptheory_testkit.faults"),
    ],
    ids=["factory", "factory in a list", "moment", "text", "number", "none in a list"],
)
def test_what_is_no_fault_is_refused_before_the_handler_runs(fault: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        stream_client(handler).sync.get(fault=fault)


@pytest.mark.parametrize("fault", [None, [], ()], ids=str)
def test_no_fault_is_no_plan(fault: Any) -> None:
    """And so no cost."""
    assert plan_faults(fault) is None
    assert stream_client(handler).sync.get(fault=fault).chunks == [b"one"]


@pytest.mark.parametrize(
    "fault",
    [
        disconnect(at=seconds(2.5)),
        cancel(at=seconds(2.5)),
        stall(at=1, seconds=2),
        slow_reader(100),
        pace("aws"),
        clock_jump(at=1, seconds=2),
    ],
    ids=str,
)
def test_what_is_about_time_needs_virtual_time(fault: Fault) -> None:
    """D3: in real time it would be neither exact nor repeatable; the message names the marker."""
    client = stream_client(handler)

    async def live() -> None:
        async with client.stream("GET", fault=fault):
            pass

    with pytest.raises(UsageError) as raised:
        client.sync.get(fault=fault)

    assert str(fault) in str(raised.value)
    assert '@pytest.mark.streaming(clock="virtual")' in str(raised.value)


async def test_a_live_stream_says_it_too() -> None:
    with pytest.raises(UsageError, match="needs virtual time"):
        stream_client(handler, clock="real").stream("GET", fault=slow_reader(1))


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (disconnect(at=2), "disconnect(at=2)"),
        (cancel(at=seconds(2.5)), "cancel(at=seconds(2.5))"),
        (stall(at=1, seconds=3), "stall(at=1, seconds=3)"),
        (clock_jump(at=0, seconds=-60), "clock_jump(at=0, seconds=-60)"),
        (slow_reader(1024), "slow_reader(1024)"),
        (pace("aws"), "pace('aws')"),
        (pace(burst=10, rate=0.5), "pace(burst=10, rate=0.5)"),
        (deadline(2.5), "deadline(2.5)"),
        (limit(0), "limit(0)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_reads_as_it_was_written(fault: Fault, text: str) -> None:
    assert str(fault) == text
