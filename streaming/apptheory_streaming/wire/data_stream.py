"""The AI SDK's data stream of version 4: one part a line, a code, a colon and JSON, such as `0:"Hello"`.

Source: https://ai-sdk.dev/v4/docs/ai-sdk-ui/stream-protocol, and the parser in @ai-sdk/ui-utils 1.2.11.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from apptheory_streaming.errors import FormatError, InvalidResponse
from apptheory_streaming.wire.chunk import bytes_of
from apptheory_streaming.wire.json_shape import Kind, Shape
from apptheory_streaming.wire.json_text import JsonFault, encode_json, read_json

__all__ = [
    "DATA_STREAM_HEADER",
    "DATA_STREAM_PARTS",
    "DATA_STREAM_VERSION",
    "DataStreamDecoder",
    "DataStreamPart",
    "PartKind",
    "encode_data_part",
]

DATA_STREAM_HEADER = "x-vercel-ai-data-stream"
DATA_STREAM_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class PartKind:
    """A kind of part: its code on the wire and what its value must look like."""

    code: str
    shape: Shape


def _object(**required: Kind) -> Shape:
    return Shape(Kind.OBJECT, required)


_TEXT = Shape(Kind.TEXT)
_LIST = Shape(Kind.LIST)

DATA_STREAM_PARTS: Mapping[str, PartKind] = MappingProxyType(
    {
        "text": PartKind("0", _TEXT),
        "data": PartKind("2", _LIST),
        "error": PartKind("3", _TEXT),
        "message_annotations": PartKind("8", _LIST),
        "tool_call": PartKind("9", _object(toolCallId=Kind.TEXT, toolName=Kind.TEXT, args=Kind.STRUCTURE)),
        "tool_result": PartKind("a", _object(toolCallId=Kind.TEXT, result=Kind.ANY)),
        "tool_call_streaming_start": PartKind("b", _object(toolCallId=Kind.TEXT, toolName=Kind.TEXT)),
        "tool_call_delta": PartKind("c", _object(toolCallId=Kind.TEXT, argsTextDelta=Kind.TEXT)),
        "finish_message": PartKind("d", _object(finishReason=Kind.TEXT)),
        "finish_step": PartKind("e", _object(finishReason=Kind.TEXT)),
        "start_step": PartKind("f", _object(messageId=Kind.TEXT)),
        "reasoning": PartKind("g", _TEXT),
        "source": PartKind("h", Shape(Kind.OBJECT)),
        "redacted_reasoning": PartKind("i", _object(data=Kind.TEXT)),
        "reasoning_signature": PartKind("j", _object(signature=Kind.TEXT)),
        "file": PartKind("k", _object(data=Kind.TEXT, mimeType=Kind.TEXT)),
    }
)
"""Every part that there is, by the name that the AI SDK gives it."""

_NAME_OF_CODE = {kind.code: name for name, kind in DATA_STREAM_PARTS.items()}
_BOM = b"\xef\xbb\xbf"
_MOST_SHOWN = 20  # bytes of a line that has no code, in a message


@dataclass(frozen=True, slots=True)
class DataStreamPart:
    """One part: a name of DATA_STREAM_PARTS, such as `text`, and its value.

    `offset` is the byte of the stream at which a part that was read begins; it does not compare.
    """

    type: str
    value: Any
    offset: int | None = field(default=None, compare=False, repr=False)

    def __getitem__(self, name: str) -> Any:
        """Give a field of a value that is an object."""
        return self.value[name]


def encode_data_part(part: DataStreamPart) -> bytes:
    """Give the line of a part; raises InvalidResponse for a part or value that no client would take."""
    kind = DATA_STREAM_PARTS.get(part.type)
    if kind is None:
        raise InvalidResponse(f"{part.type!r} is no part of a data stream; there are {', '.join(DATA_STREAM_PARTS)}")
    fault = kind.shape.fault(part.value)
    if fault is not None:
        raise InvalidResponse(f"the value of a {part.type} part {fault}")
    return b"%b:%b\n" % (kind.code.encode(), encode_json(part.value, f"the value of a {part.type} part"))


class DataStreamDecoder:
    """Reads parts from bytes that may be cut anywhere.

    Only LF ends a line, empty lines count for nothing, and a BOM may stand at the very beginning.
    What no client would take is a FormatError that says at which byte; nothing can be read after it.
    """

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self._rest: list[bytes] = []
        self._offset = 0  # of the line that is not complete

    def feed(self, data: bytes | bytearray | memoryview) -> list[DataStreamPart]:
        """Take the next bytes of the stream, and give the parts that they complete."""
        return list(self.read(data))

    def read(self, data: bytes | bytearray | memoryview) -> Iterator[DataStreamPart]:
        """Take the next bytes, and give their parts one by one, up to what is wrong."""
        *lines, rest = bytes_of(data).split(b"\n")
        for line in lines:
            yield from self._end_line(line)
        self._rest.append(rest)

    def close(self) -> list[DataStreamPart]:
        """End the stream, and give the part of a last line without its LF."""
        return self._end_line(b"")

    def _end_line(self, end: bytes) -> list[DataStreamPart]:
        line, offset = b"".join((*self._rest, end)), self._offset
        self._rest.clear()
        self._offset += len(line) + 1
        if offset == 0 and line.startswith(_BOM):
            line, offset = line.removeprefix(_BOM), len(_BOM)
        return [_read(line, offset)] if line else []


def _read(line: bytes, offset: int) -> DataStreamPart:
    code, colon, text = _text(line, offset).partition(":")
    name = _NAME_OF_CODE.get(code)
    if not colon or name is None:
        short = colon and len(code) <= 2
        problem = f"code {code!r} is none" if short else "a line begins with a code and a colon"
        shown = line[:_MOST_SHOWN].decode(errors="replace") + ("…" if len(line) > _MOST_SHOWN else "")
        raise FormatError(f"no part of a data stream: {problem}, in {shown!r}", offset=offset)
    value = _value(name, text, offset + len(code) + 1)
    fault = DATA_STREAM_PARTS[name].shape.fault(value)
    if fault is not None:
        raise FormatError(f"the value of a {name} part {fault}", offset=offset)
    return DataStreamPart(name, value, offset)


def _text(line: bytes, offset: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise FormatError("no UTF-8", offset=offset + error.start) from error


def _value(name: str, text: str, offset: int) -> Any:
    try:
        return read_json(text)
    except JsonFault as fault:
        at = offset + len(text[: fault.position].encode())
        raise FormatError(f"the value of a {name} part is {fault}", offset=at) from fault
