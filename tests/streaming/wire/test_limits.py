"""Limits of one invocation (L1, L2) and the numbers of AWS (L3)."""

from datetime import date

import pytest

from apptheory_streaming.errors import RequestTooLarge, code_of
from apptheory_streaming.wire.error_response import status_for_code
from apptheory_streaming.wire.limits import AWS_NUMBERS, DEFAULT_TIMEOUT_SECONDS, AwsNumber, Limits

MIB = 1024 * 1024


@pytest.mark.parametrize(("size", "passes"), [(0, True), (9, True), (10, True), (11, False)])
def test_a_request_body_up_to_the_limit_passes(size: int, passes: bool) -> None:
    """L1: an exact fit passes and one byte more is refused."""
    assert (Limits(max_request_bytes=10).refusal(size) is None) is passes


def test_a_request_that_is_too_large_is_a_413() -> None:
    """L1: the refusal names both sizes and has the code whose status is 413."""
    error = Limits(max_request_bytes=10).refusal(11)
    assert isinstance(error, RequestTooLarge)
    assert "11" in str(error)
    assert "10" in str(error)
    code = code_of(error)
    assert code == "app.too_large"
    assert status_for_code(code) == 413


@pytest.mark.parametrize(("size", "passes"), [(0, True), (10, True), (11, False)])
def test_a_response_body_may_grow_up_to_the_limit(size: int, passes: bool) -> None:
    """L2: an exact fit passes and one byte more does not."""
    assert Limits(max_response_bytes=10).admits_response(size) is passes


def test_a_limit_of_nothing_still_admits_nothing() -> None:
    """L1, L2: 0 is a limit, not the lack of one."""
    nothing = Limits(max_request_bytes=0, max_response_bytes=0)
    assert nothing.refusal(0) is None
    assert nothing.refusal(1) is not None
    assert nothing.admits_response(0)
    assert not nothing.admits_response(1)


def test_without_a_limit_everything_passes() -> None:
    """L1, L2: no limit is set unless somebody sets one."""
    assert Limits().refusal(10**15) is None
    assert Limits().admits_response(10**15)


def test_limits_of_request_and_response_are_apart() -> None:
    """L1, L2: one limit says nothing about the other direction."""
    assert Limits(max_request_bytes=1).admits_response(2)
    assert Limits(max_response_bytes=1).refusal(2) is None


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("buffered request", 6 * MIB, "bytes"),
        ("asynchronous request", MIB, "bytes"),
        ("buffered response", 6 * MIB, "bytes"),
        ("streamed response", 200 * MIB, "bytes"),
        ("stream burst", 6 * MIB, "bytes"),
        ("stream rate", 2 * MIB, "bytes per second"),
        ("function timeout", 900, "seconds"),
        ("API Gateway stream burst", 10 * MIB, "bytes"),
        ("API Gateway stream rate", 2 * MIB, "bytes per second"),
    ],
)
def test_the_numbers_of_aws(name: str, value: int, unit: str) -> None:
    """L3: the published numbers are data."""
    assert (AWS_NUMBERS[name].value, AWS_NUMBERS[name].unit) == (value, unit)


@pytest.mark.parametrize("number", AWS_NUMBERS.values(), ids=AWS_NUMBERS)
def test_every_number_has_its_source_and_date(number: AwsNumber) -> None:
    """L3: each number says on which page of AWS it stands and when it was read."""
    assert number.source.startswith("https://docs.aws.amazon.com/")
    assert date.fromisoformat(number.read_on) >= date(2026, 1, 1)


def test_the_default_timeout_is_the_longest_of_aws() -> None:
    """L3: where a timeout is shown but not armed, it is 900 seconds."""
    assert DEFAULT_TIMEOUT_SECONDS == 900.0
