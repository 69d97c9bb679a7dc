"""The values of a captured stream, and where they came from."""

from typing import Any, TypeVar

from apptheory_streaming.errors import FormatError
from apptheory_streaming.stream_reader import Decoder
from apptheory_streaming.wire.csv_decoder import CsvDecoder
from apptheory_streaming.wire.csv_encoder import check_delimiter
from apptheory_streaming.wire.csv_records import CsvRecords
from apptheory_streaming.wire.json_text import JsonFault, read_json
from apptheory_testkit.assertions.timeline import Timeline
from apptheory_testkit.format_errors import in_chunks
from apptheory_testkit.positioned import Positioned, read_chunks

__all__ = ["read_document", "read_rows", "read_values"]

_T = TypeVar("_T")

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"


def read_document(timeline: Timeline) -> Positioned[Any]:
    """Give the value of a body that is one JSON text, with the chunk that has its last byte."""
    __tracebackhide__ = True
    body = b"".join(chunk.data for chunk in timeline.chunks)
    with in_chunks(timeline):
        value = _parse(body)
    last = timeline.chunk_at(len(body.rstrip(_BLANK)) - 1)
    return Positioned(value, last.index, last.produced_at)


def _parse(body: bytes) -> Any:
    skipped = len(_BOM) if body.startswith(_BOM) else 0
    try:
        text = body[skipped:].decode()
    except UnicodeDecodeError as error:
        raise FormatError("the body is no UTF-8", offset=skipped + error.start) from error
    try:
        return read_json(text)
    except JsonFault as fault:
        raise FormatError(f"the body is {fault}", offset=skipped + len(text[: fault.position].encode())) from fault


def read_rows(timeline: Timeline, *, header: bool, delimiter: str) -> list[Positioned[Any]]:
    """Give the rows of CSV with their positions: dicts with a header, lists without."""
    __tracebackhide__ = True
    rows = CsvDecoder(delimiter=check_delimiter(delimiter))
    decoder: Decoder[Any] = CsvRecords(rows) if header else rows
    return read_values(decoder, timeline)


def read_values(decoder: Decoder[_T], timeline: Timeline) -> list[Positioned[_T]]:
    """Give the values with their positions; raises FormatError, in chunk coordinates, for what is none.

    What only the end of the stream completes came with the last chunk that has bytes.
    """
    __tracebackhide__ = True  # the test's own line is the one that matters
    with in_chunks(timeline):
        values = read_chunks(decoder.feed, timeline)
        for value in decoder.close():
            last = timeline.full[-1]
            values.append(Positioned(value, last.index, last.produced_at))
        if decoder.error is not None:
            raise decoder.error
    return values
