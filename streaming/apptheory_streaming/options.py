"""Options that are one of a few words."""

from enum import StrEnum
from typing import TypeVar

from apptheory_streaming.errors import UsageError

__all__ = ["choose"]

_Choice = TypeVar("_Choice", bound=StrEnum)


def choose(kind: type[_Choice], option: str, value: str) -> _Choice:
    """Give the member of `kind` that a word names; raises UsageError naming the words there are."""
    try:
        return kind(value)
    except ValueError:
        known = " or ".join(repr(each.value) for each in kind)
        raise UsageError(f"{option} must be {known}, not {value!r}") from None
