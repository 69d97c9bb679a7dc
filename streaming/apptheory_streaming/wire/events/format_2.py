"""Events of REST APIs and load balancers in payload format 2.0, for what knows that form alone."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

__all__ = ["as_format_2"]


def as_format_2(event: Any) -> Any:
    """Give such an event in the form of a Function URL's, without what that has no place for; any other as it is."""
    context = event.get("requestContext") if isinstance(event, Mapping) else None
    if not isinstance(context, Mapping) or "http" in context or "httpMethod" not in event:
        return event
    headers = _headers(event)
    path = event.get("path") or "/"
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": _query(event, encoded="elb" in context),
        "headers": headers,
        "requestContext": {
            "domainName": context.get("domainName") or headers.get("host", "localhost"),
            "http": {
                "method": event["httpMethod"],
                "path": path,
                "protocol": context.get("protocol") or "HTTP/1.1",
                "sourceIp": _source_ip(context, headers),
                "userAgent": headers.get("user-agent", ""),
            },
        },
        "body": event.get("body"),
        "isBase64Encoded": bool(event.get("isBase64Encoded")),
    }


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in _pairs(event, "multiValueHeaders", "headers"):
        key = name.lower()
        separator = "; " if key == "cookie" else ","
        joined[key] = f"{joined[key]}{separator}{value}" if key in joined else value
    return joined


def _query(event: Mapping[str, Any], *, encoded: bool) -> str:
    """A load balancer hands parameters on as they stood, a REST API decoded."""
    pairs = list(_pairs(event, "multiValueQueryStringParameters", "queryStringParameters"))
    return "&".join(f"{name}={value}" for name, value in pairs) if encoded else urlencode(pairs)


def _pairs(event: Mapping[str, Any], several: str, single: str) -> Iterator[tuple[str, str]]:
    if event.get(several):
        return ((name, value) for name, values in event[several].items() for value in values)
    return iter((event.get(single) or {}).items())


def _source_ip(context: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The last address is the one that the front has seen itself."""
    identity = context.get("identity")
    if isinstance(identity, Mapping) and identity.get("sourceIp"):
        return str(identity["sourceIp"])
    return headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
