"""Responses of the Runtime API, read from a connection (HTTP/1.1, RFC 9112)."""

from asyncio import IncompleteReadError, LimitOverrunError, StreamReader
from dataclasses import dataclass, field

__all__ = ["MAX_HEAD_BYTES", "HttpResponse", "read_response"]

MAX_HEAD_BYTES = 4 * 1024 * 1024
"""Ours: a client context alone may be 1 MB of header."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Status, headers by lower-case name, body, and whether the connection may be used again."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    keep_alive: bool = True

    @property
    def accepted(self) -> bool:
        """Whether the platform took what was sent."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.status} {self.body[:500].decode(errors='replace')}".strip()


async def read_response(reader: StreamReader) -> HttpResponse:
    """Read one whole response; raises ConnectionError when there is none, or what came is no HTTP."""
    try:
        return await _read(reader)
    except IncompleteReadError as error:
        raise ConnectionResetError(f"it ended after {len(error.partial)} bytes of an answer") from error
    except (LimitOverrunError, ValueError) as error:
        raise ConnectionError(f"it answered with something that is no HTTP: {error}") from error
    except OSError as error:  # a network has more ways to fail than a ConnectionError
        raise ConnectionResetError(str(error)) from error


async def _read(reader: StreamReader) -> HttpResponse:
    version, status, headers = _parse_head(await reader.readuntil(b"\r\n\r\n"))
    while status < 200:  # an interim response, such as 100 Continue, is not the answer
        version, status, headers = _parse_head(await reader.readuntil(b"\r\n\r\n"))
    body, delimited = await _read_body(reader, status, headers)
    wants_close = "close" in headers.get("connection", "").lower() or version == "HTTP/1.0"
    return HttpResponse(status, headers, body, delimited and not wants_close)


def _parse_head(head: bytes) -> tuple[str, int, dict[str, str]]:
    """Header values are UTF-8, as the platform sends them; what is none keeps its bytes as surrogates."""
    first, *lines = head.decode("utf-8", "surrogateescape")[:-4].split("\r\n")
    version, status, *_ = first.split(" ", 2)
    if not version.startswith("HTTP/1."):
        raise ValueError(f"a first line of {first[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return version, int(status), headers


async def _read_body(reader: StreamReader, status: int, headers: dict[str, str]) -> tuple[bytes, bool]:
    """Give the body, and whether it had an end other than that of the connection."""
    if status in (204, 304):
        return b"", True
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunks(reader), True
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"])), True
    return await reader.read(), False


async def _read_chunks(reader: StreamReader) -> bytes:
    parts: list[bytes] = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers: the Runtime API has none for a runtime
    return b"".join(parts)
