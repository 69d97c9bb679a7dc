"""What an option may be is checked in one place, by whoever takes it; what it may not be names what it may."""

import math
from typing import Any

import pytest

from apptheory_streaming.errors import TargetError, UsageError
from apptheory_streaming.invocation import InvocationPolicy
from apptheory_streaming.options import check_duration, check_environment, check_switch, is_count, is_number
from apptheory_streaming.target import LazyHandler
from apptheory_streaming.wire.limits import Limits

TIMEOUT = "timeout must be more than 0 seconds, or None for no timeout, not "
BYTES = "must be a number of bytes, 0 or more, or None for no limit, not "


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf, True, "5"], ids=repr)
def test_a_policy_has_a_timeout_that_a_clock_can_keep(timeout: Any) -> None:
    """E5."""
    with pytest.raises(UsageError) as raised:
        InvocationPolicy(timeout=timeout)

    assert str(raised.value) == f"{TIMEOUT}{timeout!r}"


@pytest.mark.parametrize("timeout", [None, 0.001, 900])
def test_a_timeout_that_can_be_kept_is_taken(timeout: float | None) -> None:
    assert InvocationPolicy(timeout=timeout).timeout == timeout


@pytest.mark.parametrize("limits", [5, 0, {}], ids=repr)
def test_a_policy_has_limits(limits: Any) -> None:
    """L1, L2."""
    with pytest.raises(UsageError, match="limits must be such as Limits"):
        InvocationPolicy(limits=limits)


@pytest.mark.parametrize("name", ["max_request_bytes", "max_response_bytes"])
@pytest.mark.parametrize("value", [-1, 1.5, True, "5"], ids=repr)
def test_a_limit_is_a_number_of_bytes(name: str, value: Any) -> None:
    """L1, L2."""
    with pytest.raises(UsageError) as raised:
        Limits(**{name: value})

    assert str(raised.value) == f"{name} {BYTES}{value!r}"


@pytest.mark.parametrize("target", [5, None, b"app:handler"], ids=repr)
def test_a_handler_can_be_called_or_is_named(target: Any) -> None:
    with pytest.raises(TargetError, match="a handler is something that can be called, or its target as text"):
        LazyHandler(target)


@pytest.mark.parametrize("value", ["no", 1, None], ids=repr)
def test_a_switch_is_a_truth_value(value: Any) -> None:
    with pytest.raises(UsageError, match=f"strict must be True or False, not {value!r}"):
        check_switch("strict", value)


@pytest.mark.parametrize("value", [0, 0.5, math.inf])
def test_a_duration_may_be_none_and_endless(value: float) -> None:
    assert check_duration("at_most", value) == value


@pytest.mark.parametrize("value", [-1, math.nan, True, "1", None], ids=repr)
def test_what_is_no_duration_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=f"at_most takes seconds, 0 or more, not {value!r}"):
        check_duration("at_most", value)


def test_an_environment_is_a_copy() -> None:
    given = {"A": "1"}

    assert check_environment(given) == given
    assert check_environment(given) is not given
    assert check_environment(None) == {}


@pytest.mark.parametrize("env", [[], [1], {1: "a"}, {"": "a"}, {"a=b": "c"}, {"a": 1}, {"a": "\0"}], ids=repr)
def test_what_no_process_can_have_is_no_environment(env: Any) -> None:
    with pytest.raises(UsageError, match="env"):
        check_environment(env)


@pytest.mark.parametrize(
    ("value", "number", "count"),
    [(0, True, True), (1.5, True, False), (-1, True, False), (True, False, False), (math.nan, False, False)],
)
def test_truth_values_are_neither_numbers_nor_counts(value: object, number: bool, count: bool) -> None:
    assert (is_number(value), is_count(value)) == (number, count)
