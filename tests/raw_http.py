"""A small HTTP/1.1 client that shows every byte border: heads line by line, bodies frame by frame.

Real clients join frames, follow redirects and close connections as they like; this one does what a
test says.  Every wait ends after WAIT_SECONDS, so that a server that is silent fails a test instead
of hanging it.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["WAIT_SECONDS", "Cut", "RawConnection", "RawHead", "RawResponse", "connect", "fetch"]

WAIT_SECONDS = 30

Pairs = Iterable[tuple[str, str]]


class Cut(Exception):  # noqa: N818 - what happened to the connection
    """The connection ended where HTTP has no end."""


@dataclass(frozen=True)
class RawHead:
    """Status line and header lines as they came, in order, with the case of their names."""

    version: str
    status: int
    reason: str
    lines: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """The values of all lines of a name, in any case."""
        return [value for each, value in self.lines if each.lower() == name.lower()]

    def value(self, name: str) -> str | None:
        """The value of the only line of a name, or None without one."""
        values = self.values(name)
        assert len(values) < 2, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None


@dataclass
class RawResponse:
    """A head, its HTTP chunk frames (one piece for a body of known length or up to the end), and how it ended."""

    head: RawHead
    frames: list[bytes] = field(default_factory=list)
    cut: bool = False

    @property
    def status(self) -> int:
        return self.head.status

    @property
    def body(self) -> bytes:
        return b"".join(self.frames)


class RawConnection:
    """One TCP connection: bytes out, frames in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        async with asyncio.timeout(WAIT_SECONDS):
            await self._writer.drain()

    async def request(
        self, method: str, target: str = "/", headers: Pairs = (), body: bytes = b"", version: str = "HTTP/1.1"
    ) -> None:
        """Send a request; `target` stands in the request line as it is."""
        lines = [
            f"{method} {target} {version}",
            f"Host: {self._host}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        await self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    async def read_head(self) -> RawHead:
        """Read up to the empty line; raises Cut when the connection ends before it."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                text = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Cut(f"the connection ended within the head: {getattr(error, 'partial', error)!r}") from error
        first, *lines = text[:-4].split("\r\n")
        version, status, reason = first.split(" ", 2)
        pairs = (line.partition(": ") for line in lines)
        return RawHead(version, int(status), reason, tuple((name, value) for name, _, value in pairs))

    async def read_frame(self) -> bytes | None:
        """Read one HTTP chunk frame; None for the last chunk; raises Cut when the connection ends before it."""
        size = int(await self._until(b"\r\n"), 16)
        if size == 0:
            assert await self._until(b"\r\n") == b"", "a trailer came"
            return None
        data = await self.read_exactly(size)
        assert await self.read_exactly(2) == b"\r\n"
        return data

    async def read_exactly(self, size: int) -> bytes:
        """Read so many bytes; raises Cut when the connection ends before."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Cut(f"the connection ended before {size} bytes: {getattr(error, 'partial', error)!r}") from error

    async def read_to_end(self) -> bytes:
        """Read until the server closes the connection."""
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._reader.read()

    async def read_response(self, *, method: str = "GET") -> RawResponse:
        """Read a whole response to a request of this method."""
        head = await self.read_head()
        response = RawResponse(head)
        length = head.value("content-length")
        if method == "HEAD" or head.status in (204, 304) or head.status < 200:
            return response
        try:
            if head.value("transfer-encoding") == "chunked":
                while (frame := await self.read_frame()) is not None:
                    response.frames.append(frame)
            else:
                response.frames.append(await (self.read_to_end() if length is None else self.read_exactly(int(length))))
        except Cut:
            response.cut = True
        return response

    def end_sending(self) -> None:
        """Close the sending half of the connection."""
        self._writer.write_eof()

    def reset(self) -> None:
        """Go away with a TCP reset, as a client that crashes."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._writer.wait_closed()
        except ConnectionError:
            pass  # the server was faster

    async def _until(self, separator: bytes) -> bytes:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return (await self._reader.readuntil(separator)).removesuffix(separator)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Cut(f"the connection ended before {separator!r}") from error


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[RawConnection]:
    """Open a connection to the server of a URL, and close it at the end of the block."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    connection = RawConnection(reader, writer, parts.netloc)
    try:
        yield connection
    finally:
        await connection.close()


async def fetch(
    url: str,
    method: str = "GET",
    target: str = "/",
    headers: Pairs = (),
    body: bytes = b"",
    version: str = "HTTP/1.1",
) -> RawResponse:
    """Send one request on a connection of its own and read the whole response."""
    async with connect(url) as connection:
        await connection.request(method, target, headers, body, version)
        return await connection.read_response(method=method)
