"""The Range header of a request: which bytes of a file it asks for.

Source: https://www.rfc-editor.org/rfc/rfc9110#section-14.
"""

import re
from dataclasses import dataclass

__all__ = ["ByteRange", "read_range"]

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,4000})-([0-9]{0,4000})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `start` up to `stop`, which is not one of them; none where no such byte exists."""

    start: int
    stop: int

    @property
    def empty(self) -> bool:
        """Whether the request cannot be satisfied."""
        return self.start >= self.stop

    def content_range(self, size: int) -> str:
        """Give the Content-Range of a response with these bytes, of a file of this size."""
        return f"bytes */{size}" if self.empty else f"bytes {self.start}-{self.stop - 1}/{size}"


def read_range(header: str | None, size: int) -> ByteRange | None:
    """Give the bytes that are asked for, or None for all of them: no header, another unit, several ranges, no sense."""
    found = _RANGE.fullmatch(header or "")
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return ByteRange(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return ByteRange(int(first), min(int(last) + 1, size) if last else size)
