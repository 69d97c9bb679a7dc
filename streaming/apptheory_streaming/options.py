"""The values of options: what each may be, checked where it is given."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeGuard, TypeVar

from apptheory_streaming.errors import UsageError

__all__ = ["check_duration", "check_environment", "check_switch", "check_timeout", "choose", "is_count", "is_number"]

_Choice = TypeVar("_Choice", bound=StrEnum)


def choose(kind: type[_Choice], option: str, value: str) -> _Choice:
    """Give the member of `kind` that a word names; raises UsageError naming the words there are."""
    try:
        return kind(value)
    except ValueError:
        known = " or ".join(repr(each.value) for each in kind)
        raise UsageError(f"{option} must be {known}, not {value!r}") from None


def check_switch(option: str, value: object) -> bool:
    """Give a truth value; raises UsageError for what is only taken for one, such as `"no"`."""
    __tracebackhide__ = True  # the test's own line is the one that matters
    if isinstance(value, bool):
        return value
    raise UsageError(f"{option} must be True or False, not {value!r}")


def check_timeout(value: object) -> float | None:
    """Give a timeout in seconds, None for none; raises UsageError for what no clock can keep."""
    if value is None or (is_number(value) and 0 < value < float("inf")):
        return value
    raise UsageError(f"timeout must be more than 0 seconds, or None for no timeout, not {value!r}")


def check_duration(option: str, value: object) -> float:
    """Give seconds that may be none or without an end; raises UsageError for what is no duration."""
    __tracebackhide__ = True  # the test's own line is the one that matters
    if is_number(value) and value >= 0:
        return value
    raise UsageError(f"{option} takes seconds, 0 or more, not {value!r}")


def check_environment(value: object) -> dict[str, str]:
    """Give the variables of a mapping, none for None; raises UsageError for what is no variable."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError(f"env maps names of variables to their texts, such as {{'STAGE': 'test'}}, not {value!r}")
    variables: Mapping[Any, Any] = value
    for name, text in variables.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise UsageError(f"env: {name!r} is no name of a variable")
        if not isinstance(text, str) or "\0" in text:
            raise UsageError(f"env[{name!r}] must be text without a NUL, not {text!r}")
    return dict(variables)


def is_number(value: object) -> TypeGuard[float]:
    """Whether this is a number to measure with; a truth value and NaN are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - NaN


def is_count(value: object, *, least: int = 0) -> TypeGuard[int]:
    """Whether this is a whole number, `least` or more; a truth value is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
