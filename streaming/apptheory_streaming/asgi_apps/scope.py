"""The event of an HTTP request as the scope and the body of an ASGI request."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.events.format_2 import as_format_2

__all__ = ["http_scope", "request_body"]

_WEB_SOCKET_EVENTS = ("CONNECT", "MESSAGE", "DISCONNECT")


def http_scope(event: Any, context: Any, *, spec_version: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Give the scope of version 3 for an event of a Function URL, an API or a load balancer.

    `aws.event` and `aws.context` are what the handler was called with.  Raises UsageError for
    another event.
    """
    given, event = event, as_format_2(event)
    http = _http(event)
    path = event.get("rawPath") or "/"
    headers: Mapping[str, str] = event.get("headers") or {}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "http_version": _http_version(http.get("protocol", "HTTP/1.1")),
        "method": str(http.get("method", "GET")).upper(),
        "scheme": headers.get("x-forwarded-proto", "https"),
        "path": unquote(path),
        "raw_path": quote(path, safe="%/:@!$&'()*+,;=~-._").encode(),
        "query_string": quote(event.get("rawQueryString") or "", safe="%/:@!$&'()*+,;=~-._?[]").encode(),
        "root_path": "",
        "headers": list(_headers(event, headers)),
        "client": (http.get("sourceIp", ""), 0),
        "server": (event["requestContext"].get("domainName", "localhost"), _port(headers)),
        "state": dict(state),
        "extensions": {},
        "aws.event": given,
        "aws.context": context,
    }


def request_body(event: Mapping[str, Any]) -> bytes:
    """Give the bytes of the body in an event; raises UsageError for base64 that is none."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise UsageError(f"the event says isBase64Encoded, but its body is not base64: {error}") from error


def _http(event: Any) -> Mapping[str, Any]:
    """What the event says of its request, in the one form that has one."""
    request = event.get("requestContext") if isinstance(event, Mapping) else None
    if isinstance(request, Mapping) and request.get("eventType") in _WEB_SOCKET_EVENTS and "connectionId" in request:
        raise UsageError(
            "this event is of a WebSocket, which is not served here: a Function URL speaks HTTP alone; "
            "send Server-Sent Events instead"
        )
    http = request.get("http") if isinstance(request, Mapping) else None
    if not isinstance(http, Mapping):
        raise UsageError(
            "an application takes events of payload format 2.0, as Function URLs and HTTP APIs make them, and those "
            "of REST APIs and load balancers: this one has neither requestContext.http nor httpMethod"
        )
    return http


def _http_version(protocol: str) -> str:
    """`HTTP/1.1` as 1.1, `HTTP/2.0` as 2."""
    return protocol.partition("/")[2].removesuffix(".0") if protocol != "HTTP/1.0" else "1.0"


def _headers(event: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    """Names in lower case; cookies stand beside the headers in some events, and in both in others."""
    for name, value in headers.items():
        yield name.lower().encode("latin-1", "replace"), _value(value)
    cookies = event.get("cookies")
    if cookies and "cookie" not in {name.lower() for name in headers}:
        yield b"cookie", _value("; ".join(cookies))


def _value(text: str) -> bytes:
    """A header value in latin-1, which frameworks read it as, or in UTF-8 if it has no such form."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def _port(headers: Mapping[str, str]) -> int:
    port = headers.get("x-forwarded-port", "")
    return int(port) if port.isdecimal() else 443
