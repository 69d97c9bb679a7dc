"""CSV rows by the names of their columns."""

from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.csv_decoder import CsvDecoder

__all__ = ["CsvRecords"]


class CsvRecords:
    """Reads rows as dicts from bytes that may be cut anywhere: the first row has the names, which differ."""

    def __init__(self, rows: CsvDecoder) -> None:
        """Begin at the header."""
        self._rows = rows
        self._names: list[str] | None = None
        self._error: FormatError | None = None

    @property
    def error(self) -> FormatError | None:
        """The first thing that was wrong; nothing is read after it."""
        return self._error or self._rows.error

    def feed(self, data: bytes | bytearray | memoryview) -> list[dict[str, str]]:
        """Take the next bytes of the stream, and give the rows that they complete."""
        return self._named(self._rows.feed(data))

    def close(self) -> list[dict[str, str]]:
        """End the stream; the last row may be without a line end."""
        return self._named(self._rows.close())

    def _named(self, rows: list[list[str]]) -> list[dict[str, str]]:
        if rows and self._names is None:
            names, *rows = rows
            self._names = names
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                self._error = FormatError(f"the header has the column {twice[0]!r} twice", offset=0)
        if self._error is not None:
            return []
        return [dict(zip(self._names or (), row, strict=True)) for row in rows]
