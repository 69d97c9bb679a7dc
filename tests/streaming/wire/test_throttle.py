"""How many requests an API lets pass: a burst, then a rate, on whatever clock."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.throttle import Throttle, TokenBucket


def test_a_burst_passes_at_once_and_then_a_rate() -> None:
    """L3: the hundred and first request in one moment is too many; 50 more pass in each second."""
    bucket = TokenBucket(Throttle(100, 50))
    assert [bucket.take(7.0) for _ in range(101)] == [True] * 100 + [False]
    assert not bucket.take(7.0199)
    assert bucket.take(7.02)
    assert [bucket.take(8.02) for _ in range(51)] == [True] * 50 + [False]


def test_a_bucket_fills_up_to_its_burst_and_no_further() -> None:
    """L3: a quiet hour is not saved up."""
    bucket = TokenBucket(Throttle(3, 10))
    assert bucket.take(0)
    assert [bucket.take(3600) for _ in range(4)] == [True, True, True, False]


def test_a_slow_rate_adds_up() -> None:
    """L3: a third a second is one in three seconds, and what is refused takes nothing."""
    bucket = TokenBucket(Throttle(1, 1 / 3))
    assert [bucket.take(at) for at in (0, 1, 2, 3, 4, 5, 6)] == [True, False, False, True, False, False, True]


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """L3: the same second does not count twice."""
    bucket = TokenBucket(Throttle(1, 1))
    assert bucket.take(10)
    assert not bucket.take(5)
    assert not bucket.take(10.5)
    assert bucket.take(11)


@given(
    burst=st.integers(1, 20),
    rate=st.integers(1, 50),
    gaps=st.lists(st.integers(0, 64), max_size=60),
)
@settings(deadline=None)
def test_no_window_lets_more_than_burst_and_rate_pass(burst: int, rate: int, gaps: list[int]) -> None:
    """L3: in any window pass at most the burst and what the rate gives in its length."""
    bucket = TokenBucket(Throttle(burst, rate))
    now, passed = 0.0, list[float]()
    for gap in gaps:
        now += gap / 64  # exact in binary
        if bucket.take(now):
            passed.append(now)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - passed[first]) * rate + 1e-6


@pytest.mark.parametrize(
    ("burst", "rate"),
    [(0, 1), (-1, 1), (1.5, 1), (True, 1), (10**400, 1), (1, 0), (1, -1), (1, float("inf"))],
    ids=["none", "negative", "no number of requests", "a truth value", "beyond floats", "no rate", "back", "all"],
)
def test_numbers_by_which_nothing_could_pass(burst: int, rate: float) -> None:
    """L3: they are refused by name."""
    with pytest.raises(UsageError, match=r"burst must be|rate must be"):
        Throttle(burst, rate)
