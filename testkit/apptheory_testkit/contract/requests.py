"""The request of a document, from its parts or from an event of AWS."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.events.format_2 import as_format_2
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.contract.paths import wrong_path
from apptheory_testkit.transports.http_request import make_request

__all__ = ["HOST", "bytes_of_piece", "request_of_event", "request_of_parts", "texts"]

HOST = "contract.lambda-url.us-east-1.on.aws"
"""What requests name as their host, unless a document names another."""

_OURS = frozenset({"host", "content-length"})
_KEPT = frozenset({"host", "x-request-id", "origin", "access-control-request-method"})


def request_of_parts(parts: Mapping[str, Any]) -> HttpRequest:
    """Make a request of `input.request`; raises UsageError for one that no client could send."""
    wrong = wrong_path(parts["path"])
    if wrong is not None:
        raise UsageError(wrong)
    headers = [(name, value) for name, values in parts.get("headers", {}).items() for value in texts(values)]
    request = make_request(
        parts["method"],
        parts["path"],
        host=HOST,
        params={name: texts(values) for name, values in parts.get("query", {}).items()},
        headers=headers,
        content=_body(parts),
    )
    kept = _OURS.union(name.lower() for name, _ in headers)
    return replace(request, headers=tuple((name, value) for name, value in request.headers if name.lower() in kept))


def request_of_event(event: Mapping[str, Any]) -> HttpRequest:
    """Make the request that stands for an event; raises UsageError for one without a method and a path.

    The handler gets the event itself, so only what the way there needs is taken over.
    """
    try:
        told = as_format_2(event)
    except (AttributeError, TypeError, ValueError) as error:  # a list where there is to be an object, and so on
        raise UsageError(f"this event is none of an HTTP request: {error}") from error
    context = told.get("requestContext")
    http = context.get("http") if isinstance(context, Mapping) else None
    method = http.get("method") if isinstance(http, Mapping) else None
    path = told.get("rawPath") or (http.get("path") if isinstance(http, Mapping) else None)
    if not isinstance(method, str) or not isinstance(path, str):
        raise UsageError("this event has no method or no path, so it is none of an HTTP request")
    request = make_request(
        method,
        path,
        host=HOST,
        headers=[(name, str(value)) for name, value in _headers(told) if name.lower() in _KEPT],
        content=_event_body(told),
    )
    kept = _OURS | _KEPT
    headers = tuple((name, value) for name, value in request.headers if name.lower() in kept)
    return replace(request, headers=headers, query=str(told.get("rawQueryString") or ""))


def bytes_of_piece(piece: Mapping[str, str], *, is_base64: bool = False) -> bytes:
    """Give the bytes of `{encoding, value}`; raises UsageError for a value that is no base64.

    With `is_base64` a value that is written as text is base64 all the same.
    """
    if is_base64 or piece["encoding"] == "base64":
        return _decoded(piece["value"])
    return piece["value"].encode()


def texts(values: str | list[str]) -> list[str]:
    """Give the values of a name that has one or a list."""
    return [values] if isinstance(values, str) else values


def _body(parts: Mapping[str, Any]) -> bytes:
    return bytes_of_piece(parts["body"], is_base64=parts.get("is_base64", False)) if "body" in parts else b""


def _event_body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body")
    if not isinstance(body, str):
        return b""
    return _decoded(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"this is no base64: {error}") from error


def _headers(event: Mapping[str, Any]) -> list[tuple[str, Any]]:
    headers = event.get("headers")
    return list(headers.items()) if isinstance(headers, Mapping) else []
