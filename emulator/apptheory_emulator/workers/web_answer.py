"""What a web server answers: its head, and its body as it arrives."""

from collections.abc import AsyncIterator

from aiohttp import ClientError, ClientResponse

from apptheory_emulator.workers.web_server import WebServer
from apptheory_streaming.wire.events.request_parts import HOP_BY_HOP
from apptheory_streaming.wire.head import Head, make_head

__all__ = ["WebBody", "head_of"]


def head_of(response: ClientResponse) -> Head:
    """Give the head without what belongs to the connection; raises InvalidResponse for one that cannot be sent."""
    headers: dict[str, list[str]] = {}
    for name, value in response.raw_headers:
        headers.setdefault(_text(name).lower(), []).append(_text(value))
    return make_head(response.status, {name: values for name, values in headers.items() if name not in HOP_BY_HOP})


class WebBody(AsyncIterator[bytes]):
    """The bytes of a body as they come; the server waits while nobody takes them.

    What breaks off raises RuntimeExit (rule E3b).
    """

    def __init__(self, response: ClientResponse, server: WebServer) -> None:
        """Read `response` of `server`."""
        self._response = response
        self._server = server

    async def __anext__(self) -> bytes:
        try:
            data = await self._response.content.readany()
        except (ClientError, ConnectionError) as error:
            raise await self._server.broken_off(error) from None
        if data:
            return data
        if self._ends_with_connection and not self._server.alive:
            raise await self._server.broken_off(None)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection, by which the server hears that nobody wants the rest."""
        self._response.close()

    @property
    def _ends_with_connection(self) -> bool:
        """Whether the end of the body is that of the connection, so that it cannot be told from a cut."""
        chunked = "chunked" in self._response.headers.get("transfer-encoding", "").lower()
        return not chunked and "content-length" not in self._response.headers


def _text(data: bytes) -> str:
    """UTF-8, or latin-1 for what is none."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
