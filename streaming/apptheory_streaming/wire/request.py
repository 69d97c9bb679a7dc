"""An HTTP request as a front received it."""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["HttpRequest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request: the target as on the wire, headers in order with repeats, the decoded body.

    `path` is still percent-encoded and begins with a slash; `query` is what stands behind the
    question mark, without it.
    """

    method: str
    path: str = "/"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    protocol: str = "HTTP/1.1"
    source_ip: str = "127.0.0.1"

    def values(self, name: str) -> Iterator[str]:
        """Give the values of a header in order; `name` in lower case."""
        return (value for key, value in self.headers if key.lower() == name)

    def first(self, name: str, default: str = "") -> str:
        """Give the first value of a header, or the default."""
        return next(self.values(name), default)
