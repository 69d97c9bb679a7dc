"""NDJSON: what is written and what is read, in one list for the encoder, the decoder, readers and captures."""

from collections.abc import Iterable
from enum import Enum, IntEnum, StrEnum
from itertools import pairwise
from typing import Any
from uuid import UUID

from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.ndjson_decoder import NdjsonDecoder
from wire_vectors import decoded, encoded, refused


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    LARGE = 3


class Word(StrEnum):
    YES = "yes"


SENT: dict[str, tuple[object, bytes, Any]] = {
    **{name: (vector.value, vector.stream, ...) for name, vector in encoded("ndjson").items()},
    "a tuple": ((1, "x"), b'[1,"x"]\n', [1, "x"]),
    "a large number": (2**70, b"1180591620717411303424\n", ...),
    "numbers as keys": ({1: "a", 2.5: "b", None: "d"}, b'{"1":"a","2.5":"b","null":"d"}\n', {"1": "a", "2.5": "b", "null": "d"}),
    "an enum is its value": ([Colour.RED, Size.LARGE, Word.YES], b'["red",3,"yes"]\n', ["red", 3, "yes"]),
    "a UUID is its text": (UUID(int=5), b'"00000000-0000-0000-0000-000000000005"\n', str(UUID(int=5))),
}  # fmt: skip
"""Item, line, and what a reader gives; `...` where that is the item itself."""

READ: dict[str, tuple[bytes, list[Any]]] = {
    **{name: (line, [item if back is ... else back]) for name, (item, line, back) in SENT.items()},
    **{name: (vector.stream, vector.expect) for name, vector in decoded("ndjson").items()},
    "a line of 200 000 bytes": (b'"' + b"x" * 200_000 + b'"\n1\n', ["x" * 200_000, 1]),
}

REFUSED: dict[str, tuple[bytes, list[Any], str]] = {
    name: (vector.stream, vector.before, f"{vector.why} (byte {vector.at})")
    for name, vector in refused("ndjson").items()
}
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
