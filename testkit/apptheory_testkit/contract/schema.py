"""Checks a document against the schema of contract documents, and words what is wrong with it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from apptheory_fixtures import load
from apptheory_streaming.errors import UsageError

__all__ = ["SchemaFault", "contract_schema", "schema_faults"]

_Error = Any
"""A ValidationError of jsonschema, whose fields its types know as unset too."""

_WORDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """A value that cannot be, by its path in the document, and why."""

    path: tuple[str | int, ...]
    why: str


@cache
def contract_schema() -> Mapping[str, Any]:
    """Give the schema, which ships as `apptheory_fixtures/contract.schema.json`."""
    schema: dict[str, Any] = load("contract.schema.json")
    return schema


def schema_faults(value: object) -> Iterator[SchemaFault]:
    """Give what is wrong with a document; raises UsageError where jsonschema is not installed."""
    for error in _validator().iter_errors(value):
        told = _meant(error)
        path, why = (*told.absolute_path,), _WHY[str(told.validator)](told)
        yield SchemaFault((*path, _unknown(told)) if told.validator == "additionalProperties" else path, why)


@cache
def _validator() -> Any:
    try:
        from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - heavy, may be missing
    except ModuleNotFoundError as error:
        raise UsageError(f"contract documents need {error.name}: pip install 'apptheory-streaming[testkit]'") from error
    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    kind = validators.create(  # for which 1.0 is no whole number
        Draft202012Validator.META_SCHEMA, Draft202012Validator.VALIDATORS, type_checker=checker
    )
    return kind(contract_schema())


def _meant(error: _Error) -> _Error:
    """Of the choices of a value, the one that came the farthest is the one that was meant."""
    deepest = max(error.context or (), key=lambda each: len(each.path), default=None)
    return error if deepest is None or not deepest.path else _meant(deepest)


def _unknown(error: _Error) -> str:
    known: Mapping[str, Any] = error.schema["properties"]
    return str(next(name for name in error.instance if name not in known))


def _no_such_field(error: _Error) -> str:
    known = error.schema["properties"]
    near = get_close_matches(_unknown(error), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return f"there is no such field; {hint}"


def _kinds(error: _Error) -> str:
    kinds = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    return f"must be {' or '.join(_WORDS[kind] for kind in kinds)}, not {_shown(error.instance)}"


def _missing(error: _Error) -> str:
    return f"{next(name for name in error.validator_value if name not in error.instance)!r} is missing"


def _needed(error: _Error) -> str:
    found = error.instance
    pairs = [(name, other) for name, needed in error.validator_value.items() if name in found for other in needed]
    return next(f"{name!r} needs {other!r} beside it" for name, other in pairs if other not in found)


def _empty(error: _Error) -> str:
    fields = error.schema.get("properties")
    return f"must not be empty: there are {', '.join(fields)}" if fields else "must not be empty"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


_WHY: Mapping[str, Callable[[_Error], str]] = {
    "additionalProperties": _no_such_field,
    "anyOf": lambda error: " or ".join(dict.fromkeys(_WHY[str(each.validator)](each) for each in error.context or ())),
    "dependentRequired": _needed,
    "enum": lambda error: (
        f"must be one of {', '.join(map(_shown, error.validator_value))}, not {_shown(error.instance)}"
    ),
    "exclusiveMinimum": lambda error: f"must be more than {error.validator_value}, not {error.instance}",
    "maximum": lambda error: f"must be {error.validator_value} or less, not {error.instance}",
    "minimum": lambda error: f"must be {error.validator_value} or more, not {error.instance}",
    "minItems": _empty,
    "minLength": _empty,
    "minProperties": _empty,
    "pattern": lambda error: f"{_shown(error.instance)} does not match {error.validator_value}",
    "required": _missing,
    "type": _kinds,
    "uniqueItems": lambda _: "names one thing twice",
}
"""Keyword of JSON Schema -> what is wrong with a value that breaks it."""
