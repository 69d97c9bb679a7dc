"""The event of a Function URL, an API or a load balancer as the HTTP request that a web server gets.

The two headers of the Lambda Web Adapter are described at
https://aws.github.io/aws-lambda-web-adapter/; the context is in the form of AWS's runtime for Rust.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDict

from apptheory_streaming.asgi_apps.scope import http_scope, request_body
from apptheory_streaming.context import LambdaContext
from apptheory_streaming.wire.events.format_2 import as_format_2
from apptheory_streaming.wire.events.request_parts import HOP_BY_HOP

__all__ = ["WebRequest", "web_request"]


@dataclass(frozen=True, slots=True)
class WebRequest:
    """What is sent: a target as on the wire, headers in order, and the bytes of the body."""

    method: str
    target: str
    headers: CIMultiDict[str]
    body: bytes


def web_request(event: Any, context: LambdaContext) -> WebRequest:
    """Give the request of an event; raises UsageError for an event that is none."""
    scope = http_scope(event, context, spec_version="2.3", state={})
    headers = CIMultiDict((name, _text(value)) for name, value in _headers(event))
    for name in HOP_BY_HOP | {"content-length"}:
        headers.popall(name, None)
    headers["x-amzn-request-context"] = _json(event["requestContext"])
    headers["x-amzn-lambda-context"] = _json(_context(event, context))
    query = scope["query_string"].decode()
    target = scope["raw_path"].decode() + (f"?{query}" if query else "")
    return WebRequest(scope["method"], target, headers, request_body(event))


def _headers(event: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """One line for each value, where the event has them apart; cookies are one, which some events list."""
    joined = as_format_2(event)
    given: Mapping[str, object] = joined.get("headers") or {}
    several: Mapping[str, list[object]] = event.get("multiValueHeaders") or {}
    for name, values in several.items():
        if name.lower() != "cookie":
            yield from ((name, value) for value in values)
    known = {name.lower() for name in several} - {"cookie"}
    yield from ((name, value) for name, value in given.items() if name.lower() not in known)
    cookies = joined.get("cookies")
    if cookies and "cookie" not in {name.lower() for name in given}:
        yield "cookie", "; ".join(cookies)


def _text(value: object) -> str:
    """The text of an event, which goes out as UTF-8."""
    return str(value).encode("utf-8", "replace").decode()


def _context(event: Mapping[str, Any], context: LambdaContext) -> dict[str, object]:
    headers = as_format_2(event).get("headers") or {}
    return {
        "request_id": context.aws_request_id,
        "deadline": time.time_ns() // 1_000_000 + context.get_remaining_time_in_millis(),
        "invoked_function_arn": context.invoked_function_arn,
        "xray_trace_id": headers.get("x-amzn-trace-id"),
        "client_context": context.client_context,
        "identity": None,
        "env_config": {
            "function_name": context.function_name,
            "memory": int(context.memory_limit_in_mb),
            "version": context.function_version,
            "log_stream": context.log_stream_name,
            "log_group": context.log_group_name,
        },
    }


def _json(value: object) -> str:
    """One line of ASCII, so that it can be a header."""
    return json.dumps(value, separators=(",", ":"), default=vars)
