"""What a JSON value must look like, as data: the kind of it, and of the fields of an object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

__all__ = ["Allowed", "Kind", "Shape"]


class Kind(Enum):
    """A kind of JSON value; the value is how a message calls it."""

    TEXT = "text"
    FLAG = "true or false"
    LIST = "a list"
    OBJECT = "an object"
    OBJECTS = "an object of objects"
    STRUCTURE = "an object, a list or null"
    ANY = "a value"


Allowed = Kind | frozenset[str]
"""A kind, or the texts that there are."""

_NO_FIELDS: Mapping[str, Allowed] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind, and for an object the fields that it must have and those it may have; others are not looked at."""

    kind: Kind
    required: Mapping[str, Allowed] = field(default_factory=lambda: _NO_FIELDS)
    optional: Mapping[str, Allowed] = field(default_factory=lambda: _NO_FIELDS)

    def fault(self, value: Any) -> str | None:
        """Say what is wrong with a value, such as `needs "id"`; None for nothing."""
        if not _is(value, self.kind):
            return f"must be {self.kind.value}, not {_name(value)}"
        for name in self.required:
            if name not in value:
                return f'needs "{name}"'
        for name, allowed in (*self.required.items(), *self.optional.items()):
            if name in value and not _is(value[name], allowed):
                return f'"{name}" must be {_said(allowed)}, not {_name(value[name])}'
        return None


def _is(value: Any, allowed: Allowed) -> bool:
    if isinstance(allowed, frozenset):
        return isinstance(value, str) and value in allowed
    return allowed is Kind.ANY or _TESTS[allowed](value)


def _is_object_of_objects(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(each, Mapping) for each in value.values())


_TESTS: Mapping[Kind, Callable[[Any], bool]] = {
    Kind.TEXT: lambda value: isinstance(value, str),
    Kind.FLAG: lambda value: isinstance(value, bool),
    Kind.LIST: lambda value: isinstance(value, list | tuple),
    Kind.OBJECT: lambda value: isinstance(value, Mapping),
    Kind.OBJECTS: _is_object_of_objects,
    Kind.STRUCTURE: lambda value: value is None or isinstance(value, Mapping | list | tuple),
}


def _said(allowed: Allowed) -> str:
    if isinstance(allowed, Kind):
        return allowed.value
    return "one of " + ", ".join(sorted(allowed))


def _name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"text {value!r}" if len(value) <= 20 else "text"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else f"{type(value).__name__}"
