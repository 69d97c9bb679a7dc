"""NDJSON: what is written and what is read, in one list for the encoder, the decoder, readers and captures."""

from collections.abc import Iterable
from enum import Enum, IntEnum, StrEnum
from itertools import pairwise
from typing import Any
from uuid import UUID

from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.ndjson_decoder import NdjsonDecoder


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    LARGE = 3


class Word(StrEnum):
    YES = "yes"


SENT: dict[str, tuple[object, bytes, Any]] = {
    "an object": ({"type": "text_delta", "text": "Hi"}, b'{"type":"text_delta","text":"Hi"}\n', ...),
    "keys in the order given": ({"b": 1, "a": {"d": 2, "c": 3}}, b'{"b":1,"a":{"d":2,"c":3}}\n', ...),
    "an array": ([1, 2.5, True, None], b"[1,2.5,true,null]\n", ...),
    "a tuple": ((1, "x"), b'[1,"x"]\n', [1, "x"]),
    "text": ("hello", b'"hello"\n', ...),
    "empty text": ("", b'""\n', ...),
    "null": (None, b"null\n", ...),
    "false": (False, b"false\n", ...),
    "a number": (0, b"0\n", ...),
    "an empty object": ({}, b"{}\n", ...),
    "line breaks in text": ("a\nb\r\nc", b'"a\\nb\\r\\nc"\n', ...),
    "control characters": ('\0\x1f\x7f\t"\\/', b'"\\u0000\\u001f\x7f\\t\\"\\\\/"\n', ...),
    "characters of every length": ("é€😀", '"é€😀"\n'.encode(), ...),
    "other line separators": ("a\u2028b\u2029c\x85d\x0be", '"a\u2028b\u2029c\x85d\\u000be"\n'.encode(), ...),
    "a large number": (2**70, b"1180591620717411303424\n", ...),
    "a small number": (1e-7, b"1e-07\n", ...),
    "numbers as keys": ({1: "a", 2.5: "b", None: "d"}, b'{"1":"a","2.5":"b","null":"d"}\n', {"1": "a", "2.5": "b", "null": "d"}),
    "the text null and a number": ({"null": "e-7"}, b'{"null":"e-7"}\n', ...),
    "an enum is its value": ([Colour.RED, Size.LARGE, Word.YES], b'["red",3,"yes"]\n', ["red", 3, "yes"]),
    "a UUID is its text": (UUID(int=5), b'"00000000-0000-0000-0000-000000000005"\n', str(UUID(int=5))),
}  # fmt: skip
"""Item, line, and what a reader gives; `...` where that is the item itself."""

READ: dict[str, tuple[bytes, list[Any]]] = {
    **{name: (line, [item if back is ... else back]) for name, (item, line, back) in SENT.items()},
    "nothing": (b"", []),
    "two lines": (b'{"a":1}\n{"a":2}\n', [{"a": 1}, {"a": 2}]),
    "no LF at the end": (b"1\n2", [1, 2]),
    "CR LF": (b"1\r\n2\r\n", [1, 2]),
    "CR at the end": (b"1\r\n2\r", [1, 2]),
    "blank lines": (b"\n\n1\n\r\n \t \n2\n\n", [1, 2]),
    "blanks around a value": (b" 1 \n\t[ 1 , 2 ]\r\n", [1, [1, 2]]),
    "a blank end": (b"1\n  ", [1]),
    "a BOM": (b"\xef\xbb\xbf1\n2\n", [1, 2]),
    "a BOM and a blank line": (b"\xef\xbb\xbf\n1\n", [1]),
    "separators inside text": ('"a\u2028b\x85c"\n1\n'.encode(), ["a\u2028b\x85c", 1]),
    "escapes": (b'"\\u00e9\\ud83d\\ude00\\n"\n', ["é😀\n"]),
    "the last of equal keys": (b'{"a":1,"a":2}\n', [{"a": 2}]),
    "a line of 200 000 bytes": (b'"' + b"x" * 200_000 + b'"\n1\n', ["x" * 200_000, 1]),
}

REFUSED: dict[str, tuple[bytes, list[Any], str]] = {
    "no JSON": (b"1\n{oops}\n3\n", [1], "line 2 is no JSON: Expecting property name enclosed in double quotes (byte 3)"),
    "half a value at the end": (b'1\n{"a":', [1], "line 2 is no JSON: Expecting value (byte 7)"),
    "two values on a line": (b"1 2\n", [], "line 1 is no JSON: Extra data (byte 2)"),
    "a value over two lines": (b"[1,\n2]\n", [], "line 1 is no JSON: Expecting value (byte 3)"),
    "CR alone ends no line": (b"1\r2\n", [], "line 1 is no JSON: Extra data (byte 2)"),
    "a form feed": (b"1\n\x0c\n", [1], "line 2 is no JSON: Expecting value (byte 2)"),
    "bytes count, not characters": ('"é€😀" x\n'.encode(), [], "line 1 is no JSON: Extra data (byte 12)"),
    "no UTF-8": (b'1\n\n"a\xff"\n', [1], "line 3 is no UTF-8 (byte 5)"),
    "a character cut off": (b'"\xe2\x82\n', [], "line 1 is no UTF-8 (byte 1)"),
    "UTF-16": ("1\n".encode("utf-16"), [], "line 1 is no UTF-8 (byte 0)"),
    "NaN": (b"1\n[NaN]\n", [1], "line 2 is no JSON: NaN is no value (byte 2)"),
    "infinity": (b"-Infinity\n", [], "line 1 is no JSON: -Infinity is no value (byte 0)"),
    "a second BOM": (b"\xef\xbb\xbf\xef\xbb\xbf1\n", [], "line 1 is no JSON: Expecting value (byte 3)"),
    "a BOM later": (b"1\n\xef\xbb\xbf2\n", [1], "line 2 is no JSON: Expecting value (byte 2)"),
    "single quotes": (b"{'a':1}\n", [], "line 1 is no JSON: Expecting property name enclosed in double quotes (byte 1)"),
    "a record separator": (b"\x1e1\n", [], "line 1 is no JSON: Expecting value (byte 0)"),
}  # fmt: skip
"""A stream, the values before what is wrong, and what the error says."""

NO_JSON: dict[str, tuple[object, str]] = {
    "an object of Python": (object(), "a value of type object"),
    "a set": ({"tags": {1}}, "a value of type set"),
    "bytes": (b"text", "a value of type bytes"),
    "NaN": ([float("nan")], "not JSON compliant"),
    "infinity": (float("-inf"), "not JSON compliant"),
    "a key that is a tuple": ({(1, 2): 3}, "keys must be"),
    "text without a UTF-8 form": ("\ud800", "text without a UTF-8 form"),
    "such a key": ({"\ud800": 1}, "text without a UTF-8 form"),
}
"""Items that no line can hold, and what the error says of them."""


def pieces_of(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    """A stream cut at these places, as far as it has them."""
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def decode(pieces: Iterable[bytes], max_line_bytes: int | None = None) -> tuple[list[Any], FormatError | None, int]:
    """The values of a stream, what ended the reading, and the last line that was read."""
    decoder = NdjsonDecoder(max_line_bytes=max_line_bytes)
    values = [value for piece in pieces for value in decoder.feed(piece)]
    values += decoder.close()
    return values, decoder.error, decoder.line
