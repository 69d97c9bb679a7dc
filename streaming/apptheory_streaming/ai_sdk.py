"""Responses in the formats of the AI SDK: its data stream of version 4, its UI message stream since version 5."""

from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from apptheory_streaming.errors import InvalidResponse, StreamTypeError, UsageError
from apptheory_streaming.framed_response import framed_response
from apptheory_streaming.framing import Framing, public_error
from apptheory_streaming.header_presets import SSE_HEADERS, with_preset
from apptheory_streaming.heartbeat import Heartbeat, make_heartbeat
from apptheory_streaming.options import choose
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.sse_response import HEARTBEAT_SECONDS
from apptheory_streaming.wire.data_stream import (
    DATA_STREAM_HEADER,
    DATA_STREAM_VERSION,
    DataStreamPart,
    encode_data_part,
)
from apptheory_streaming.wire.done_mark import DONE_BYTES, ends_in_done
from apptheory_streaming.wire.head import HeaderInput
from apptheory_streaming.wire.sse_gap import ends_event
from apptheory_streaming.wire.ui_message_stream import (
    UI_MESSAGE_DONE,
    UI_MESSAGE_HEADER,
    UI_MESSAGE_VERSION,
    UiMessagePart,
    encode_ui_part,
)

__all__ = [
    "DATA_STREAM_HEADERS",
    "UI_MESSAGE_STREAM_HEADERS",
    "StreamProtocol",
    "data_stream",
    "ui_message_stream",
]

_TEXT_HEADERS: Mapping[str, str] = MappingProxyType(
    {**SSE_HEADERS, "content-type": "text/plain; charset=utf-8"}  # the same reasons: it must not be held back
)

DATA_STREAM_HEADERS: Mapping[str, str] = MappingProxyType({**_TEXT_HEADERS, DATA_STREAM_HEADER: DATA_STREAM_VERSION})

UI_MESSAGE_STREAM_HEADERS: Mapping[str, str] = MappingProxyType({**SSE_HEADERS, UI_MESSAGE_HEADER: UI_MESSAGE_VERSION})

_Items = Iterable[object] | AsyncIterable[object] | None


class StreamProtocol(StrEnum):
    """What useChat of version 4 calls `streamProtocol`."""

    DATA = "data"
    """Every part, in its code."""
    TEXT = "text"
    """The text alone, as it is."""


def data_stream(
    parts: _Items,
    *,
    status: int = 200,
    headers: HeaderInput | None = None,
    cookies: Iterable[str] = (),
    protocol: str = "data",
    heartbeat: float | None = None,
    error_parts: bool = False,
) -> StreamingResponse:
    """Stream a data stream of the AI SDK, version 4, one chunk a part, with DATA_STREAM_HEADERS.

    A part is a DataStreamPart, or text; bytes are taken as parts that are encoded already and sent
    unchanged.  With `protocol="text"` the text alone is sent, other parts are left out, and the
    header of the format as well.  With `error_parts`, a late error is sent as an `error` part and
    goes on as before (rule E3); the text protocol has none.

    After `heartbeat` seconds without a chunk an empty line is sent (rule W4): the format knows no
    comment, but the AI SDK skips empty lines.  Raises UsageError for another protocol, and for a
    heartbeat that is none or that the text protocol cannot have.
    """
    text = choose(StreamProtocol, "protocol", protocol) is StreamProtocol.TEXT
    return framed_response(
        _TextOnly() if text else _DataParts(error_parts=error_parts),
        _items(parts),
        status=status,
        headers=with_preset(_TEXT_HEADERS if text else DATA_STREAM_HEADERS, headers),
        cookies=cookies,
        heartbeat=_empty_lines(heartbeat, text=text),
    )


def ui_message_stream(
    parts: _Items,
    *,
    status: int = 200,
    headers: HeaderInput | None = None,
    cookies: Iterable[str] = (),
    heartbeat: float | None = HEARTBEAT_SECONDS,
    error_parts: bool = False,
) -> StreamingResponse:
    """Stream a UI message stream of the AI SDK, version 5 and later, with UI_MESSAGE_STREAM_HEADERS.

    A part is a UiMessagePart or a mapping with its `type`; text is the delta of a text block that
    is opened before it, and closed before the next part that is no text; bytes are taken as events
    that are encoded already and sent unchanged.  `[DONE]` comes at the end, unless such bytes ended
    in it.  `heartbeat` is that of `sse_stream`.  With `error_parts`, a late error is sent as an
    `error` part, with `[DONE]` behind it as the AI SDK has it, and goes on as before (rule E3).
    """
    return framed_response(
        _UiParts(error_parts=error_parts),
        _items(parts),
        status=status,
        headers=with_preset(UI_MESSAGE_STREAM_HEADERS, headers),
        cookies=cookies,
        heartbeat=heartbeat,
    )


