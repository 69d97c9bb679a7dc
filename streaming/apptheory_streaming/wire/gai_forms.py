"""The events of gai as Server-Sent Events and as lines of NDJSON: one table, both ways.

Source: https://github.com/recera/gai, package stream, as it is served (read 2026-11-21).
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from apptheory_streaming.errors import FormatError, InvalidResponse
from apptheory_streaming.wire.gai_events import (
    GaiAudioDelta,
    GaiCitations,
    GaiDone,
    GaiError,
    GaiEvent,
    GaiFinish,
    GaiFinishStep,
    GaiRaw,
    GaiSafety,
    GaiStart,
    GaiTextDelta,
    GaiToolCall,
    GaiToolResult,
)
from apptheory_streaming.wire.json_text import JsonFault, read_json
from apptheory_streaming.wire.sse import ServerSentEvent
from apptheory_streaming.wire.sse_decoder import SseEvent

__all__ = ["GAI_RETRY_MILLISECONDS", "gai_from_line", "gai_from_sse", "gai_to_line", "gai_to_sse", "gai_type"]

GAI_RETRY_MILLISECONDS = 5000
"""The hint that the package sends with each error."""


class _Kind(Enum):
    """What a field may hold; the value is how a message calls it."""

    TEXT = "text"
    NUMBER = "a whole number"
    BYTES = "bytes"
    ANY = "a value"


@dataclass(frozen=True, slots=True)
class _Field:
    """Stands in a form for the field of that name; an optional one is left out where it is None."""

    name: str
    kind: _Kind = _Kind.ANY
    optional: bool = False


_Form = Mapping[str, Any]
"""Keys as they stand on the wire; a value is a field, a form, or always the same."""


@dataclass(frozen=True, slots=True)
class _Forms:
    """The name of a type, its data as a Server-Sent Event, and its fields in a line."""

    name: str
    sse: _Form
    line: _Form


_TEXT = {name: _Field(name, _Kind.TEXT) for name in ("text", "tool_id", "tool_name", "error")}
_AUDIO = _Field("audio", _Kind.BYTES)
_STEP = _Field("step_number", _Kind.NUMBER)

_FORMS: Mapping[type, _Forms] = {
    GaiStart: _Forms("start", {"started": True}, {"started": True}),
    GaiTextDelta: _Forms("text_delta", {"text": _TEXT["text"]}, {"text": _TEXT["text"]}),
    GaiAudioDelta: _Forms(
        "audio_delta",
        {"audio": _AUDIO, "format": _Field("format")},
        {"audio": {"chunk": _AUDIO, "format": _Field("format")}},
    ),
    GaiToolCall: _Forms(
        "tool_call",
        {"input": _Field("input"), "tool_id": _TEXT["tool_id"], "tool_name": _TEXT["tool_name"]},
        {"tool_call": {"id": _TEXT["tool_id"], "input": _Field("input"), "name": _TEXT["tool_name"]}},
    ),
    GaiToolResult: _Forms(
        "tool_result",
        {"result": _Field("result"), "tool_name": _TEXT["tool_name"]},
        {"tool_result": {"name": _TEXT["tool_name"], "result": _Field("result")}},
    ),
    GaiCitations: _Forms("citations", {"citations": _Field("citations")}, {"citations": _Field("citations")}),
    GaiSafety: _Forms("safety", {"safety": _Field("safety")}, {"safety": _Field("safety")}),
    GaiFinishStep: _Forms("finish_step", {"step_number": _STEP}, {"step": {"finished": True, "number": _STEP}}),
    GaiFinish: _Forms("finish", {"usage": _Field("usage")}, {"finished": True, "usage": _Field("usage")}),
    GaiError: _Forms("error", {"error": _TEXT["error"]}, {"error": _TEXT["error"]}),
    GaiDone: _Forms("done", {"finished": True}, {"finished": True}),
    GaiRaw: _Forms("raw", {"raw": _Field("raw")}, {"raw": _Field("raw", optional=True)}),
}
"""Keys are sorted, as Go writes them."""

_TYPES: Mapping[str, type] = {forms.name: each for each, forms in _FORMS.items()}


def gai_type(event: GaiEvent) -> str:
    """Give the name of an event's type, such as `text_delta`; raises InvalidResponse for what is no such event."""
    if type(event) not in _FORMS:
        raise InvalidResponse(f"an event of gai must be one of its types, not {type(event).__name__}")
    return _FORMS[type(event)].name


