"""The address that is recorded, taken apart."""

from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlsplit

from apptheory_streaming.errors import UsageError

__all__ = ["Endpoint", "endpoint_of"]

PORTS = {"http": 80, "https": 443}
_SAFE = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a request goes; `path` and `query` are percent-encoded.

    `url` is the address without user and password, which stand in `user` as `NAME:PASSWORD`.
    """

    host: str
    port: int
    tls: bool
    path: str
    query: str
    url: str
    user: str | None = None

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"


def endpoint_of(url: str) -> Endpoint:
    """Take a URL apart; raises UsageError for one that no request can go to."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
        path = quote(parts.path, safe=_SAFE) or "/"
        query = quote(parts.query, safe=f"{_SAFE}?[]")
    except ValueError as error:
        raise UsageError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in PORTS or not host:
        raise UsageError(f"{url!r} is no URL: write it whole, such as https://example.com/chat")
    endpoint = Endpoint(
        host=host,
        port=PORTS[parts.scheme] if port is None else port,
        tls=parts.scheme == "https",
        path=path,
        query=query,
        url="",
        user=_user(parts.username, parts.password),
    )
    target = f"{path}?{query}" if query else path
    return replace(endpoint, url=f"{parts.scheme}://{endpoint.authority}{target}")


def _user(name: str | None, password: str | None) -> str | None:
    return None if name is None else f"{unquote(name)}:{unquote(password or '')}"
