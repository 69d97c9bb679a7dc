"""NDJSON, read from chunks."""

from typing import Any

from apptheory_streaming.errors import UsageError
from apptheory_streaming.stream_reader import Chunks, StreamReader
from apptheory_streaming.wire.ndjson_decoder import NdjsonDecoder

__all__ = ["NdjsonReader"]


class NdjsonReader(StreamReader[Any]):
    """Reads the values of NDJSON, by `for` or `async for`, from chunks that are cut anywhere (rules W5, W6).

    Lines end with LF or CRLF, the last one may end with the stream; blank lines are skipped.  A
    line may have any length unless `max_line_bytes` (its end not counted) says otherwise.  A bad
    line is FormatError, which has its number, behind the values before it; nothing is read after
    it.  Raises UsageError for a limit that is none.
    """

    def __init__(self, chunks: Chunks, *, max_line_bytes: int | None = None) -> None:
        """Read from one chunk, or from a sync or async iterable of them."""
        if max_line_bytes is not None and (type(max_line_bytes) is not int or max_line_bytes < 1):
            raise UsageError(f"max_line_bytes must be a whole number from 1, or None, not {max_line_bytes!r}")
        self._lines = NdjsonDecoder(max_line_bytes=max_line_bytes)
        super().__init__(chunks, self._lines)

    @property
    def line(self) -> int:
        """The number of the last line that was read, from 1; reading may be ahead of the values that were given."""
        return self._lines.line