def gai_to_sse(
    event: GaiEvent,
    *,
    id: str | None = None,  # noqa: A002 - the name of the field
    retry: int | None = GAI_RETRY_MILLISECONDS,
) -> ServerSentEvent:
    """Give the Server-Sent Event of an event; only an error has the `retry`, in milliseconds.

    Raises InvalidResponse for a field of a wrong type.
    """
    name = gai_type(event)
    hint = retry if isinstance(event, GaiError) else None
    return ServerSentEvent(_filled(_FORMS[type(event)].sse, event, name), name, id, hint)


def gai_from_sse(event: SseEvent) -> GaiEvent:
    """Give the event that a Server-Sent Event stands for.

    Raises FormatError for none of them; its offset is one of the data.
    """
    try:
        data = read_json(event.data)
    except JsonFault as fault:
        offset = len(event.data[: fault.position].encode())
        raise FormatError(f"data is {fault}", offset=offset, where=f"event {event.event!r}") from fault
    return _made(event.event, data, lambda forms: forms.sse)


def gai_to_line(event: GaiEvent) -> dict[str, object]:
    """Give the object of an event for a line of NDJSON: its fields, and its type last.

    Raises InvalidResponse for a field of a wrong type.
    """
    name = gai_type(event)
    return {**_filled(_FORMS[type(event)].line, event, name), "type": name}


def gai_from_line(line: object) -> GaiEvent:
    """Give the event that the value of a line stands for; raises FormatError for none of them."""
    name = line.get("type") if isinstance(line, Mapping) else None
    if not isinstance(name, str):
        raise FormatError('a line needs a "type" that is text', where=f"got {type(line).__name__}")
    return _made(name, line, lambda forms: forms.line)


def _filled(form: _Form, event: GaiEvent, name: str) -> dict[str, object]:
    return {
        key: _value(each, event, name)
        for key, each in form.items()
        if not (isinstance(each, _Field) and each.optional and getattr(event, each.name) is None)
    }


def _value(each: object, event: GaiEvent, name: str) -> object:
    if isinstance(each, Mapping):
        return _filled(each, event, name)
    if not isinstance(each, _Field):
        return each
    value: object = getattr(event, each.name)
    if not _is(value, each.kind):
        raise InvalidResponse(f"{each.name} of {name} must be {each.kind.value}, not {type(value).__name__}")
    return b64encode(value).decode() if isinstance(value, bytes) else value


def _is(value: object, kind: _Kind) -> bool:
    if kind is _Kind.NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    return kind is _Kind.ANY or isinstance(value, str if kind is _Kind.TEXT else bytes)


def _made(name: str, data: object, form_of: Callable[[_Forms], _Form]) -> GaiEvent:
    made = _TYPES.get(name)
    if made is None:
        raise FormatError(f"there is no type of event {name!r}, only {', '.join(_TYPES)}", where=f"event {name!r}")
    try:
        values = dict(_read(form_of(_FORMS[made]), data))
    except _Unfit as unfit:
        raise FormatError(str(unfit), where=f"event {name!r}") from None
    event: GaiEvent = made(**{each.name: values[each.name] for each in fields(made)})
    return event


class _Unfit(ValueError):  # noqa: N818 - becomes a FormatError that knows the event
    """Data that do not fit their form."""


def _read(form: _Form, data: object) -> Iterator[tuple[str, object]]:
    """Field -> value; what is always the same is not looked at."""
    if not isinstance(data, Mapping):
        raise _Unfit(f"needs an object, and has {type(data).__name__}")
    for key, each in form.items():
        if isinstance(each, Mapping):
            if not isinstance(data.get(key), Mapping):
                raise _Unfit(f'needs "{key}", an object')
            yield from _read(each, data[key])
        elif isinstance(each, _Field):
            yield each.name, _read_field(each, key, data)


def _read_field(each: _Field, key: str, data: Mapping[str, object]) -> object:
    if key not in data and not each.optional:
        raise _Unfit(f'needs "{key}"')
    value = data.get(key)
    if each.kind is _Kind.BYTES and isinstance(value, str):
        try:
            return b64decode(value, validate=True)
        except ValueError as error:  # characters beyond ASCII are no binascii.Error
            raise _Unfit(f'"{key}" is no base64') from error
    if not _is(value, each.kind):
        raise _Unfit(f'"{key}" must be {each.kind.value}, not {type(value).__name__}')
    return value
