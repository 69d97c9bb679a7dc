"""A keep-alive connection that counts the bytes of a response and looks at nothing else."""

import socket
import time
from types import TracebackType
from typing import Self

__all__ = ["Connection"]

TIMEOUT_SECONDS = 30.0
BUFFER_BYTES = 256 * 1024
_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class Connection:
    """Asks one server again and again, and takes the times.

    The length of a response is known beforehand, since every contender sends one frame a chunk;
    counting costs the client the same for all of them, parsing would not.
    """

    def __init__(self, port: int) -> None:
        """Connect to a port of this machine."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def get(self, *, size: int, count: int) -> tuple[float, float]:
        """Ask for `count` chunks of `size` bytes; gives the seconds to the first byte of the body and to the last."""
        began = time.perf_counter()
        self._socket.sendall(b"GET /%dx%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % (size, count))
        start = self._read_head()
        first = time.perf_counter()
        left = _framed_bytes(size, count) - len(start)
        end = start[-len(_LAST_CHUNK) :]
        while left > 0:
            received = self._receive()
            left -= len(received)
            end = (end + bytes(received[-len(_LAST_CHUNK) :]))[-len(_LAST_CHUNK) :]
        last = time.perf_counter()
        if left or end != _LAST_CHUNK:
            raise ValueError(f"the response is not {count} frames of {size} bytes: {left} bytes left, ends in {end!r}")
        return first - began, last - began

    def _read_head(self) -> bytes:
        """Read up to the first byte of the body; gives what came of the body."""
        received = b""
        while True:
            received += self._receive()
            head, _, body = received.partition(_HEAD_END)
            if body:
                if not head.startswith(b"HTTP/1.1 200 "):
                    raise ValueError(f"not the response that was asked for: {received[:200]!r}")
                return body

    def _receive(self) -> memoryview:
        received = self._socket.recv_into(self._buffer)
        if not received:
            raise ConnectionError("the server closed the connection")
        return self._buffer[:received]


def _framed_bytes(size: int, count: int) -> int:
    return count * (len(b"%x\r\n\r\n" % size) + size) + len(_LAST_CHUNK)
