"""The event of a Function URL as the HTTP request that a web server gets.

The two headers of the Lambda Web Adapter are described at
https://aws.github.io/aws-lambda-web-adapter/; the context is in the form of AWS's runtime for Rust.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDict

from apptheory_streaming.asgi_apps.scope import http_scope, request_body
from apptheory_streaming.context import LambdaContext
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
    headers = CIMultiDict(_headers(event))
    for name in HOP_BY_HOP | {"content-length"}:
        headers.popall(name, None)
    headers["x-amzn-request-context"] = _json(event["requestContext"])
    headers["x-amzn-lambda-context"] = _json(_context(event, context))
    query = scope["query_string"].decode()
    target = scope["raw_path"].decode() + (f"?{query}" if query else "")
    return WebRequest(scope["method"], target, headers, request_body(event))


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """The text of an event, which goes out as UTF-8; cookies stand beside the headers in some events."""
    headers = dict(event.get("headers") or {})
    cookies = event.get("cookies")
    if cookies and "cookie" not in headers:
        headers["cookie"] = "; ".join(cookies)
    return {name: str(value).encode("utf-8", "replace").decode() for name, value in headers.items()}


def _context(event: Mapping[str, Any], context: LambdaContext) -> dict[str, object]:
    return {
        "request_id": context.aws_request_id,
        "deadline": time.time_ns() // 1_000_000 + context.get_remaining_time_in_millis(),
        "invoked_function_arn": context.invoked_function_arn,
        "xray_trace_id": (event.get("headers") or {}).get("x-amzn-trace-id"),
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
