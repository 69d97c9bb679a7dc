"""CSV, read from chunks."""

from typing import Any

from apptheory_streaming.errors import UsageError
from apptheory_streaming.stream_reader import Chunks, StreamReader
from apptheory_streaming.wire.csv_decoder import CsvDecoder
from apptheory_streaming.wire.csv_encoder import check_delimiter
from apptheory_streaming.wire.csv_records import CsvRecords

__all__ = ["CsvReader"]


class CsvReader(StreamReader[Any]):
    """Reads the rows of CSV, by `for` or `async for`, from chunks that are cut anywhere (rules W5, W6).

    With `header` each row is a dict by the names in the first one, without it a list; values are
    text.  A line break inside quotes is part of its field, wherever chunks are cut.  A row may
    have any length unless `max_row_bytes` (its end not counted) says otherwise.  What is no CSV is
    FormatError, which has the line where the row begins, behind the rows before it; nothing is
    read after it.  Raises UsageError for options that cannot be.
    """

    def __init__(
        self, chunks: Chunks, *, header: bool = True, delimiter: str = ",", max_row_bytes: int | None = None
    ) -> None:
        """Read from one chunk, or from a sync or async iterable of them."""
        if max_row_bytes is not None and (type(max_row_bytes) is not int or max_row_bytes < 1):
            raise UsageError(f"max_row_bytes must be a whole number from 1, or None, not {max_row_bytes!r}")
        rows = CsvDecoder(delimiter=check_delimiter(delimiter), max_row_bytes=max_row_bytes)
        super().__init__(chunks, CsvRecords(rows) if header else rows)
