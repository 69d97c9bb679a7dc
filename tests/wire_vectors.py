"""Reads the golden vectors of the wire formats: bytes, cuts, and what they mean."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from apptheory_fixtures import load

__all__ = ["FORMATS", "Vector", "bytes_of", "decoded", "encoded", "pieces", "refused"]

FORMATS = ["data_stream", "event_stream", "ndjson", "prelude", "sse", "ui_message_stream"]


@dataclass(frozen=True, slots=True)
class Vector:
    """A stream with the cuts that are worth a try, and what its kind of vector has beside it."""

    stream: bytes
    cuts: list[list[int]]
    expect: Any
    value: Any
    before: list[Any]
    why: str
    at: int | None


def decoded(wire: str) -> dict[str, Vector]:
    """The streams of a format that hold something, by name."""
    return _vectors(wire, "decode")


def refused(wire: str) -> dict[str, Vector]:
    """The streams of a format that are wrong."""
    return _vectors(wire, "refuse")


def encoded(wire: str) -> dict[str, Vector]:
    """The values of a format and their bytes."""
    return _vectors(wire, "encode")


def bytes_of(fields: Mapping[str, str]) -> bytes:
    """Bytes as the files have them."""
    return base64.b64decode(fields["value"]) if fields["encoding"] == "base64" else fields["value"].encode()


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """A stream cut at these places."""
    return [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])]


def _vectors(wire: str, kind: str) -> dict[str, Vector]:
    return {each["name"]: _vector(each) for each in load(f"wire/{wire}.json")[kind]}


def _vector(fields: dict[str, Any]) -> Vector:
    return Vector(
        stream=bytes_of(fields["bytes"]),
        cuts=fields.get("cuts", []),
        expect=fields.get("expect"),
        value=fields.get("value"),
        before=fields.get("before", []),
        why=fields.get("why", ""),
        at=fields.get("at"),
    )
