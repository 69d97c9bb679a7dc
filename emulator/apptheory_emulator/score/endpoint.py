"""What is scored: a Function URL, an Invoke API or both, and how long it is waited for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from apptheory_emulator.frame_client import ConnectionCut, FrameClient
from apptheory_emulator.score.exchange import End, Exchange
from apptheory_emulator.score.invoke_api import ScoredApi
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["PATIENCE", "ROOT", "Endpoint", "Expect", "Patience", "ScoredUrl"]

ROOT = "/score/"
_PORTS = {"http": 80, "https": 443}
_MORE_BYTES_SECONDS = 1.0
"""How long a connection that nobody closes is watched for bytes that must not come."""


class Expect(StrEnum):
    """With what an endpoint is compared, where the two differ."""

    EMULATOR = "emulator"
    """What an emulator does by default."""
    DEPLOYED = "deployed"
    """What a function on AWS does, its faults included."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: how long an answer may take, and the handler's pauses, of which a longer one is tried when one fails."""

    timeout: float = 20.0
    pauses: Sequence[float] = (0.2, 1.0, 4.0)


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint as a case sees it; `language` is that of its handler."""

    url: "ScoredUrl | None"
    api: ScoredApi | None
    language: str = "node"
    expect: Expect = Expect.EMULATOR
    patience: Patience = PATIENCE

    @property
    def http(self) -> "ScoredUrl":
        """The URL, for a case that needs one."""
        assert self.url is not None
        return self.url

    @property
    def sdk(self) -> ScoredApi:
        """The Invoke API, for a case that needs one."""
        assert self.api is not None
        return self.api


class ScoredUrl:
    """A Function URL that is asked for cases of the score handler, each on a connection of its own.

    Raises UsageError for what is no URL.
    """

    def __init__(self, url: str, *, timeout: float = PATIENCE.timeout) -> None:
        """Ask below `url`; `timeout` is in seconds, for a whole answer."""
        self.parts = _parts_of(url)
        self.timeout = timeout
        self.prefix = self.parts.path.rstrip("/")

    async def reach(self) -> None:
        """Raise OSError when nobody listens."""
        async with asyncio.timeout(self.timeout):
            await (await self._connect()).close()

    async def fetch(
        self,
        case: str,
        query: str = "",
        *,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        longer: float = 0,
    ) -> Exchange:
        """Ask for a case, and tell all that came until the end, or until there was no time left.

        `longer` are seconds that the handler takes on purpose.
        """
        exchange = Exchange()
        request = self.request(case, query, method=method, headers=headers, body=body)
        async with self.asking(exchange, request, longer=longer) as client:
            await _read(client, exchange, headless=method == "HEAD")
        return exchange

    @asynccontextmanager
    async def asking(
        self, exchange: Exchange, request: HttpRequest, *, longer: float = 0
    ) -> AsyncIterator[FrameClient]:
        """Send a request; what the block reads goes to `exchange`, and so does why it broke off."""
        client: FrameClient | None = None
        try:
            async with asyncio.timeout(self.timeout + longer):
                client = await self._connect()
                exchange.begin()
                client.send(request)
                yield client
        except TimeoutError:
            exchange.end = End.SILENT
        except ConnectionCut as error:
            exchange.stop(End.CUT, str(error))
        except (ValueError, IndexError):  # of a head or a frame that has not what it must have
            exchange.stop(End.BROKEN, "an answer that is not HTTP")
        except (OSError, UsageError) as error:
            exchange.stop(End.BROKEN, f"{type(error).__name__}: {error}")
        finally:
            if client is not None:
                client.abort()

    def request(
        self,
        case: str,
        query: str = "",
        *,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> HttpRequest:
        """Make the request for a case, with whatever else stands behind its name."""
        closing = (("connection", "close"),) if method == "HEAD" or case == "no-content" else ()
        return HttpRequest(
            method=method,
            path=f"{self.prefix}{ROOT}{case}",
            query=query,
            headers=(("host", self.parts.netloc.rpartition("@")[2]), *closing, *headers),
            body=body,
        )

    async def _connect(self) -> FrameClient:
        secure = self.parts.scheme == "https"
        host = self.parts.hostname or ""
        return await FrameClient.connect(host, self.parts.port or _PORTS[self.parts.scheme], tls=secure)


async def _read(client: FrameClient, exchange: Exchange, *, headless: bool) -> None:
    head = await client.head()
    exchange.status, exchange.headers = head.status, {name: tuple(each) for name, each in client.wire.items()}
    if headless or head.status in (204, 304):
        exchange.arrive(await _unwanted(client))
    else:
        async for data in client.frames():
            exchange.arrive(data)
    exchange.end = End.WHOLE


async def _unwanted(client: FrameClient) -> bytes:
    """Give the bytes behind a head that ends a response."""
    try:
        async with asyncio.timeout(_MORE_BYTES_SECONDS):
            return await client.rest()
    except TimeoutError:
        return b""


def _parts_of(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise UsageError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UsageError(f"{url!r} is no URL of a function, such as http://127.0.0.1:8000/")
    return parts
