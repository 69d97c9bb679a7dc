"""A client that takes the time of every piece of a response, whatever its framing, and reads it afterwards."""

import bisect
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from httptools import HttpResponseParser

__all__ = ["Arrivals", "Visitor"]

TIMEOUT_SECONDS = 30.0
BUFFER_BYTES = 256 * 1024
_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass(slots=True)
class Arrivals:
    """A response, and in nanoseconds of the system's monotonic clock when it was asked for and what came when."""

    asked: int
    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    ends: list[int] = field(default_factory=list)
    """How long the body was after each piece of it."""
    times: list[int] = field(default_factory=list)
    """When that piece came."""

    @property
    def first_byte(self) -> int:
        """Nanoseconds from the question to the first byte of the body."""
        return self.times[0] - self.asked

    @property
    def last_byte(self) -> int:
        """Nanoseconds from the question to the last byte of the body."""
        return self.times[-1] - self.asked

    def latencies(self, *, size: int, count: int) -> list[int]:
        """Nanoseconds from the writing of each chunk, which it begins with, to the arrival of its last byte.

        What stands before the chunks, such as a prelude that nobody took off, does not count.
        """
        start = len(self.body) - size * count
        return [self._latency(start + size * number, size) for number in range(count)]

    def _latency(self, start: int, size: int) -> int:
        arrived = self.times[bisect.bisect_left(self.ends, start + size)]
        return arrived - int(self.body[start : start + 16], 16)


class Visitor:
    """Asks one server again and again, over one connection as long as the server keeps it."""

    def __init__(self, port: int, question: Callable[[str], bytes]) -> None:
        """Ask on a port of this machine; `question` makes the request for a path."""
        self._port = port
        self._question = question
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def get(self, path: str) -> Arrivals:
        """Give the response to a path, read to its end; raises ValueError for one that is not 200."""
        connection = self._connection()
        asked = time.monotonic_ns()
        connection.sendall(self._question(path))
        pieces = self._pieces(connection)
        return _read(asked, pieces)

    def _connection(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _pieces(self, connection: socket.socket) -> list[tuple[int, bytes]]:
        """Take what comes until the response is whole; what it holds is looked at later."""
        pieces: list[tuple[int, bytes]] = []
        start = tail = b""
        left: int | None = None
        while not (tail.endswith(_LAST_CHUNK) if left is None else left <= 0):
            count = connection.recv_into(self._buffer)
            data = bytes(self._buffer[:count])
            pieces.append((time.monotonic_ns(), data))
            if not count:
                self._close()
                raise ConnectionError(f"the server closed the connection; before that came {start[:200]!r}")
            if _HEAD_END not in start:
                start += data
                tail = start.partition(_HEAD_END)[2]
                left = _length(start)
            else:
                tail = (tail[-len(_LAST_CHUNK) :] + data[-len(_LAST_CHUNK) :])[-len(_LAST_CHUNK) :]
                left = None if left is None else left - count
        return pieces

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _length(start: bytes) -> int | None:
    """Give how many bytes of a body of known length are still to come; None for another, or half a head."""
    head, end, body = start.partition(_HEAD_END)
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if end and name.lower() == b"content-length":
            return int(value) - len(body)
    return None


class _Reader:
    """Takes a response apart; the methods are for the parser."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.now = 0
        self.complete = False
        self._arrivals = arrivals

    def on_body(self, data: bytes) -> None:
        self._arrivals.body += data
        self._arrivals.ends.append(len(self._arrivals.body))
        self._arrivals.times.append(self.now)

    def on_message_complete(self) -> None:
        self.complete = True


def _read(asked: int, pieces: Sequence[tuple[int, bytes]]) -> Arrivals:
    arrivals = Arrivals(asked)
    reader = _Reader(arrivals)
    parser = HttpResponseParser(reader)
    for reader.now, data in pieces:
        parser.feed_data(data)
    arrivals.status = parser.get_status_code()
    if arrivals.status != 200 or not reader.complete or not arrivals.times:
        raise ValueError(f"not the response that was asked for: {b''.join(data for _, data in pieces)[:300]!r}")
    return arrivals
