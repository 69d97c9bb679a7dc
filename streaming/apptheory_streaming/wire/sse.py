"""Server-Sent Events: the encoder.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import json
import re
from dataclasses import dataclass

from apptheory_streaming.errors import FrameInjection, InvalidResponse
from apptheory_streaming.wire.json_text import encode_json

__all__ = ["ServerSentEvent", "encode_event", "encode_fields", "event_of"]

MOST_MILLISECONDS = 2**53 - 1
"""The greatest `retry` that a browser's number holds exactly."""

_LINE_END = re.compile(r"\r\n|\r|\n")  # the only three; str.splitlines knows more
_STRUCTURE = re.compile(r"[\r\n\0]")
_to_sorted_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


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


def event_of(value: object) -> ServerSentEvent:
    """Give an event as it is, and any other value as the data of one: None is the JSON `null`."""
    if isinstance(value, ServerSentEvent):
        return value
    return ServerSentEvent("null" if value is None else value)


def encode_event(event: ServerSentEvent, *, sort_keys: bool = False) -> bytes:
    """Give the bytes of one event, its blank line included (rule W2).

    Raises FrameInjection for CR, LF or NUL in `id` or `event`, and InvalidResponse for a field
    that is no text, a `retry` that is not a whole number of milliseconds, data without a JSON form
    (NaN has none) and text without a UTF-8 form.
    """
    return encode_fields(
        event.data, event=event.event, id=event.id, retry=event.retry, comment=event.comment, sort_keys=sort_keys
    )


def encode_fields(
    data: object = None,
    *,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 - the name of the field
    retry: int | None = None,
    comment: str | None = None,
    sort_keys: bool = False,
) -> bytes:
    """Give what `encode_event` gives for an event of these fields, without the event."""
    head = "" if comment is None else _each_line(": ", _checked("comment", comment))
    if id is not None:
        head += f"id: {_one_line('id', id)}\n"
    if event is not None:
        head += f"event: {_one_line('event', event)}\n"
    if retry is not None:
        head += f"retry: {_milliseconds(retry)}\n"
    try:
        if data is None:
            return f"{head}\n".encode()
        if isinstance(data, str):
            return f"{head}{_each_line('data: ', str.__str__(data))}\n".encode()
        text = encode_json(data, "data of an event")  # one line
        return b"".join((head.encode(), b"data: ", _sorted(text) if sort_keys else text, b"\n\n"))
    except UnicodeEncodeError as error:
        raise InvalidResponse(f"text of an event has no UTF-8 form: {error.reason}") from error


def _each_line(prefix: str, text: str) -> str:
    if "\n" not in text and "\r" not in text:
        return f"{prefix}{text}\n"
    return "".join(f"{prefix}{line}\n" for line in _LINE_END.split(text))


def _one_line(field: str, value: str) -> str:
    if type(value) is str and value.isprintable():  # as it nearly always is; what is not may still be harmless
        return value
    text = _checked(field, value)
    found = _STRUCTURE.search(text)
    if found:
        raise FrameInjection(f"{field} of an event must not contain {found.group()!r} (position {found.start()})")
    return text


def _checked(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidResponse(f"{field} of an event must be text, not {type(value).__name__}")
    return str.__str__(value)  # whatever a subclass such as an Enum makes of `str`


def _milliseconds(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidResponse(f"retry must be a whole number of milliseconds, not {value!r}")
    if not 0 <= value <= MOST_MILLISECONDS:
        raise InvalidResponse(f"retry must be from 0 to {MOST_MILLISECONDS} milliseconds")
    return int.__index__(value)


def _sorted(text: bytes) -> bytes:
    return _to_sorted_text(json.loads(text)).encode()
