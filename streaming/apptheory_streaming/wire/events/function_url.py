"""The event of a Lambda Function URL: payload format 2.0.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html and events captured
from real Function URLs; where the two differ (`rawQueryString` has no question mark, the cookie
header stays) the captures win.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from apptheory_streaming.wire.request import HttpRequest

__all__ = ["FunctionUrl", "decode_path", "decoded_size", "function_url_event", "is_text"]

_ESCAPE = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})
# They speak of one connection, not of the request (RFC 9110, section 7.6.1).
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionUrl:
    """The URL that a request came to: its id and domain, and the port and scheme a client used."""

    url_id: str
    domain: str
    scheme: str = "http"
    port: int = 80


def function_url_event(
    request: HttpRequest, url: FunctionUrl, *, request_id: str, epoch_ms: int, trace_id: str
) -> dict[str, object]:
    """Give the event for a request; `epoch_ms` is when it came, in milliseconds since 1970."""
    headers = _headers(request, url, trace_id)
    event: dict[str, object] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "cookies": _cookies(headers),
        "headers": headers,
        "queryStringParameters": _parameters(request.query),
        "requestContext": _context(request, url, request_id, epoch_ms),
    }
    absent = {name for name in ("cookies", "queryStringParameters") if not event[name]}
    return {name: value for name, value in event.items() if name not in absent} | _body(request)


def is_text(content_type: str) -> bool:
    """Whether a body of this type stands as text in the event; any other is base64."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT_TYPES


def decoded_size(event: Any) -> int:
    """Give the number of bytes of the body in an event, 0 for an event without a text body."""
    body = event.get("body") if isinstance(event, dict) else None
    if not isinstance(body, str):
        return 0
    if event.get("isBase64Encoded"):
        return len(body) * 3 // 4 - body[-2:].count("=")
    return len(body.encode("utf-8", "surrogatepass"))


def decode_path(path: str) -> str:
    """Decode percent-escapes as UTF-8 and leave what is no valid escape as it stands."""
    return _ESCAPE.sub(_unescape, path)


def _unescape(found: re.Match[str]) -> str:
    escapes = found.group()
    data = bytes.fromhex(escapes.replace("%", ""))
    text, at = "", 0
    while at < len(data):
        try:
            return text + data[at:].decode()
        except UnicodeDecodeError as error:
            good, bad = at + error.start, at + error.end
            text += data[at:good].decode() + escapes[3 * good : 3 * bad]
            at = bad
    return text


def _headers(request: HttpRequest, url: FunctionUrl, trace_id: str) -> dict[str, str]:
    joined: dict[str, str] = {}
    dropped = _HOP_BY_HOP.union(*(_names(value) for value in request.values("connection")))
    for name, value in request.headers:
        key = name.lower()
        if key in dropped:
            continue
        separator = "; " if key == "cookie" else ","
        joined[key] = f"{joined[key]}{separator}{value}" if key in joined else value
    joined["x-forwarded-for"] = ",".join(filter(None, (joined.get("x-forwarded-for"), request.source_ip)))
    joined["x-forwarded-port"] = str(url.port)
    joined["x-forwarded-proto"] = url.scheme
    joined.setdefault("x-amzn-trace-id", trace_id)
    return joined


def _names(connection: str) -> set[str]:
    """The headers that a Connection header names as belonging to the connection."""
    return {name.strip().lower() for name in connection.split(",")}


def _cookies(headers: dict[str, str]) -> list[str]:
    return [part.strip() for part in headers.get("cookie", "").split(";") if part.strip()]


def _parameters(query: str) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in _pairs(query):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, max_num_fields=None)


def _context(request: HttpRequest, url: FunctionUrl, request_id: str, epoch_ms: int) -> dict[str, object]:
    return {
        "accountId": "anonymous",
        "apiId": url.url_id,
        "domainName": url.domain,
        "domainPrefix": url.url_id,
        "http": {
            "method": request.method,
            "path": decode_path(request.path),
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.first("user-agent"),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": _time(epoch_ms),
        "timeEpoch": epoch_ms,
    }


def _time(epoch_ms: int) -> str:
    """`18/Apr/2023:17:01:46 +0000`, in English whatever the locale."""
    at = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S} +0000"


def _body(request: HttpRequest) -> dict[str, object]:
    if not request.body:
        return {"isBase64Encoded": False}
    if is_text(request.first("content-type")):
        try:
            return {"body": request.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # not the text it claims to be: base64 keeps every byte
    return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
