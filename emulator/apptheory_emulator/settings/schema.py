"""Checks a value against the schema of the settings: the part of JSON Schema that it uses."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["Fault", "faults", "settings_schema"]

Path = tuple[str | int, ...]

_BEYOND = 2**63


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that cannot be, by its path, and why."""

    path: Path
    why: str


@cache
def settings_schema() -> Mapping[str, Any]:
    """Give the schema of the settings, which ships as `apptheory.schema.json`."""
    text = files("apptheory_emulator.settings").joinpath("apptheory.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def faults(value: object) -> Iterator[Fault]:
    """Give what is wrong with settings, from the outside in and in the order of the file."""
    yield from _faults(value, settings_schema(), ())


def _faults(value: object, schema: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    if "$ref" in schema:
        schema = settings_schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    why = _wrong(value, schema)
    if why is not None:
        yield Fault(path, why)
    elif isinstance(value, dict):
        yield from _of_table(value, schema, path)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _faults(each, schema["items"], (*path, index))


def _of_table(table: Mapping[str, Any], schema: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    known = schema.get("properties", {})
    others = schema["additionalProperties"]
    pattern = schema.get("propertyNames", {}).get("pattern")
    for name, value in table.items():
        if pattern and not re.search(pattern, name):
            yield Fault((*path, name), "a name has letters, digits, - and _, 64 of them at most")
        elif name in known:
            yield from _faults(value, known[name], (*path, name))
        elif others:
            yield from _faults(value, others, (*path, name))
        else:
            yield Fault((*path, name), _unknown(name, known))
    for name in schema.get("required", ()):
        if name not in table:
            yield Fault(path, f"{name} is missing")
    choices = [choice["required"][0] for choice in schema.get("anyOf", ())]
    if choices and not set(choices) & set(table):
        yield Fault(path, f"{' or '.join(choices)} is missing: it says what to run")


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"there is no such setting; {f'did you mean {near[0]}?' if near else 'there are ' + ', '.join(known)}"


def _wrong(value: object, schema: Mapping[str, Any]) -> str | None:
    """Why a value by itself cannot be, or None."""
    if isinstance(value, int) and not -_BEYOND <= value < _BEYOND:  # Python reads them, and cannot always show them
        return "a whole number of TOML has 64 bits, and this one is beyond them"
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if kinds and not any(_TYPES[kind][1](value) for kind in kinds):
        return f"it must be {' or '.join(_TYPES[kind][0] for kind in kinds)}, not {_shown(value)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"it must be one of {', '.join(schema['enum'])}, not {_shown(value)}"
    return next((why for key, breaks, why in _bounds(value, schema) if key in schema and breaks), None)


def _bounds(value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[str, bool, str]]:
    """Each bound that a schema may have for values of this type: its key, whether it is broken, and why."""
    bound = {key: schema.get(key, 0) for key in _NUMBERS}
    if isinstance(value, int | float):
        least, most, above = bound["minimum"], bound["maximum"], bound["exclusiveMinimum"]
        yield "minimum", value < least, f"it must be {least} or more, not {value}"
        yield "maximum", value > most, f"it must be {most} or less, not {value}"
        yield "exclusiveMinimum", not above < value < math.inf, f"it must be more than {above}, not {value}"
    elif isinstance(value, str):
        yield "minLength", len(value) < bound["minLength"], "it is empty"
    else:
        yield "minItems", len(value) < bound["minItems"], "it is empty"
        yield "minProperties", len(value) < bound["minProperties"], "it is empty"
        yield "maxItems", len(value) > bound["maxItems"], f"it has more than {bound['maxItems']} entries"


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool | int | float) else _kind(value)


def _kind(value: object) -> str:
    names = (name for name, holds in _TYPES.values() if holds(value))
    return next(names, f"a {type(value).__name__}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "object": ("a table", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "string": ("a text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("a whole number", lambda value: _is_number(value) and isinstance(value, int)),
    "number": ("a number", _is_number),
}
_NUMBERS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "minLength",
    "minItems",
    "minProperties",
    "maxItems",
)