def _empty_lines(seconds: float | None, *, text: bool) -> Heartbeat | None:
    beat = make_heartbeat(seconds)
    if beat is None:
        return None
    if text:
        raise UsageError("the text protocol has no heartbeat: all that is sent is text of the answer")
    return replace(beat, frame=b"\n", may_follow=_ends_line)


def _ends_line(tail: bytes) -> bool:
    return not tail or tail.endswith(b"\n")


class _DataParts(Framing):
    def __init__(self, *, error_parts: bool) -> None:
        super().__init__()
        self._error_parts = error_parts
        self._line_is_open = False

    def frames_of(self, item: object) -> tuple[bytes]:
        frame = _given(item)
        if frame is None:
            frame = encode_data_part(_data_part(item))
        self._line_is_open = not frame.endswith(b"\n") if frame else self._line_is_open
        return (frame,)

    def last_frames(self) -> tuple[()]:
        return ()

    def error_frames(self, error: Exception) -> Iterator[bytes]:
        if self._error_parts and not self._line_is_open:
            yield encode_data_part(DataStreamPart("error", public_error(error)[1]))


class _TextOnly(Framing):
    def frames_of(self, item: object) -> Iterator[bytes]:
        given = _given(item)
        if given is not None:
            yield given
            return
        part = _data_part(item)
        encode_data_part(part)  # what the one protocol refuses, the other must not let pass
        if part.type == "text":
            yield part.value.encode()

    def last_frames(self) -> tuple[()]:
        return ()

    def error_frames(self, error: Exception) -> tuple[()]:  # noqa: ARG002 - there is no part to tell it in
        return ()


class _UiParts(Framing):
    def __init__(self, *, error_parts: bool) -> None:
        super().__init__()
        self._error_parts = error_parts
        self._blocks = 0
        self._open = False
        self._tail = b""

    def frames_of(self, item: object) -> Iterator[bytes]:
        if isinstance(item, str):
            yield from self._text(item)
            return
        yield from self._close()
        given = _given(item)
        frame = encode_ui_part(_ui_part(item)) if given is None else given
        self._tail = (self._tail + frame)[-DONE_BYTES:]
        yield frame

    def last_frames(self) -> Iterator[bytes]:
        yield from self._close()
        if not ends_in_done(self._tail):
            yield UI_MESSAGE_DONE

    def error_frames(self, error: Exception) -> Iterator[bytes]:
        if self._error_parts and ends_event(self._tail):
            yield encode_ui_part(UiMessagePart("error", {"errorText": public_error(error)[1]}))
            yield UI_MESSAGE_DONE

    def _text(self, delta: str) -> Iterator[bytes]:
        if not self._open:
            self._open = True
            self._blocks += 1
            yield self._block("text-start")
        yield self._block("text-delta", delta=delta)

    def _close(self) -> Iterator[bytes]:
        if self._open:
            self._open = False
            yield self._block("text-end")

    def _block(self, part_type: str, **fields: str) -> bytes:
        self._tail = b""
        return encode_ui_part(UiMessagePart(part_type, {"id": f"text-{self._blocks}", **fields}))


def _data_part(item: object) -> DataStreamPart:
    if isinstance(item, str):
        return DataStreamPart("text", item)
    if not isinstance(item, DataStreamPart):
        raise StreamTypeError(f"a part of a data stream is a DataStreamPart, text or bytes, not {type(item).__name__}")
    return item


def _ui_part(item: object) -> UiMessagePart:
    if isinstance(item, UiMessagePart):
        return item
    if not isinstance(item, Mapping):
        raise StreamTypeError(
            f"a part of a UI message stream is a UiMessagePart, a mapping, text or bytes, not {type(item).__name__}"
        )
    fields: dict[str, Any] = dict(item)
    part_type = fields.pop("type", None)
    if not isinstance(part_type, str):
        raise InvalidResponse(f'a part of a UI message stream needs a "type", which is text, not {part_type!r}')
    return UiMessagePart(part_type, fields)


def _given(item: object) -> bytes | None:
    """What is encoded already."""
    return bytes(item) if isinstance(item, bytes | bytearray | memoryview) else None


def _items(parts: _Items) -> Iterable[object] | AsyncIterable[object]:
    if parts is None:
        return ()
    if isinstance(parts, str | bytes | bytearray | memoryview | Mapping | DataStreamPart | UiMessagePart):
        return (parts,)  # one part, never iterated by character (rule R1)
    if isinstance(parts, Iterable | AsyncIterable):
        return parts
    raise UsageError(f"parts must be an iterable of them, sync or async, not {type(parts).__name__}")
