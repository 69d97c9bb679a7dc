"""The JSON of a buffered return value, as the official Python runtime client makes it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from apptheory_streaming.errors import MarshalError

__all__ = ["BufferedPayload", "marshal"]

_Scalar = str | bytes | int | float | Decimal | None
_Container = dict[object, object] | list[object] | tuple[object, ...]
_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class BufferedPayload:
    """The bytes of a buffered answer and their content type."""

    body: bytes
    content_type: str = "application/json"


def marshal(value: object) -> BufferedPayload:
    """Give the JSON text of a value (rule R0); bytes stay bytes, as `application/unknown`.

    As awslambdaric 4.2 does on Python 3.12 and later: a blank behind `,` and `:`, text unescaped,
    NaN and Infinity as they are, a Decimal as its digits, bytes inside a value as UTF-8 text, an
    object for what has `_asdict` (a named tuple).  Raises MarshalError naming the place of what
    has no JSON form.
    """
    if isinstance(value, BufferedPayload):  # of a runtime that made it
        return value
    if isinstance(value, bytes):
        return BufferedPayload(value, "application/unknown")
    parts: list[str] = []
    try:
        _write(value, "$", parts)
        return BufferedPayload("".join(parts).encode())
    except RecursionError as error:
        raise MarshalError("the returned value has no JSON form: it contains itself, or nests too deep") from error
    except ValueError as error:  # text or bytes without a UTF-8 form, or more digits than Python writes
        raise MarshalError(f"the returned value has no JSON form: {error}") from error


def _write(value: object, path: str, parts: list[str]) -> None:
    """Append the JSON text of what stands at `path`; one frame a level, so that deep values fit."""
    if isinstance(value, _Scalar):
        parts.append(_scalar(value))
        return
    container = _container(value, path)
    begin, end = ("{", "}") if isinstance(container, dict) else ("[", "]")
    parts.append(begin)
    for number, (label, child, place) in enumerate(_members(container, path)):
        parts.append(f", {label}" if number else label)
        _write(child, place, parts)
    parts.append(end)


def _scalar(value: _Scalar) -> str:
    if isinstance(value, Decimal):
        return "NaN" if value.is_nan() else str(value)
    return _encode(value.decode() if isinstance(value, bytes) else value)


def _container(value: object, path: str) -> _Container:
    fields = _fields(value)
    found = value if fields is None else fields
    if isinstance(found, dict) or (fields is None and isinstance(found, list | tuple)):
        return found
    raise MarshalError(
        f"the returned value has no JSON form: {path} is of type {type(value).__name__}; "
        "return JSON values, or a stream (an iterator, StreamingResponse) to send bytes"
    )


def _fields(value: object) -> object:
    """What `_asdict` gives, or None where there is no such method."""
    method = getattr(value, "_asdict", None)
    if isinstance(value, type) or not callable(method):
        return None
    return method()


def _members(container: _Container, path: str) -> Iterator[tuple[str, object, str]]:
    """Give the label, the value and the place of each member; an array has no labels."""
    if isinstance(container, dict):
        for name, child in container.items():
            yield f"{_key(name, path)}: ", child, f"{path}.{name}"
    else:
        for index, child in enumerate(container):
            yield "", child, f"{path}[{index}]"


def _key(name: object, path: str) -> str:
    if isinstance(name, Decimal) or not isinstance(name, _Scalar):
        raise MarshalError(f"the returned value has no JSON form: a key of {path} is of type {type(name).__name__}")
    return _scalar(name) if isinstance(name, str | bytes) else _encode(_encode(name))
