"""What the events of every front take from a request: headers, cookies, parameters, times, bodies."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from apptheory_streaming.wire.request import HttpRequest

__all__ = [
    "HOP_BY_HOP",
    "body_fields",
    "cookies_of",
    "end_to_end_headers",
    "is_text",
    "joined_headers",
    "joined_parameters",
    "query_pairs",
    "request_time",
]

_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that speak of one connection, not of the request (RFC 9110, section 7.6.1)."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def is_text(content_type: str) -> bool:
    """Whether a body of this type stands as text in an event; any other is base64."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT_TYPES


def end_to_end_headers(request: HttpRequest) -> Iterable[tuple[str, str]]:
    """Give name and value of each header in order, as they were sent, without those of the connection."""
    dropped = HOP_BY_HOP.union(*(_names(value) for value in request.values("connection")))
    return ((name, value) for name, value in request.headers if name.lower() not in dropped)


def joined_headers(request: HttpRequest) -> dict[str, str]:
    """Give lower-case name -> the values joined by a comma, those of cookies by a semicolon."""
    joined: dict[str, str] = {}
    for name, value in end_to_end_headers(request):
        key = name.lower()
        separator = "; " if key == "cookie" else ","
        joined[key] = f"{joined[key]}{separator}{value}" if key in joined else value
    return joined


def cookies_of(header: str) -> list[str]:
    """Give the cookies of a Cookie header, one text each."""
    return [part.strip() for part in header.split(";") if part.strip()]


def query_pairs(query: str) -> Iterable[tuple[str, str]]:
    """Give the decoded parameters of a query in order; a plus is a blank, and a value may be missing."""
    return parse_qsl(query, keep_blank_values=True, max_num_fields=None)


def joined_parameters(query: str) -> dict[str, str]:
    """Give name -> the decoded values joined by a comma."""
    collected: dict[str, list[str]] = {}
    for name, value in query_pairs(query):
        collected.setdefault(name, []).append(value)
    return {name: ",".join(values) for name, values in collected.items()}


def request_time(epoch_ms: int) -> str:
    """Give `18/Apr/2023:17:01:46 +0000`, in English whatever the locale."""
    at = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S} +0000"


def body_fields(body: bytes, *, text: bool) -> dict[str, object]:
    """Give `body` and `isBase64Encoded`; no `body` for an empty one, base64 for text that is not UTF-8."""
    if not body:
        return {"isBase64Encoded": False}
    if text:
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # not the text it claims to be: base64 keeps every byte
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _names(connection: str) -> set[str]:
    """The headers that a Connection header names as belonging to the connection."""
    return {name.strip().lower() for name in connection.split(",")}
