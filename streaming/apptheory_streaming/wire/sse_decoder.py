"""Server-Sent Events: the decoder (rule W3).

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation.
"""

import re
from dataclasses import dataclass
from typing import Any

from apptheory_streaming.wire.chunk import bytes_of
from apptheory_streaming.wire.json_text import read_json

__all__ = ["SseDecoder", "SseEvent"]

_LINE_END = re.compile(rb"\r\n|\r|\n")
_MILLISECONDS = re.compile(r"[0-9]{1,4000}")  # ASCII digits alone; Python reads no number of 5000
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event as a client gets it.

    `id` is the last event id at that moment, which stays from event to event; `event` is `message`
    unless the block names another; `retry` is the one given in this very block, in milliseconds.
    """

    data: str
    event: str = "message"
    id: str = ""
    retry: int | None = None

    def json(self) -> Any:
        """Parse the data as JSON; raises ValueError when it is none, as NaN is none."""
        return read_json(self.data)


class SseDecoder:
    """Reads events from bytes that may be cut anywhere.

    `last_event_id` and `retry` are what a client would use to connect again; `close` keeps them.
    """

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self.last_event_id = ""
        self.retry: int | None = None
        self._after_cr = False
        self._begin()

    def feed(self, data: bytes | bytearray | memoryview) -> list[SseEvent]:
        """Take the next bytes of the stream, and give the events that they complete."""
        piece = bytes_of(data)
        if not piece:
            return []
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]  # the other half of a CRLF, whose line has ended with the CR
        self._after_cr = piece.endswith(b"\r")
        *lines, rest = _LINE_END.split(piece)
        events: list[SseEvent] = []
        for line in lines:
            self._unfinished.append(line)
            whole = b"".join(self._unfinished)
            self._unfinished.clear()
            event = self._take_line(whole)
            if event is not None:
                events.append(event)
        self._unfinished.append(rest)
        return events

    def close(self) -> None:
        """End the stream: a block without its blank line is discarded, and another stream may follow."""
        self._begin()

    def _begin(self) -> None:
        self._unfinished: list[bytes] = []
        self._after_cr = False
        self._at_start = True
        self._id = self.last_event_id
        self._forget_block()

    def _forget_block(self) -> None:
        self._data: list[str] = []
        self._event = ""
        self._block_retry: int | None = None

    def _take_line(self, line: bytes) -> SseEvent | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        field, _, value = line.decode("utf-8", "replace").partition(":")
        self._take_field(field, value.removeprefix(" "))
        return None

    def _take_field(self, field: str, value: str) -> None:
        match field:
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if _MILLISECONDS.fullmatch(value):
                self.retry = self._block_retry = int(value)
            case _:  # a comment, whose field is empty, or a field that nobody knows
                pass

    def _dispatch(self) -> SseEvent | None:
        self.last_event_id = self._id
        event = None
        if self._data:
            event = SseEvent("\n".join(self._data), self._event or "message", self._id, self._block_retry)
        self._forget_block()
        return event
