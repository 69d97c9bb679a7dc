"""L3: a burst at any speed, then so many bytes a second."""

import pytest

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.pacing import PACES, Pacing, pacing_named


@pytest.mark.parametrize(("sent", "seconds"), [(0, 0), (9, 0), (10, 0), (11, 0.5), (14, 2), (110, 50)])
def test_l3_the_burst_is_free_and_the_rest_takes_its_time(sent: int, seconds: float) -> None:
    assert Pacing(10, 2).seconds_until(sent) == seconds


@pytest.mark.parametrize(
    ("size", "sent", "seconds"), [(10, 0, 0), (11, 0, 0.5), (4, 8, 1), (4, 10, 2), (4, 1000, 2), (0, 1000, 0)]
)
def test_l3_a_chunk_takes_only_what_is_behind_the_burst(size: int, sent: int, seconds: float) -> None:
    """A chunk that lies across the end of the burst takes the time of its second part."""
    assert Pacing(10, 2).seconds_for(size, sent=sent) == seconds


def test_l3_the_parts_of_a_response_take_as_long_as_the_whole() -> None:
    pacing = Pacing(5, 4)
    sizes = [3, 0, 3, 7, 1]

    assert sum(pacing.seconds_for(size, sent=sum(sizes[:at])) for at, size in enumerate(sizes)) == (
        pacing.seconds_until(sum(sizes))
    )


def test_l3_no_burst_is_a_plain_rate() -> None:
    assert Pacing(0, 3).seconds_until(6) == 2


@pytest.mark.parametrize(("name", "front"), [("aws", "stream"), ("api-gateway", "API Gateway stream")])
def test_l3_the_published_numbers_are_the_data_of_the_limits(name: str, front: str) -> None:
    """6 MB and 2 MB/s for a Function URL, 10 MB and 2 MB/s for API Gateway."""
    assert pacing_named(name) == Pacing(AWS_NUMBERS[f"{front} burst"].value, AWS_NUMBERS[f"{front} rate"].value)
    assert PACES[name].seconds_until(PACES[name].burst + 2 * 1024 * 1024) == 1


@pytest.mark.parametrize(
    ("burst", "rate", "message"),
    [
        (-1, 1, "burst must be a number of bytes, 0 or more, not -1"),
        (1.5, 1, r"burst must be a number of bytes, 0 or more, not 1\.5"),
        (True, 1, "burst must be a number of bytes, 0 or more, not True"),
        (1, 0, "rate must be more than 0 bytes per second, not 0"),
        (1, -2, "rate must be more than 0 bytes per second, not -2"),
        (1, float("inf"), "rate must be more than 0 bytes per second, not inf"),
        (1, float("nan"), "rate must be more than 0 bytes per second, not nan"),
        (1, "2", "rate must be a number of bytes per second, not '2'"),
    ],
)
def test_impossible_numbers_are_refused(burst: int, rate: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Pacing(burst, rate)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="pace must be 'aws' or 'api-gateway', not 'gcp'"):
        pacing_named("gcp")
