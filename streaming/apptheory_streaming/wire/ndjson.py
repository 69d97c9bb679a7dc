"""NDJSON: one JSON text and one LF for each item (rule W5).

Source: https://github.com/ndjson/ndjson-spec.
"""

from collections.abc import Mapping

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.json_text import encode_json_line

__all__ = ["encode_line"]


def encode_line(item: object, *, timestamp: int | None = None) -> bytes:
    """Give the line of an item, its LF included; a JSON text never holds a line break of its own.

    `timestamp` (whole seconds since 1970) is added to an object that has none itself.  Raises
    InvalidResponse for an item without a JSON form, and for one that is no object where a
    timestamp is to be added.
    """
    return encode_json_line(item if timestamp is None else _stamped(item, timestamp), "an item")


def _stamped(item: object, timestamp: int) -> dict[object, object]:
    if not isinstance(item, Mapping):
        raise InvalidResponse(f"only an object can have a timestamp; the item is of type {type(item).__name__}")
    return {**item, "timestamp": item.get("timestamp", timestamp)}
