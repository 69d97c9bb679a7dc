"""One request to an endpoint and what came of it, with the times at which the bytes came."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["End", "Exchange", "shown_bytes"]

SHOWN_BYTES = 60


class End(StrEnum):
    """How a response ended."""

    WHOLE = "whole"
    CUT = "cut"
    """The connection ended before the response did."""
    SILENT = "silent"
    """It did not end as long as it was waited for."""
    BROKEN = "broken"
    """There was no connection, or what came was not HTTP."""


@dataclass(slots=True)
class Exchange:
    """What a client saw: head, body, the seconds after the request was sent at which it had how much, and the end."""

    status: int | None = None
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    end: End = End.SILENT
    problem: str = ""
    _began: float = 0.0
    _pieces: list[bytes] = field(default_factory=list)
    _arrivals: list[tuple[int, float]] = field(default_factory=list)
    _size: int = 0

    def begin(self) -> None:
        """The request is about to be sent."""
        self._began = time.monotonic()

    def arrive(self, data: bytes) -> None:
        """Bytes of the body came."""
        self._pieces.append(data)
        self._size += len(data)
        self._arrivals.append((self._size, time.monotonic() - self._began))

    def stop(self, end: End, problem: str) -> None:
        """It came to no good end."""
        self.end, self.problem = end, problem

    @property
    def body(self) -> bytes:
        """All that came."""
        return b"".join(self._pieces)

    def when(self, size: int) -> float | None:
        """Give the seconds until so many bytes of the body were there; None if they never were."""
        return next((seconds for had, seconds in self._arrivals if had >= size), None)

    @property
    def seconds(self) -> float:
        """How long it took until the last byte of the body."""
        return self._arrivals[-1][1] if self._arrivals else 0.0

    def header(self, name: str) -> str | None:
        """Give the values of a header as one, None without any; `name` in lower case."""
        values = self.headers.get(name)
        return None if values is None else ",".join(values)

    def __str__(self) -> str:
        """Status, body and end in one line."""
        if self.end is End.BROKEN:
            return self.problem
        if self.status is None:
            return "no answer" if self.end is End.SILENT else "a connection that ended before an answer"
        return f"status {self.status}, {shown_bytes(self.body)}{_ENDS[self.end]}"


_ENDS = {End.WHOLE: "", End.CUT: ", cut off", End.SILENT: ", and no end"}


def shown_bytes(data: bytes) -> str:
    """Show a body in short."""
    if len(data) <= SHOWN_BYTES:
        return repr(data)
    return f"{data[:SHOWN_BYTES]!r}… ({len(data)} bytes)"
