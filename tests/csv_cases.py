"""CSV: what is written and what is read, in one list for the encoder, the decoder, readers and captures."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.csv_decoder import CsvDecoder
from apptheory_streaming.wire.csv_encoder import CsvEncoder


@dataclass
class Order:
    id: int
    customer: str
    paid: bool = True


class Point(NamedTuple):
    x: int
    y: int


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    LARGE = 3


class Word(StrEnum):
    YES = "yes"


VALUES: dict[str, tuple[object, str]] = {
    "text": ("hello", "hello"),
    "nothing": (None, ""),
    "empty text": ("", ""),
    "a number": (7, "7"),
    "a float": (0.1, "0.1"),
    "a large number": (10**30, "1" + "0" * 30),
    "true": (True, "True"),
    "a decimal": (Decimal("1.50"), "1.50"),
    "a date": (date(2026, 1, 2), "2026-01-02"),
    "a date and time": (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02 03:04:00+00:00"),
    "a time": (time(3, 4), "03:04:00"),
    "a duration": (timedelta(minutes=5), "0:05:00"),
    "a UUID": (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    "an enum is its value": (Colour.RED, "red"),
    "an enum of numbers": (Size.LARGE, "3"),
    "an enum of texts": (Word.YES, "yes"),
    "characters of every length": ("é€😀", "é€😀"),
    "blanks stay": ("  a\t", "  a\t"),
    "other line separators": ("a\u2028b\x0bc\x85d\0", "a\u2028b\x0bc\x85d\0"),
}
"""A value, and its text in a row; none of these needs quotes."""

QUOTED: dict[str, tuple[str, bytes]] = {
    "a comma": ("Diddley, Bo", b'"Diddley, Bo"'),
    "a quote": ('The "Blue" Note', b'"The ""Blue"" Note"'),
    "only quotes": ('""', b'""""""'),
    "LF": ("a\nb", b'"a\nb"'),
    "CR": ("a\rb", b'"a\rb"'),
    "CR LF": ("a\r\nb", b'"a\r\nb"'),
    "a comma alone": (",", b'","'),
}
"""A text, and how it stands in a row."""

READ: dict[str, tuple[bytes, list[list[str]]]] = {
    "nothing": (b"", []),
    "rows": (b"a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
    "LF": (b"a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
    "both": (b"a\n1\r\n2\n", [["a"], ["1"], ["2"]]),
    "no line end at the end": (b"a,b\r\n1,2", [["a", "b"], ["1", "2"]]),
    "blank lines": (b"\r\n\na,b\r\n\r\n1,2\n\n\r\n", [["a", "b"], ["1", "2"]]),
    "empty fields": (b",\r\na,\r\n,b\r\n", [["", ""], ["a", ""], ["", "b"]]),
    "an empty field in quotes is a row": (b'a\r\n""\r\n', [["a"], [""]]),
    "quotes": (b'"a","b"\r\n"1",2\r\n', [["a", "b"], ["1", "2"]]),
    "pairs of quotes": (b'"a""b","""",""""""\r\n', [['a"b', '"', '""']]),
    "a comma in quotes": (b'"a,b",c\n', [["a,b", "c"]]),
    "line ends in quotes": (b'"a\nb\r\nc\rd",e\r\nf,g\r\n', [["a\nb\r\nc\rd", "e"], ["f", "g"]]),
    "quotes at the end of the stream": (b'a,"b"', [["a", "b"]]),
    "an open pair at the end": (b'"a"""', [['a"']]),
    "blanks are part of a field": (b" a , b\n", [[" a ", " b"]]),
    "a BOM": (b"\xef\xbb\xbfa,b\n1,2\n", [["a", "b"], ["1", "2"]]),
    "a BOM before quotes": (b'\xef\xbb\xbf"a"\n', [["a"]]),
    "a BOM and nothing else": (b"\xef\xbb\xbf", []),
    "a BOM later is text": (b"a\n\xef\xbb\xbf1\n", [["a"], ["\ufeff1"]]),
    "characters of every length": ('"é",€,😀\n'.encode(), [["é", "€", "😀"]]),
    "other line separators": ("a\u2028b\x0bc\x0cd\x85e\0,f\n".encode(), [["a\u2028b\x0bc\x0cd\x85e\0", "f"]]),
    **{f"quoted: {name}": (b"x," + cell + b"\r\n", [["x", text]]) for name, (text, cell) in QUOTED.items()},
}

_ROW = "the row that begins on line"

REFUSED: dict[str, tuple[bytes, list[list[str]], str]] = {
    "a quote in a plain field": (b'a\nb"c\n', [["a"]], f"{_ROW} 2 is no CSV: a quote stands in a field without quotes (byte 3)"),
    "text behind a quoted field": (b'a\n"b"c\n', [["a"]], f"{_ROW} 2 is no CSV: text stands behind a field with quotes (byte 5)"),
    "a blank behind a quoted field": (b'"b" ,c\n', [], f"{_ROW} 1 is no CSV: text stands behind a field with quotes (byte 3)"),
    "an open quote": (b'a,b\nc,"d\ne\n', [["a", "b"]], f"{_ROW} 2 is no CSV: a quote is not closed (byte 6)"),
    "CR alone": (b"a\rb\n", [], f"{_ROW} 1 is no CSV: a CR outside quotes has no LF behind it (byte 1)"),
    "CR at the end": (b"a\nb\r", [["a"]], f"{_ROW} 2 is no CSV: a CR outside quotes has no LF behind it (byte 3)"),
    "CR CR LF": (b"a\r\r\n", [], f"{_ROW} 1 is no CSV: a CR outside quotes has no LF behind it (byte 1)"),
    "too few fields": (b"a,b\n1\n", [["a", "b"]], f"{_ROW} 2 is no CSV: it has 1 fields, and the first has 2 (byte 4)"),
    "too many fields": (b"a\n\n1,2\n", [["a"]], f"{_ROW} 3 is no CSV: it has 2 fields, and the first has 1 (byte 3)"),
    "no UTF-8": (b"a\nb\xff\n", [["a"]], f"{_ROW} 2 is no CSV: there is no UTF-8 (byte 3)"),
    "no UTF-8 in quotes": (b'a,b\n1,"x""y\xff"\n', [["a", "b"]], f"{_ROW} 2 is no CSV: there is no UTF-8 (byte 11)"),
    "a character cut off": (b"a,\xe2\x82,b\n", [], f"{_ROW} 1 is no CSV: there is no UTF-8 (byte 2)"),
    "UTF-16": ("a\n".encode("utf-16"), [], f"{_ROW} 1 is no CSV: there is no UTF-8 (byte 0)"),
    "half a BOM": (b"\xef\xbb", [], f"{_ROW} 1 is no CSV: there is no UTF-8 (byte 0)"),
    "behind line ends in quotes": (b'"a\n\nb"\r\n"c"d\n', [["a\n\nb"]], f"{_ROW} 4 is no CSV: text stands behind a field with quotes (byte 11)"),
}  # fmt: skip
"""A stream, the rows before what is wrong, and what the error says."""


def encode(rows: Iterable[object], **options: Any) -> bytes:
    """The bytes of a stream of rows."""
    encoder = CsvEncoder(**options)
    return b"".join(encoder.row(row) for row in rows) + encoder.header()


def decode(pieces: Iterable[bytes], **options: Any) -> tuple[list[list[str]], FormatError | None]:
    """The rows of a stream, and what ended the reading."""
    decoder = CsvDecoder(**options)
    rows = [row for piece in pieces for row in decoder.feed(piece)]
    rows += decoder.close()
    return rows, decoder.error
