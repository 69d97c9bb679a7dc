"""Streams of the AI SDK as bytes and as parts: what is written, what is read, and what is neither."""

from typing import Any

from apptheory_streaming import DataStreamPart, UiMessagePart
from wire_vectors import decoded, encoded, refused

__all__ = [
    "BAD_DATA",
    "BAD_DATA_PARTS",
    "BAD_UI",
    "BAD_UI_PARTS",
    "DATA_PARTS",
    "READ_DATA",
    "READ_UI",
    "UI_PARTS",
]

DATA_PARTS: dict[str, tuple[DataStreamPart, str]] = {
    name: (DataStreamPart(**vector.value), vector.stream.decode()) for name, vector in encoded("data_stream").items()
}
"""Each part and its line, exactly as the AI SDK writes it."""

READ_DATA: dict[str, tuple[bytes, list[DataStreamPart]]] = {
    name: (vector.stream, [DataStreamPart(**part) for part in vector.expect])
    for name, vector in decoded("data_stream").items()
}

BAD_DATA: dict[str, tuple[bytes, str, int]] = {
    **{name: (vector.stream, vector.why, vector.at or 0) for name, vector in refused("data_stream").items()},
    "brackets without end": (b"2:" + b"[" * 100_000 + b"\n", "no JSON", 2),
}
"""A stream, what is said about it, and the byte at which that shows."""

BAD_DATA_PARTS: dict[str, tuple[DataStreamPart, str]] = {
    "an unknown part": (DataStreamPart("texts", "a"), "'texts' is no part of a data stream; there are text, data, "),
    "its code as its name": (DataStreamPart("0", "a"), "'0' is no part"),
    "a number as text": (DataStreamPart("text", 1), "the value of a text part must be text, not int"),
    "bytes as text": (DataStreamPart("text", b"a"), "must be text, not bytes"),
    "a set as data": (DataStreamPart("data", {1}), "must be a list, not set"),
    "a set in data": (DataStreamPart("data", [{1}]), "a data part has no JSON form"),
    "NaN": (DataStreamPart("data", [float("nan")]), "a data part has no JSON form"),
    "a lone surrogate": (DataStreamPart("text", "\ud800"), "a text part has no .*form"),
    "a result without its call": (DataStreamPart("tool_result", {"result": 1}), 'needs "toolCallId"'),
    "text for an object": (DataStreamPart("finish_message", "stop"), "must be an object, not text 'stop'"),
    "long text for an object": (DataStreamPart("finish_message", "x" * 50), "must be an object, not text$"),
    "true for an object": (DataStreamPart("finish_step", True), "must be an object, not true"),
}


def _ui_part(fields: dict[str, Any]) -> UiMessagePart:
    return UiMessagePart(fields["type"], {name: value for name, value in fields.items() if name != "type"})


UI_PARTS: dict[str, tuple[UiMessagePart, str]] = {
    name: (_ui_part(vector.value), vector.stream.decode().removeprefix("data: ").removesuffix("\n\n"))
    for name, vector in encoded("ui_message_stream").items()
}
"""Each part that every version knows, and its JSON."""

READ_UI: dict[str, tuple[bytes, list[UiMessagePart]]] = {
    name: (vector.stream, [_ui_part(part) for part in vector.expect])
    for name, vector in decoded("ui_message_stream").items()
}

BAD_UI: dict[str, tuple[bytes, str, int]] = {
    name: (vector.stream, vector.why, vector.at or 0) for name, vector in refused("ui_message_stream").items()
}

BAD_UI_PARTS: dict[str, tuple[UiMessagePart, str]] = {
    "an unknown part": (UiMessagePart("text"), "'text' is no part of a UI message stream"),
    "another type": (UiMessagePart("start", {"type": "finish"}), "must not have another type"),
    "a missing field": (UiMessagePart("text-start"), 'a text-start part needs "id"'),
    "a set": (UiMessagePart("data-x", {"data": {1}}), "a data-x part has no JSON form"),
    "a lone surrogate": (UiMessagePart("error", {"errorText": "\udfff"}), "an? error part has no .*form"),
}
