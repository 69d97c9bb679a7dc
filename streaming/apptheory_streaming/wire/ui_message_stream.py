"""The AI SDK's UI message stream of version 5 and later: parts in JSON as Server-Sent Events, and `[DONE]`.

Source: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol, read 2026-11-21.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apptheory_streaming.errors import FormatError, InvalidResponse, UsageError
from apptheory_streaming.wire.chunk import bytes_of
from apptheory_streaming.wire.json_shape import Shape
from apptheory_streaming.wire.json_text import JsonFault, encode_json, read_json
from apptheory_streaming.wire.line_cutter import Line, LineCutter
from apptheory_streaming.wire.sse_decoder import SseDecoder
from apptheory_streaming.wire.ui_message_parts import DATA_PREFIX, DATA_SHAPE, LATEST_VERSION, UI_MESSAGE_PARTS

__all__ = [
    "UI_MESSAGE_DONE",
    "UI_MESSAGE_HEADER",
    "UI_MESSAGE_VERSION",
    "UiMessageDecoder",
    "UiMessagePart",
    "encode_ui_part",
    "shapes_of_version",
]

UI_MESSAGE_HEADER = "x-vercel-ai-ui-message-stream"
UI_MESSAGE_VERSION = "v1"
"""The value of that header, the same in every version of the AI SDK so far."""

UI_MESSAGE_DONE = b"data: [DONE]\n\n"
_DONE = "[DONE]"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class UiMessagePart:
    """One part: its type, such as `text-delta`, and its other fields.

    `offset` is the byte of the stream at which a part that was read begins; it does not compare.
    """

    type: str
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    offset: int | None = field(default=None, compare=False, repr=False)

    def __getitem__(self, name: str) -> Any:
        """Give a field."""
        return self.fields[name]


def encode_ui_part(part: UiMessagePart) -> bytes:
    """Give the event of a part; raises InvalidResponse for a part that no client of the latest version would take."""
    if "type" in part.fields:
        raise InvalidResponse(f"the fields of a {part.type} part must not have another type")
    fault = _fault(part.type, part.fields, UI_MESSAGE_PARTS[LATEST_VERSION])
    if fault is not None:
        raise InvalidResponse(fault)
    return b"data: %b\n\n" % encode_json({"type": part.type, **part.fields}, f"a {part.type} part")


def shapes_of_version(version: int) -> Mapping[str, Shape]:
    """Give the parts of a version of the AI SDK; raises UsageError naming the versions there are."""
    if version not in UI_MESSAGE_PARTS:
        known = ", ".join(map(str, UI_MESSAGE_PARTS))
        raise UsageError(f"version must be that of the AI SDK, one of {known}, not {version!r}")
    return UI_MESSAGE_PARTS[version]


class UiMessageDecoder:
    """Reads parts from bytes that may be cut anywhere, as a client with this version of the AI SDK would.

    `done_at` is the byte at which `[DONE]` began, None before it came.  What the client would not
    take is a FormatError that says at which byte; nothing can be read after it.
    """

    def __init__(self, *, version: int = LATEST_VERSION) -> None:
        """Begin at the start of a stream; raises UsageError for a version that is not known."""
        self.done_at: int | None = None
        self._shapes = shapes_of_version(version)
        self._events = SseDecoder()
        self._lines = LineCutter()
        self._data: Line | None = None  # the first one of the event that is not complete

    def feed(self, data: bytes | bytearray | memoryview) -> list[UiMessagePart]:
        """Take the next bytes of the stream, and give the parts that they complete."""
        return list(self.read(data))

    def close(self) -> list[UiMessagePart]:
        """End the stream: an event without its blank line is discarded, as clients do."""
        return []

    def read(self, data: bytes | bytearray | memoryview) -> Iterator[UiMessagePart]:
        """Take the next bytes, and give their parts one by one, up to what is wrong."""
        for line in self._lines.feed(bytes_of(data)):
            if self._data is None and line.text.removeprefix(_BOM).partition(b":")[0] == b"data":
                self._data = line
            for event in self._events.feed(line.text + b"\n"):
                yield from self._part(event.data, self._data or line)
            if not line.text:
                self._data = None

    def _part(self, data: str, line: Line) -> Iterator[UiMessagePart]:
        if data == _DONE:
            self.done_at = line.offset if self.done_at is None else self.done_at
            return
        try:
            fields = read_json(data)
        except JsonFault as fault:
            raise FormatError(f"a part is {fault}", offset=_byte(line, data, fault.position)) from fault
        if not isinstance(fields, dict) or not isinstance(fields.get("type"), str):
            raise FormatError('a part must be an object whose "type" is text', offset=line.offset)
        part_type: str = fields.pop("type")
        problem = _fault(part_type, fields, self._shapes)
        if problem is not None:
            raise FormatError(problem, offset=line.offset)
        yield UiMessagePart(part_type, fields, line.offset)


def _fault(part_type: str, fields: Mapping[str, Any], shapes: Mapping[str, Shape]) -> str | None:
    shape = DATA_SHAPE if part_type.startswith(DATA_PREFIX) else shapes.get(part_type)
    if shape is None:
        return f"{part_type!r} is no part of a UI message stream; there are {', '.join(shapes)}, and data-…"
    fault = shape.fault(fields)
    return None if fault is None else f"a {part_type} part {fault}"


def _byte(line: Line, data: str, position: int) -> int:
    """The byte of a character of the data, where all of that stands in this line; else that of the line."""
    whole = data.encode(errors="replace")
    if not line.text.endswith(whole):
        return line.offset
    return line.offset + len(line.text) - len(whole) + len(data[:position].encode(errors="replace"))
