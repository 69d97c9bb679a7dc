"""Times as people read them."""

import pytest

from apptheory_streaming.wire.seconds import render_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (10, "10 s"), (0.25, "0.25 s"), (0.1 + 0.2, "0.3 s"), (0.000_001, "0.000001 s"), (900.0, "900 s")],
)
def test_a_time_has_its_unit_and_no_digit_too_many(seconds: float, text: str) -> None:
    """To the microsecond, without the noise of floats."""
    assert render_seconds(seconds) == text
