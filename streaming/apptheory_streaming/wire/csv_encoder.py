"""CSV: rows as lines with CRLF, the header exactly once (rule W5).

Source: https://www.rfc-editor.org/rfc/rfc4180.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import cast
from uuid import UUID

from apptheory_streaming.errors import InvalidResponse, UsageError

__all__ = ["CsvEncoder", "check_delimiter"]

_WRITTEN_AS_TEXT = (int, float, Decimal, date, time, timedelta, UUID)  # bool is an int, datetime a date


def check_delimiter(delimiter: object) -> str:
    """Give the delimiter; raises UsageError for what is not one ASCII character that stands for itself."""
    if isinstance(delimiter, str) and len(delimiter) == 1 and delimiter.isascii() and delimiter not in '"\r\n\0':
        return delimiter
    raise UsageError(f"delimiter must be one ASCII character, no quote, no line break, not {delimiter!r}")


class CsvEncoder:
    """Makes the lines of one stream.

    A row is a dataclass, a mapping, a named tuple, or another sequence of values.  The columns are those given, else
    those of the first row; a sequence has no names, so a stream that begins with one has no
    header.  Every row has the columns of the first: a mapping may lack some, which are empty.
    """

    def __init__(self, *, columns: Iterable[str] | None = None, header: bool = True, delimiter: str = ",") -> None:
        """Begin before the header; raises UsageError for columns or a delimiter that cannot be."""
        self._columns = None if columns is None else _checked_columns(columns)
        self._header_due = header
        self._width = None if self._columns is None else len(self._columns)
        self._rows = 0
        self._line = _Line()
        self._writer = csv.writer(self._line, delimiter=check_delimiter(delimiter), lineterminator="\r\n")

    def header(self) -> bytes:
        """Give the line of the header if it is due and its columns are known, else nothing."""
        if not self._header_due or self._columns is None:
            return b""
        self._header_due = False
        return self._write(self._columns, "the header")

    def row(self, row: object) -> bytes:
        """Give the line of a row, behind the header if that is due.

        Raises InvalidResponse, with the number of the row, for what is no row, has other columns,
        or holds a value without a form as text.
        """
        self._rows += 1
        cells = self._cells(row)
        if self._width is None:
            self._width = len(cells)
        if len(cells) != self._width or not cells:
            raise self._wrong(f"has {len(cells)} values, not {self._width or 'one or more'}")
        texts = [self._text(cell, index) for index, cell in enumerate(cells)]
        return self.header() + self._write(texts, f"row {self._rows}")

    def _cells(self, row: object) -> Sequence[object]:
        if is_dataclass(row) and not isinstance(row, type):
            return self._by_name({field.name: self._field(row, field.name) for field in fields(row)})
        if isinstance(row, Mapping):
            return self._by_name(cast("Mapping[object, object]", row))
        names = getattr(row, "_fields", None)  # of a named tuple
        if isinstance(row, tuple) and isinstance(names, tuple):
            return self._by_name(dict(zip(names, row, strict=True)))
        if isinstance(row, Sequence) and not isinstance(row, str | bytes | bytearray | memoryview):
            return cast("Sequence[object]", row)
        raise self._wrong(f"is of type {type(row).__name__}; a row is a dataclass, a mapping or a sequence")

    def _field(self, row: object, name: str) -> object:
        try:
            return getattr(row, name)
        except AttributeError as error:  # declared, and never set
            raise self._wrong(f"has no value for its field {name!r}") from error

    def _by_name(self, row: Mapping[object, object]) -> list[object]:
        if self._columns is None:
            if self._width is not None:
                raise self._wrong("has names, but the columns of the rows before it have none")
            self._columns = self._names_of(row)
        others = [name for name in row if name not in self._columns]
        if others:
            raise self._wrong(f"has the column {others[0]!r}, which is none of {', '.join(self._columns)}")
        return [row.get(name) for name in self._columns]

    def _names_of(self, row: Mapping[object, object]) -> tuple[str, ...]:
        for name in row:
            if not isinstance(name, str):
                raise self._wrong(f"has a column whose name is of type {type(name).__name__}, not text")
        return tuple(cast("Iterable[str]", row))

    def _text(self, value: object, index: int) -> str:
        if isinstance(value, str) and not isinstance(value, Enum):
            return value
        if value is None:
            return ""
        if isinstance(value, Enum):
            return self._text(value.value, index)
        if isinstance(value, _WRITTEN_AS_TEXT):
            try:
                return str(value)
            except ValueError as error:  # more digits than Python writes
                raise self._wrong(f"holds a number in {self._place(index)} that has no text: {error}") from error
        raise self._wrong(f"holds a value of type {type(value).__name__} in {self._place(index)}; make text of it")

    def _place(self, index: int) -> str:
        return f"column {index}" if self._columns is None else f"column {self._columns[index]!r}"

    def _write(self, cells: Sequence[str], what: str) -> bytes:
        self._writer.writerow(cells)
        try:
            return self._line.text.encode()
        except UnicodeEncodeError as error:
            raise InvalidResponse(f"{what} of the CSV holds text without a UTF-8 form ({error.reason})") from error

    def _wrong(self, problem: str) -> InvalidResponse:
        return InvalidResponse(f"row {self._rows} of the CSV {problem}")


class _Line:
    """A file for a writer of the csv module that keeps the last line."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def _checked_columns(columns: Iterable[str]) -> tuple[str, ...]:
    names = () if isinstance(columns, str) or not isinstance(columns, Iterable) else tuple(columns)
    if not names or not all(isinstance(name, str) for name in names):
        raise UsageError(f"columns must be one or more names, not {columns!r}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"columns must differ; {twice[0]!r} is there twice")
    return names
