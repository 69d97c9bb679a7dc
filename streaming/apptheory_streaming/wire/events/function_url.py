"""The event of a Lambda Function URL: payload format 2.0.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html and events captured
from real Function URLs; where the two differ (`rawQueryString` has no question mark, the cookie
header stays) the captures win.
"""

import re
from dataclasses import dataclass
from typing import Any

from apptheory_streaming.wire.events.request_parts import (
    body_fields,
    cookies_of,
    is_text,
    joined_headers,
    joined_parameters,
    request_time,
)
from apptheory_streaming.wire.iam import ACCOUNT_ID, IamCaller
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["FunctionUrl", "decode_path", "decoded_size", "function_url_event", "is_text"]

_ESCAPE = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_STRAY = re.compile("([\udc80-\udcff]+)")  # what Python makes of bytes that are no UTF-8


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionUrl:
    """The URL that a request came to: its id and domain, and the port and scheme a client used."""

    url_id: str
    domain: str
    scheme: str = "http"
    port: int = 80


def function_url_event(
    request: HttpRequest,
    url: FunctionUrl,
    *,
    request_id: str,
    epoch_ms: int,
    trace_id: str,
    caller: IamCaller | None = None,
) -> dict[str, object]:
    """Give the event for a request; `epoch_ms` is when it came, in milliseconds since 1970.

    `caller` is who signed it, where AuthType is AWS_IAM: the signature itself is not in the event.
    """
    headers = _headers(request, url, trace_id)
    if caller is not None:
        headers.pop("authorization", None)
    event: dict[str, object] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "cookies": cookies_of(headers.get("cookie", "")),
        "headers": headers,
        "queryStringParameters": joined_parameters(request.query),
        "requestContext": _context(request, url, request_id, epoch_ms) | _caller(caller),
    }
    body = body_fields(request.body, text=is_text(request.first("content-type")))
    absent = {name for name in ("cookies", "queryStringParameters") if not event[name]}
    return {name: value for name, value in event.items() if name not in absent} | body


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
    text = bytes.fromhex(escapes.replace("%", "")).decode("utf-8", "surrogateescape")
    known, at = [], 0
    for index, piece in enumerate(_STRAY.split(text)):
        end = at + len(piece.encode("utf-8", "surrogateescape"))
        known.append(escapes[3 * at : 3 * end] if index % 2 else piece)
        at = end
    return "".join(known)


def _headers(request: HttpRequest, url: FunctionUrl, trace_id: str) -> dict[str, str]:
    joined = joined_headers(request)
    joined["x-forwarded-for"] = ",".join(filter(None, (joined.get("x-forwarded-for"), request.source_ip)))
    joined["x-forwarded-port"] = str(url.port)
    joined["x-forwarded-proto"] = url.scheme
    joined.setdefault("x-amzn-trace-id", trace_id)
    return joined


def _caller(caller: IamCaller | None) -> dict[str, object]:
    return {} if caller is None else {"accountId": ACCOUNT_ID, "authorizer": caller.authorizer()}


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
        "time": request_time(epoch_ms),
        "timeEpoch": epoch_ms,
    }
