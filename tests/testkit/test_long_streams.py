"""Streams that last: a quarter of an hour, the longest that AWS allows, takes no time in a test."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming import HttpResponseStream, streamify_response, text_stream
from apptheory_streaming.handlers import Handler
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_testkit import StreamCapture, stream_client

LONGEST = AWS_NUMBERS["function timeout"].value


def captured(handler: Handler, **options: Any) -> StreamCapture:
    return stream_client(handler, clock="virtual", **options).sync.get("/")


def ticking(last: float) -> Callable[[Any, Any], AsyncIterator[str]]:
    """A handler that says each minute what time is left, and ends after so many seconds."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        passed = 0.0
        while passed < last:
            yield f"{context.get_remaining_time_in_millis()}\n"
            step = min(60, last - passed)
            await asyncio.sleep(step)
            passed += step
        yield "done"

    return handler


def ticking_sync(last: float) -> Callable[[Any, Any], Iterator[str]]:
    """The same on a thread."""

    def handler(event: Any, context: Any) -> Iterator[str]:
        passed = 0.0
        while passed < last:
            yield f"{context.get_remaining_time_in_millis()}\n"
            step = min(60, last - passed)
            time.sleep(step)
            passed += step
        yield "done"

    return handler


EVERY_KIND = pytest.mark.parametrize("kind", [ticking, ticking_sync], ids=["async", "sync"])


@EVERY_KIND
def test_e5_a_function_is_stopped_at_900_seconds_exactly(kind: Callable[[float], Handler]) -> None:
    """One that runs for a millisecond longer is cut; its chunks so far stay."""
    capture = captured(kind(LONGEST + 0.001), timeout=LONGEST)

    assert LONGEST == 900
    assert capture.handler_outcome == "timed_out"
    assert capture.delivery_outcome == "cut"
    assert capture.stream_error_code == "app.timeout"
    assert capture.duration == 900
    assert capture.text.split() == [str(1000 * (900 - second)) for second in range(0, 900, 60)]


@EVERY_KIND
def test_e5_a_function_that_ends_a_millisecond_earlier_is_whole(kind: Callable[[float], Handler]) -> None:
    """To the millisecond, and with no second of waiting."""
    capture = captured(kind(LONGEST - 0.001), timeout=LONGEST)

    assert capture.handler_outcome == "ended"
    assert capture.chunks[-1] == b"done"
    assert capture.duration == 899.999
    capture.assert_within_limits()


@EVERY_KIND
def test_a_client_without_a_timeout_stops_nothing_but_its_context_counts_from_900(
    kind: Callable[[float], Handler],
) -> None:
    """And `assert_within_limits` says that AWS would have."""
    capture = captured(kind(960))

    assert capture.chunks[0] == b"900000\n"
    assert capture.duration == 960
    with pytest.raises(AssertionError, match=r"took 960 s, more than 900 s"):
        capture.assert_within_limits()


def returning(count: int, delay: float) -> Handler:
    async def handler(event: Any, context: Any) -> Any:
        async def events() -> AsyncIterator[str]:
            for number in range(count):
                yield f"data: {number}\n\n"
                await asyncio.sleep(delay)

        return text_stream(events())

    return handler


def streamified(count: int, delay: float) -> Handler:
    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        for number in range(count):
            await stream.write(f"data: {number}\n\n")
            await asyncio.sleep(delay)
        await stream.end()

    return handler


def sync(count: int, delay: float) -> Handler:
    def handler(event: Any, context: Any) -> Iterator[str]:
        for number in range(count):
            yield f"data: {number}\n\n"
            time.sleep(delay)

    return handler


@pytest.mark.parametrize("kind", [returning, streamified, sync])
@pytest.mark.parametrize(("count", "delay"), [(0, 5), (1, 5), (180, 5), (10, 0.1), (7, 0)])
def test_d1_a_loop_of_events_takes_its_count_times_its_delay(
    kind: Callable[[int, float], Handler], count: int, delay: float
) -> None:
    """180 events with 5 seconds after each are a quarter of an hour, to the nanosecond."""
    capture = captured(kind(count, delay))

    assert len(capture.chunks) == count
    assert capture.duration == count * delay
    assert [record.produced_at for record in capture.transcript.chunks] == [
        pytest.approx(number * delay, abs=1e-9) for number in range(count)
    ]


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 20), delay=st.integers(0, 86_400_000))
def test_d1_for_any_count_and_any_delay(count: int, delay: int) -> None:
    """Delays of whole milliseconds up to a day."""
    capture = captured(returning(count, delay / 1000))

    assert capture.duration == pytest.approx(count * delay / 1000, abs=count * 1e-9)
