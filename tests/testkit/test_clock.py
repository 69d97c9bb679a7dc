"""One counter of nanoseconds that only goes forward."""

from hypothesis import given
from hypothesis import strategies as st

from apptheory_testkit.clock import EPOCH_NS, VirtualClock


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
