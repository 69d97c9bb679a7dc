"""The connection to the Runtime API: one socket that is kept, whole requests, and one in pieces.

asyncio turns Nagle's algorithm off for every TCP connection, so what is written leaves at once.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from apptheory_streaming.runtime.response_reader import MAX_HEAD_BYTES, HttpResponse, read_response

__all__ = ["HIGH_WATER_BYTES", "Address", "Connection"]

HIGH_WATER_BYTES = 64 * 1024
"""What may wait in the process for a socket that is full, before a handler is held back."""

HeaderLines = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the Runtime API listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `host:port` as in AWS_LAMBDA_RUNTIME_API; raises ValueError for anything else."""
        host, _, port = text.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise ValueError(f"{text!r} is not of the form host:port")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Connection:
    """A connection that is opened when it is needed, and again where the platform has closed it.

    Every call raises ConnectionError when the Runtime API cannot be reached or goes away.
    """

    def __init__(self, address: Address, *, user_agent: str) -> None:
        """Open nothing yet."""
        self.address = address
        self._common = (("Host", str(address)), ("User-Agent", user_agent))
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def request(self, method: str, path: str, headers: HeaderLines = (), body: bytes = b"") -> HttpResponse:
        """Send a whole request and read its answer, however long that takes.

        A kept connection may be closed by the platform at the moment it is used again, so what gets
        no answer on one is sent once more on a new one.
        """
        reused = self._usable()
        try:
            return await self._exchange(method, path, headers, body)
        except ConnectionError:
            if not reused:
                raise
        return await self._exchange(method, path, headers, body)

    async def begin(self, method: str, path: str, headers: HeaderLines, pieces: Iterable[bytes] = ()) -> None:
        """Send the head of a request whose body follows in pieces, together with those that are there by now."""
        await self._open()
        head = self._head(method, path, (*headers, ("Transfer-Encoding", "chunked")))
        self._write(b"".join((head, *map(_chunk, filter(None, pieces)))))

    def write(self, data: bytes) -> bool:
        """Send a piece, one HTTP chunk; false when the caller should drain before the next."""
        self._write(_chunk(data))
        return self.has_room()

    def has_room(self) -> bool:
        """Whether little enough waits for the socket."""
        if self._writer is None or self._writer.transport.is_closing():
            return False
        return self._writer.transport.get_write_buffer_size() < HIGH_WATER_BYTES

    async def drain(self) -> None:
        """Wait until the socket has taken enough."""
        if self._writer is None:
            raise ConnectionResetError("the connection is closed")
        try:
            await self._writer.drain()
        except OSError as error:  # a network has more ways to fail than a ConnectionError
            raise ConnectionResetError(str(error)) from error

    async def finish(self, trailers: HeaderLines = ()) -> HttpResponse:
        """End a body in pieces, with trailers, and read the answer."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in trailers)
        self._write(f"0\r\n{lines}\r\n".encode())
        return await self._answer()

    def abort(self) -> None:
        """Drop the connection; a body in pieces stays without an end."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    # -- one request --------------------------------------------------------------------------

    async def _exchange(self, method: str, path: str, headers: HeaderLines, body: bytes) -> HttpResponse:
        await self._open()
        length = () if method == "GET" else (("Content-Length", str(len(body))),)
        self._write(self._head(method, path, (*headers, *length)) + body)
        return await self._answer()

    async def _answer(self) -> HttpResponse:
        assert self._reader is not None
        try:
            await self.drain()
            response = await read_response(self._reader)
        except BaseException:
            self.abort()
            raise
        if not response.keep_alive:
            self.abort()
        return response

    async def _open(self) -> None:
        if self._usable():
            return
        self.abort()
        try:
            self._reader, self._writer = await asyncio.open_connection(
                self.address.host, self.address.port, limit=MAX_HEAD_BYTES
            )
        except OSError as error:  # of a name that is none, too, which is no ConnectionError
            raise ConnectionError(str(error)) from error
        self._writer.transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)

    def _usable(self) -> bool:
        if self._reader is None or self._writer is None:
            return False
        return not (self._reader.at_eof() or self._writer.transport.is_closing())

    def _write(self, data: bytes) -> None:
        if self._writer is None:
            raise ConnectionResetError("the connection is closed")
        self._writer.write(data)

    def _head(self, method: str, path: str, headers: HeaderLines) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (*self._common, *headers))]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
