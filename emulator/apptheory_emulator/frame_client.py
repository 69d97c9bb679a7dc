"""An HTTP/1.1 client that gives each chunk frame as the server cut it, however large (rule W7).

Other clients join frames or split large ones.  It trusts the emulator to speak HTTP, and takes one
request a connection, so that the end of a connection is the end of a client.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

from apptheory_streaming.errors import StreamingError, UsageError
from apptheory_streaming.wire.front import PLATFORM_HEADERS
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["ConnectionCut", "FrameClient", "check_request"]

HEAD_BYTES = 1024 * 1024
"""How long a line of the head may be, or all of it; beyond, the response is none."""

_FRAMING = frozenset({"content-length", "transfer-encoding"})


class ConnectionCut(StreamingError):  # noqa: N818 - what happened to the connection
    """The connection ended where HTTP has no end."""

    name = "ConnectionCut"


class FrameClient:
    """One connection with one request on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Made by `connect`."""
        self._reader = reader
        self._writer = writer
        self._wire: dict[str, list[str]] = {}

    @classmethod
    async def connect(cls, host: str, port: int, *, tls: bool = False) -> "FrameClient":
        """Open a connection; raises OSError."""
        return cls(*await asyncio.open_connection(host, port, limit=HEAD_BYTES, ssl=tls or None))

    @property
    def port(self) -> int:
        """The port on the client's side, by which the server knows the connection."""
        return int(self._writer.get_extra_info("sockname")[1])

    @property
    def wire(self) -> Mapping[str, Sequence[str]]:
        """The headers as they came, those of the platform too: the values of each name, which is in lower case."""
        return self._wire

    def send(self, request: HttpRequest) -> None:
        """Put a request on its way; it leaves while the response is read."""
        self._writer.write(_encode(request))

    async def head(self, *, continued: bool = False) -> Head:
        """Read the head, without the headers of the platform and with one value a name.

        `continued` when the server may say `100 Continue` first.  Raises ConnectionCut.
        """
        status = await self._head()
        if continued and status == 100:
            status = await self._head()
        own = {name: values for name, values in self._wire.items() if name not in PLATFORM_HEADERS}
        cookies = own.pop("set-cookie", [])
        return Head(status, {name: (",".join(values),) for name, values in own.items()}, tuple(cookies))

    async def frames(self) -> AsyncIterator[bytes]:
        """Read the body of a response that has one, frame by frame; raises ConnectionCut.

        A body with a length, or up to the end of the connection, is one frame.
        """
        if self._wire.get("transfer-encoding") == ["chunked"]:
            while (frame := await self._frame()) is not None:
                yield frame
            return
        length = self._wire.get("content-length")
        whole = await (self.rest() if length is None else self._exactly(int(length[0])))
        if whole:
            yield whole

    async def rest(self) -> bytes:
        """Read what comes until the server closes the connection; raises ConnectionCut."""
        try:
            return await self._reader.read()
        except ConnectionError as error:
            raise ConnectionCut("the connection was reset before its end") from error

    def abort(self) -> None:
        """Go away at once, whatever is still to be sent or read."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with suppress(ConnectionError):  # the server was faster
            await self._writer.wait_closed()

    async def _head(self) -> int:
        text = (await self._until(b"\r\n\r\n")).decode("utf-8", "surrogateescape")
        first, *lines = text[:-4].split("\r\n")
        self._wire = {}
        for line in lines:
            name, _, value = line.partition(":")
            self._wire.setdefault(name.lower(), []).append(value.strip())
        return int(first.split(" ", 2)[1])

    async def _frame(self) -> bytes | None:
        size = int((await self._until(b"\r\n")).partition(b";")[0], 16)
        if size == 0:
            await self._until(b"\r\n")
            return None
        data = await self._exactly(size)
        await self._exactly(2)
        return data

    async def _until(self, separator: bytes) -> bytes:
        try:
            return await self._reader.readuntil(separator)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ConnectionCut(f"the connection ended before {separator!r}") from error
        except asyncio.LimitOverrunError as error:
            raise UsageError(f"the head of the response is longer than {HEAD_BYTES} bytes") from error

    async def _exactly(self, size: int) -> bytes:
        try:
            return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ConnectionCut(f"the connection ended before {size} bytes") from error


def check_request(request: HttpRequest) -> None:
    """Raise UsageError for a request that no server could answer."""
    length = request.first("content-length")
    if length and length != str(len(request.body)):
        raise UsageError(
            f"content-length is {length} and the body has {len(request.body)} bytes: over HTTP a server would wait "
            "for the rest; leave the header out"
        )


def _encode(request: HttpRequest) -> bytes:
    """The bytes of a request; how its body is framed is ours to say."""
    target = f"{request.path}?{request.query}" if request.query else request.path
    headers = [(name, value) for name, value in request.headers if name.lower() not in _FRAMING]
    if request.body or request.first("content-length"):
        headers.append(("content-length", str(len(request.body))))
    lines = [f"{request.method} {target} {request.protocol}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + request.body
