"""Frames of `application/vnd.amazon.eventstream`, in which an AWS SDK gets a stream.

A frame is the size of all of it, the size of its headers, the CRC-32 of those eight bytes, the
headers, the payload, and the CRC-32 of everything before; numbers are big-endian.  Source:
https://smithy.io/2.0/aws/amazon-eventstream.html
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID
from zlib import crc32

from apptheory_streaming.errors import FormatError, UsageError

__all__ = [
    "EVENT_STREAM_CONTENT_TYPE",
    "MAX_HEADERS_BYTES",
    "MAX_PAYLOAD_BYTES",
    "EventStreamDecoder",
    "EventStreamMessage",
    "HeaderValue",
    "encode_message",
]

EVENT_STREAM_CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_HEADERS_BYTES = 128 * 1024
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024

HeaderValue = bool | int | bytes | str | UUID
"""What a header can be; a timestamp is a number of milliseconds since the epoch."""

_PRELUDE = struct.Struct("!III")
_SIZES = struct.Struct("!II")
_CRC = struct.Struct("!I")
_LENGTH = struct.Struct("!H")
_AROUND = _PRELUDE.size + _CRC.size
_MAX_TEXT_BYTES = 32767
_INT32_BOUND = 2**31
_INT64_BOUND = 2**63

_TRUE, _FALSE, _INTEGER, _LONG, _BYTES, _TEXT, _UUID = 0, 1, 4, 5, 6, 7, 9
_NUMBERS = {2: struct.Struct("!b"), 3: struct.Struct("!h"), 4: struct.Struct("!i"), 5: struct.Struct("!q")}
_NUMBERS[8] = _NUMBERS[5]  # a timestamp


@dataclass(frozen=True, slots=True)
class EventStreamMessage:
    """One frame: headers by name, in order, and the payload."""

    headers: Mapping[str, HeaderValue] = field(default_factory=dict)
    payload: bytes = b""


def encode_message(headers: Mapping[str, HeaderValue], payload: bytes = b"") -> bytes:
    """Give the frame of a message; a whole number takes 32 bits where it fits, else 64.

    Raises UsageError for what no frame can hold: a name of 0 or more than 255 bytes, a text or bytes
    of more than 32767 or without a UTF-8 form, headers beyond MAX_HEADERS_BYTES, a payload beyond MAX_PAYLOAD_BYTES.
    """
    block = b"".join([_header(name, value) for name, value in headers.items()])
    if len(block) > MAX_HEADERS_BYTES:
        raise UsageError(f"the headers of a frame are {len(block)} bytes; the limit is {MAX_HEADERS_BYTES}")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise UsageError(f"the payload of a frame is {len(payload)} bytes; the limit is {MAX_PAYLOAD_BYTES}")
    sizes = _SIZES.pack(_AROUND + len(block) + len(payload), len(block))
    frame = b"".join((sizes, _CRC.pack(crc32(sizes)), block, payload))
    return frame + _CRC.pack(crc32(frame))


class EventStreamDecoder:
    """Reads messages from bytes that may be cut anywhere.

    Nothing is raised: `error` is the first thing that was wrong, and nothing is read after it.  A
    frame that is too large is known by its first bytes, and never kept.
    """

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self.error: FormatError | None = None
        self._start = 0  # of the frame that is being read, in the stream
        self._seen = bytearray()
        self._needed = _PRELUDE.size
        self._sizes: tuple[int, int] | None = None

    def feed(self, data: bytes | bytearray | memoryview) -> list[EventStreamMessage]:
        """Take the next bytes of the stream, and give the messages that they complete."""
        messages: list[EventStreamMessage] = []
        if self.error is None:
            self._seen += data
            try:
                self._read(messages)
            except FormatError as error:
                self.error = error
                self._seen.clear()
        return messages

    def close(self) -> None:
        """End the stream; inside a frame that is an error."""
        if self.error is None and self._seen:
            self.error = self._wrong(f"the stream ends after {len(self._seen)} bytes of a frame", len(self._seen))

    def _read(self, messages: list[EventStreamMessage]) -> None:
        while len(self._seen) >= self._needed:
            if self._sizes is None:
                self._sizes = self._read_sizes()
                self._needed = self._sizes[0]
            else:
                messages.append(self._read_message(*self._sizes))
                del self._seen[: self._needed]
                self._start += self._needed
                self._sizes = None
                self._needed = _PRELUDE.size

    def _read_sizes(self) -> tuple[int, int]:
        total, headers, checksum = _PRELUDE.unpack_from(self._seen)
        self._check(checksum, _SIZES.size)
        if headers > MAX_HEADERS_BYTES:
            raise self._wrong(f"headers of {headers} bytes; the limit is {MAX_HEADERS_BYTES}", _CRC.size)
        payload = total - headers - _AROUND
        if payload < 0:
            raise self._wrong(f"a frame of {total} bytes cannot have headers of {headers} bytes", 0)
        if payload > MAX_PAYLOAD_BYTES:
            raise self._wrong(f"a payload of {payload} bytes; the limit is {MAX_PAYLOAD_BYTES}", 0)
        return total, headers

    def _read_message(self, total: int, headers: int) -> EventStreamMessage:
        end = total - _CRC.size
        self._check(_CRC.unpack_from(self._seen, end)[0], end)
        first = _PRELUDE.size + headers
        return EventStreamMessage(self._read_headers(first), bytes(memoryview(self._seen)[first:end]))

    def _read_headers(self, end: int) -> dict[str, HeaderValue]:
        headers: dict[str, HeaderValue] = {}
        block = bytes(memoryview(self._seen)[:end])
        at = _PRELUDE.size
        while at < end:
            name, value, after = self._read_header(block, at)
            if name in headers:
                raise self._wrong(f"the header {name!r} is there twice", at)
            headers[name] = value
            at = after
        return headers

    def _read_header(self, block: bytes, at: int) -> tuple[str, HeaderValue, int]:
        """Give name and value of the header at `at`, and where it ends."""
        try:
            name, kind_at = _name(block, at)
            value, after = _value(block, kind_at)
        except (IndexError, struct.error):
            raise self._wrong("a header goes beyond the end of the headers", at) from None
        except UnicodeDecodeError as error:
            raise self._wrong("a header is no UTF-8", at) from error
        except _NoSuchTypeError as error:
            raise self._wrong(f"a header of type {error}, which there is not", at) from None
        if not name:
            raise self._wrong("a header without a name", at)
        return name, value, after

    def _check(self, checksum: int, end: int) -> None:
        with memoryview(self._seen) as seen:
            actual = crc32(seen[:end])
        if checksum != actual:
            raise self._wrong(f"the checksum says 0x{checksum:08x}, and the bytes have 0x{actual:08x}", end)

    def _wrong(self, problem: str, place: int) -> FormatError:
        return FormatError(problem, offset=self._start + place)


class _NoSuchTypeError(Exception):
    pass


def _header(name: str, value: HeaderValue) -> bytes:
    encoded = _utf8(name, "the name of a header")
    if not 0 < len(encoded) < 256:
        raise UsageError(f"the name of a header has 1 to 255 bytes, and {name[:80]!r} has {len(encoded)}")
    kind, content = _typed(name, value)
    return b"%c%b%c%b" % (len(encoded), encoded, kind, content)


def _typed(name: str, value: HeaderValue) -> tuple[int, bytes]:
    """The type of a value and its bytes."""
    if isinstance(value, bool):
        return (_TRUE if value else _FALSE), b""
    if isinstance(value, int):
        if not -_INT64_BOUND <= value < _INT64_BOUND:
            raise UsageError(f"the header {name!r} is a number of more than 64 bits")
        kind = _INTEGER if -_INT32_BOUND <= value < _INT32_BOUND else _LONG
        return kind, _NUMBERS[kind].pack(value)
    if isinstance(value, UUID):
        return _UUID, value.bytes
    if not isinstance(value, str | bytes):
        raise UsageError(f"the header {name!r} has a value of type {type(value).__name__}, which no frame can hold")
    content = _utf8(value, f"the header {name!r}") if isinstance(value, str) else value
    if len(content) > _MAX_TEXT_BYTES:
        raise UsageError(f"the header {name!r} has a value of {len(content)} bytes; the limit is {_MAX_TEXT_BYTES}")
    return (_TEXT if isinstance(value, str) else _BYTES), _LENGTH.pack(len(content)) + content


def _utf8(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} has no UTF-8 form: {error.reason}") from error


def _name(block: bytes, at: int) -> tuple[str, int]:
    """Read the name whose length stands at `at`, and say where it ends."""
    end = at + 1 + block[at]
    return block[at + 1 : end].decode(), end


def _value(block: bytes, at: int) -> tuple[HeaderValue, int]:
    """Read the value whose type stands at `at`, and say where it ends."""
    kind = block[at]
    at += 1
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if number := _NUMBERS.get(kind):
        return number.unpack_from(block, at)[0], at + number.size
    if kind == _UUID:
        return UUID(bytes=_piece(block, at, 16)), at + 16
    if kind not in (_BYTES, _TEXT):
        raise _NoSuchTypeError(kind)
    (length,) = _LENGTH.unpack_from(block, at)
    content = _piece(block, at + 2, length)
    return (content.decode() if kind == _TEXT else content), at + 2 + length


def _piece(block: bytes, at: int, size: int) -> bytes:
    if at + size > len(block):
        raise IndexError
    return block[at : at + size]
