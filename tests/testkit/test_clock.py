"""One counter of nanoseconds that only goes forward."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming.errors import UsageError
from apptheory_testkit.virtual_time.clock import END_NS, EPOCH_NS, VirtualClock


def test_it_begins_at_zero_in_2030() -> None:
    """The loop's time is small, so floats stay exact; the wall time is a date nobody takes for today."""
    clock = VirtualClock()

    assert (clock.now, clock.now_ns, clock.wall_ns) == (0.0, 0, EPOCH_NS)


def test_it_moves_forward_and_never_back() -> None:
    """A moment in the past changes nothing, and tells nobody."""
    clock = VirtualClock(epoch_ns=1000)
    heard: list[int] = []
    clock.follower = heard.append

    clock.move_to(2.5)
    clock.move_to(1.0)
    clock.move_to(2.5)

    assert clock.now == 2.5
    assert heard == [clock.wall_ns] == [2_500_001_000]


@given(st.lists(st.floats(min_value=0, max_value=400 * 86400), max_size=20))
def test_a_moment_that_was_moved_to_has_come(moments: list[float]) -> None:
    """D1: nanoseconds are rounded up, so a timer is due where the clock was moved for it; time never runs back."""
    clock = VirtualClock()
    before = 0

    for moment in moments:
        clock.move_to(moment)
        assert clock.now_ns >= before
        assert clock.now_ns >= moment * 1e9 * (1 - 1e-15)
        before = clock.now_ns

    assert clock.now_ns - max(moments, default=0) * 1e9 <= 16


def test_the_wall_clock_can_be_stepped_and_nothing_else_moves() -> None:
    """As by a time server: forward, back, and by less than a second; whoever follows is told."""
    clock = VirtualClock()
    heard: list[int] = []
    clock.move_to(10)
    before = (clock.now, clock.monotonic_ns)
    clock.follower = heard.append

    clock.step_wall(3600)
    clock.step_wall(-7200.25)

    assert (clock.now, clock.monotonic_ns) == before
    assert heard == [EPOCH_NS + 3610 * 10**9, EPOCH_NS - 3_590_250_000_000]
    assert clock.wall_ns == heard[-1]


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, "1", None])
def test_the_wall_clock_is_stepped_by_a_number_of_seconds(seconds: Any) -> None:
    """The message says what it got."""
    clock = VirtualClock()

    with pytest.raises(UsageError, match=f"by a number of seconds, not by {seconds!r}"):
        clock.step_wall(seconds)
    assert clock.wall_ns == EPOCH_NS


@pytest.mark.parametrize("seconds", [1e300, 1e12, -1e12, -EPOCH_NS / 1e9 - 1])
def test_the_wall_clock_stays_where_there_are_dates(seconds: float) -> None:
    """No library could show others."""
    clock = VirtualClock()

    with pytest.raises(UsageError, match="would leave the years 1970 to 9999"):
        clock.step_wall(seconds)
    assert clock.wall_ns == EPOCH_NS


def test_the_steady_clock_begins_high_and_counts_every_nanosecond() -> None:
    """0 means "never" to much code; a float of that size still holds what a timer can tell apart."""
    clock = VirtualClock()
    begin = clock.monotonic_ns

    clock.move_to(0.000_000_001)

    assert begin > 0
    assert clock.monotonic_ns == begin + 1
    assert clock.end == (END_NS - EPOCH_NS) / 1e9
