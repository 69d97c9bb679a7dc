"""The values of a captured stream, and where they came from."""

from typing import Any, TypeVar

from apptheory_streaming.stream_reader import Decoder
from apptheory_streaming.wire.csv_decoder import CsvDecoder
from apptheory_streaming.wire.csv_encoder import check_delimiter
from apptheory_streaming.wire.csv_records import CsvRecords
from apptheory_testkit.assertions.timeline import Timeline
from apptheory_testkit.format_errors import in_chunks
from apptheory_testkit.positioned import Positioned, read_chunks

__all__ = ["read_rows", "read_values"]

_T = TypeVar("_T")


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
