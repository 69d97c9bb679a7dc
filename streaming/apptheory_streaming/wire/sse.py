"""Server-Sent Events: the encoder.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from apptheory_streaming.errors import FrameInjection, InvalidResponse

__all__ = ["KEEP_ALIVE", "ServerSentEvent", "encode_event", "ends_event"]

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which a client reads and forgets."""

_LINE_END = re.compile(r"\r\n|\r|\n")  # the only three; str.splitlines knows more
_STRUCTURE = re.compile(r"[\r\n\0]")
_TWO_LINE_ENDS = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)\Z")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event: `data` is text or a value to send as JSON; `retry` is in milliseconds.

    Without `data` the block carries only what else is given, so
    `ServerSentEvent(comment="keep-alive")` is a comment.
    """

    data: object = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None


def encode_event(event: ServerSentEvent, *, sort_keys: bool = False) -> bytes:
    """Give the bytes of one event, its blank line included (rule W2).

    Raises FrameInjection for CR, LF or NUL in `id` or `event`, and InvalidResponse for a field
    that is no text, a `retry` that is not a whole number of milliseconds, data without a JSON form
    (NaN has none) and text without a UTF-8 form.
    """
    text = "".join(f"{line}\n" for line in (*_lines(event, sort_keys), ""))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidResponse(f"text of an event has no UTF-8 form: {error.reason}") from error


def ends_event(stream: bytes) -> bool:
    """Whether another event may follow these bytes, the last ones of a stream so far: they end in a blank line."""
    return not stream or _TWO_LINE_ENDS.search(stream) is not None


def _lines(event: ServerSentEvent, sort_keys: bool) -> Iterator[str]:
    if event.comment is not None:
        yield from (f": {line}" for line in _LINE_END.split(_checked("comment", event.comment)))
    if event.id is not None:
        yield f"id: {_one_line('id', event.id)}"
    if event.event is not None:
        yield f"event: {_one_line('event', event.event)}"
    if event.retry is not None:
        yield f"retry: {_milliseconds(event.retry)}"
    if event.data is not None:
        yield from (f"data: {line}" for line in _LINE_END.split(_text(event.data, sort_keys)))


def _one_line(field: str, value: str) -> str:
    found = _STRUCTURE.search(_checked(field, value))
    if found:
        raise FrameInjection(f"{field} of an event must not contain {found.group()!r} (position {found.start()})")
    return value


def _checked(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidResponse(f"{field} of an event must be text, not {type(value).__name__}")
    return value


def _milliseconds(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidResponse(f"retry must be a whole number of milliseconds, not {value!r}")
    return value


def _text(data: object, sort_keys: bool) -> str:
    if isinstance(data, str):
        return data
    try:
        return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidResponse(f"data of an event has no JSON form: {error}") from error
