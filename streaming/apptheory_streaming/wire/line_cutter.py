"""Lines of a stream with the byte at which each begins."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Line", "LineCutter"]

_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end, and its first byte in the stream."""

    text: bytes
    offset: int


class LineCutter:
    """Cuts bytes, which may come in any pieces, at CRLF, LF or CR, each line as soon as it has ended."""

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self._rest: list[bytes] = []
        self._begin = 0  # of the line that has not ended
        self._read = 0
        self._after_cr = False

    def feed(self, data: bytes) -> Iterator[Line]:
        """Take the next bytes, and give the lines that end in them."""
        at = 0
        if self._after_cr and data:
            at = int(data.startswith(b"\n"))  # the other half of a CRLF, whose line has ended with the CR
            self._begin += at
        for end in _LINE_END.finditer(data, at):
            self._rest.append(data[at : end.start()])
            yield Line(b"".join(self._rest), self._begin)
            self._rest.clear()
            at = end.end()
            self._begin = self._read + at
        self._rest.append(data[at:])
        self._read += len(data)
        self._after_cr = data.endswith(b"\r") if data else self._after_cr
