"""NDJSON: the decoder (rules W5 and W6)."""

from collections.abc import Iterable, Iterator
from typing import Any

from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.json_text import JsonFault, read_json, scan_json

__all__ = ["NdjsonDecoder"]

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r"


class NdjsonDecoder:
    """Reads values from bytes that may be cut anywhere.

    Lines end with LF, and a CR before it is no part of them; blank lines count and have no value;
    a BOM may stand at the very beginning.  Nothing is raised: `error` is the first thing that was
    wrong, and nothing is read after it.  `line` is the number of the last line that was read.
    """

    def __init__(self, *, max_line_bytes: int | None = None) -> None:
        """Begin at the start of a stream; a line longer than `max_line_bytes`, its end not counted, is an error."""
        self.error: FormatError | None = None
        self.line = 0
        self._max = max_line_bytes
        self._start = 0  # of the line that is being read, in the stream
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes | bytearray | memoryview) -> list[Any]:
        """Take the next bytes of the stream, and give the values of the lines that they complete."""
        values: list[Any] = []
        if self.error is not None:
            return values
        *lines, rest = bytes(data).split(b"\n")
        for line in lines if self._max is not None else self._read_plain(lines, values):
            self._keep(line)
            if self._end_line(values, 1):
                return values
        if rest:
            self._keep(rest)
            self._check_unfinished()
        return values

    def close(self) -> list[Any]:
        """End the stream; the last line may be without LF."""
        values: list[Any] = []
        if self.error is None and self._size:
            self._end_line(values, 0)
        return values

    def _read_plain(self, lines: Iterable[bytes], values: list[Any]) -> Iterator[bytes]:
        """Read whole lines that are nothing but a value, in half the time, and give each of the others to be read."""
        for line in lines:
            if self._parts or not _holds_value(line, values):
                yield line
            else:
                self.line += 1
                self._start += len(line) + 1

    def _keep(self, piece: bytes) -> None:
        self._parts.append(piece)
        self._size += len(piece)

    def _end_line(self, values: list[Any], line_end: int) -> bool:
        """Read the line that is there; whether it is the last, because it is wrong."""
        line = b"".join(self._parts) if len(self._parts) > 1 else self._parts[0]
        self.line += 1
        try:
            self._read(line.removesuffix(b"\r"), values)
        except FormatError as error:
            self.error = error
            return True
        self._start += self._size + line_end
        self._parts.clear()
        self._size = 0
        return False

    def _check_unfinished(self) -> None:
        """Hold the limit before the end of a line has come; only the very last CR may still belong to it."""
        if self._max is not None and self._size > self._max + 1:
            self.line += 1
            self.error = self._too_long()

    def _too_long(self) -> FormatError:
        return self._wrong(f"longer than max_line_bytes={self._max}", self._max or 0)

    def _read(self, line: bytes, values: list[Any]) -> None:
        if self._max is not None and len(line) > self._max:
            raise self._too_long()
        skipped = len(_BOM) if self._start == 0 and line.startswith(_BOM) else 0
        content = line[skipped:]
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise self._wrong("no UTF-8", skipped + error.start) from error
        try:
            values.append(read_json(text))
        except JsonFault as fault:
            if content.strip(_BLANK):
                raise self._wrong(str(fault), skipped + len(text[: fault.position].encode())) from fault

    def _wrong(self, problem: str, place: int) -> FormatError:
        return FormatError(f"line {self.line} is {problem}", offset=self._start + place)


def _holds_value(line: bytes, values: list[Any]) -> bool:
    """Whether a line is a value and nothing else, which then is put to the others."""
    try:
        text = line.decode()
        value, end = scan_json(text, 0)
    except (ValueError, RecursionError, StopIteration):
        return False
    if end != len(text) and text[end:] != "\r":
        return False
    values.append(value)
    return True
