"""What a worker prints, line by line, in a memory that no line can exceed."""

from collections import deque
from collections.abc import Callable

__all__ = ["LINES_A_TURN", "MAX_LINE_BYTES", "OutputLines"]

MAX_LINE_BYTES = 64 * 1024
"""What is kept of a line; CloudWatch cuts at 256 KB."""
LINES_A_TURN = 200
"""How many lines are handed on before others may run."""


class OutputLines:
    """Cuts one stream of bytes into lines of text; what a line has beyond MAX_LINE_BYTES is counted and dropped."""

    def __init__(self) -> None:
        """Begin with an empty line."""
        self._begun = bytearray()
        self._dropped = 0
        self._lines: deque[str] = deque()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        begin = 0
        while (end := data.find(b"\n", begin)) >= 0:
            self._add(data, begin, end)
            self._end_line()
            begin = end + 1
        self._add(data, begin, len(data))

    def close(self) -> None:
        """Take what has no line break for a line: the output, or the invocation that it belongs to, is over."""
        if self._begun:
            self._end_line()

    def hand_on(self, take: Callable[[str], None]) -> bool:
        """Give at most LINES_A_TURN lines to `take`; true when some are left."""
        for _ in range(min(LINES_A_TURN, len(self._lines))):
            take(self._lines.popleft())
        return bool(self._lines)

    def _add(self, data: bytes, begin: int, end: int) -> None:
        fits = min(end, begin + MAX_LINE_BYTES - len(self._begun))
        self._begun += data[begin:fits]
        self._dropped += end - fits

    def _end_line(self) -> None:
        line = self._begun.removesuffix(b"\r").decode("utf-8", "replace")
        shown = f"{line}… ({self._dropped} bytes more)" if self._dropped else line
        self._lines.extend(shown.split("\r"))  # with which runtimes of Python break the lines of one log event
        self._begun.clear()
        self._dropped = 0
