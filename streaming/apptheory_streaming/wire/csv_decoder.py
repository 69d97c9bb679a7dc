"""CSV: the decoder (rules W5 and W6)."""

import re
from enum import Enum

from apptheory_streaming.errors import FormatError

__all__ = ["CsvDecoder"]

_BOM = b"\xef\xbb\xbf"
_IN_QUOTES = re.compile(rb'[^"]+')


class _State(Enum):
    """Where in a row the next byte stands."""

    FIELD_BEGINS = "at the beginning of a field"
    PLAIN = "in a field without quotes"
    QUOTED = "in a field with quotes"
    AFTER_QUOTE = "behind a quote in a field with quotes, which ends it or begins a pair"
    AFTER_CR = "behind a CR, which ends the row with an LF"


class CsvDecoder:
    """Reads rows, lists of texts, from bytes that may be cut anywhere.

    Rows end with LF or CRLF outside quotes, and have as many fields as the first; blank lines are
    no rows; a BOM may stand at the very beginning.  Nothing is raised: `error` is the first thing
    that was wrong, and nothing is read after it.  `line` is the number of the line on which the
    row begins that is read next.
    """

    def __init__(self, *, delimiter: str = ",", max_row_bytes: int | None = None) -> None:
        """Begin at the start of a stream; a row longer than `max_row_bytes`, its end not counted, is an error."""
        self.error: FormatError | None = None
        self.line = 1
        self._delimiter = delimiter.encode()
        self._plain = re.compile(rb'[^"\r\n' + re.escape(self._delimiter) + rb"]+")
        self._max = max_row_bytes
        self._width: int | None = None
        self._first_bytes = b""  # while they may become a BOM
        self._offset = 0  # of the byte that is read next
        self._begin_row()

    def feed(self, data: bytes | bytearray | memoryview) -> list[list[str]]:
        """Take the next bytes of the stream, and give the rows that they complete."""
        rows: list[list[str]] = []
        if self.error is None:
            try:
                self._read(self._without_bom(bytes(data)), rows)
            except FormatError as error:
                self.error = error
        return rows

    def close(self) -> list[list[str]]:
        """End the stream; the last row may be without a line end."""
        rows: list[list[str]] = []
        if self.error is None:
            try:
                self._read(self._first_bytes, rows)
                self._end(rows)
            except FormatError as error:
                self.error = error
        return rows

    def _begin_row(self) -> None:
        self._row: list[str] = []
        self._blank = True
        self._row_start = self._offset
        self._line_ends = 0  # inside quotes
        self._begin_field()

    def _begin_field(self) -> None:
        self._state = _State.FIELD_BEGINS
        self._field: list[bytes] = []
        self._field_start = self._offset
        self._quotes = 0  # 1 for a field with quotes: bytes that are not in its value

    def _without_bom(self, data: bytes) -> bytes:
        if self._offset:
            return data
        first, self._first_bytes = self._first_bytes + data, b""
        if first != _BOM and _BOM.startswith(first):
            self._first_bytes = first
            return b""
        if first.startswith(_BOM):
            self._offset = len(_BOM)
            self._begin_row()
            return first[len(_BOM) :]
        return first

    def _read(self, data: bytes, rows: list[list[str]]) -> None:
        at = 0
        while at < len(data):
            text = self._text_at(data, at)
            if text:
                self._take_text(text)
                at += len(text)
            else:
                self._take_mark(data[at : at + 1], rows)
                at += 1

    def _text_at(self, data: bytes, at: int) -> bytes:
        """What stands in a field up to the next byte that means something."""
        if self._state in (_State.AFTER_QUOTE, _State.AFTER_CR):
            return b""
        found = (_IN_QUOTES if self._state is _State.QUOTED else self._plain).match(data, at)
        return b"" if found is None else found.group()

    def _take_text(self, text: bytes) -> None:
        self._advance(len(text))
        self._field.append(text)
        if self._state is _State.QUOTED:
            self._line_ends += text.count(b"\n")
        else:
            self._state = _State.PLAIN

    def _take_mark(self, mark: bytes, rows: list[list[str]]) -> None:
        if self._state is _State.AFTER_CR and mark != b"\n":
            raise self._lonely_cr()
        if mark == b'"':
            self._take_quote()
        elif mark == b"\n":
            self._end_row(rows)
            self._offset += 1
            self.line += 1 + self._line_ends
            self._begin_row()
        elif mark == b"\r":
            self._offset += 1
            self._state = _State.AFTER_CR
        elif mark == self._delimiter:
            self._end_field()
            self._advance(1)
            self._begin_field()
        else:
            raise self._wrong("text stands behind a field with quotes", self._offset)

    def _take_quote(self) -> None:
        if self._state is _State.PLAIN:
            raise self._wrong("a quote stands in a field without quotes", self._offset)
        self._advance(1)
        if self._state is _State.QUOTED:
            self._state = _State.AFTER_QUOTE
            return
        if self._state is _State.AFTER_QUOTE:
            self._field.append(b'"')
        self._quotes = 1
        self._state = _State.QUOTED

    def _end_field(self) -> None:
        value = b"".join(self._field)
        try:
            self._row.append(value.decode())
        except UnicodeDecodeError as error:
            pairs = value.count(b'"', 0, error.start)
            place = self._field_start + self._quotes + error.start + pairs
            raise self._wrong("there is no UTF-8", place) from error

    def _end_row(self, rows: list[list[str]]) -> None:
        if not self._blank:
            self._end_field()
            self._width = self._width or len(self._row)
            if len(self._row) != self._width:
                raise self._wrong(f"it has {len(self._row)} fields, and the first has {self._width}", self._row_start)
            rows.append(self._row)

    def _end(self, rows: list[list[str]]) -> None:
        if self._state is _State.QUOTED:
            raise self._wrong("a quote is not closed", self._field_start)
        if self._state is _State.AFTER_CR:
            raise self._lonely_cr()
        self._end_row(rows)

    def _advance(self, count: int) -> None:
        """Go on by bytes that belong to the row, as far as it may go."""
        self._blank = False
        self._offset += count
        if self._max is not None and self._offset - self._row_start > self._max:
            raise self._wrong(f"it is longer than max_row_bytes={self._max}", self._row_start + self._max)

    def _lonely_cr(self) -> FormatError:
        return self._wrong("a CR outside quotes has no LF behind it", self._offset - 1)

    def _wrong(self, problem: str, offset: int) -> FormatError:
        return FormatError(f"the row that begins on line {self.line} is no CSV: {problem}", offset=offset)
