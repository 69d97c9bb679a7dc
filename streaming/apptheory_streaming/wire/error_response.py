"""The response that stands for an error which came before the first chunk."""

import json
from dataclasses import dataclass

from apptheory_streaming.wire.head import Head, make_head

__all__ = ["STATUS_BY_CODE", "Answer", "bad_gateway", "coded_error", "status_for_code", "throttled"]

STATUS_BY_CODE = {
    "app.bad_request": 400,
    "app.unauthorized": 401,
    "app.forbidden": 403,
    "app.not_found": 404,
    "app.method_not_allowed": 405,
    "app.timeout": 408,
    "app.conflict": 409,
    "app.too_large": 413,
    "app.validation_failed": 422,
    "app.rate_limited": 429,
    "app.internal": 500,
    "app.overloaded": 503,
}
"""Rule E2; any other code is a 500."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response: head and body."""

    head: Head
    body: bytes


def status_for_code(code: str) -> int:
    """Give the HTTP status of an error code."""
    return STATUS_BY_CODE.get(code, 500)


def coded_error(code: str, message: str, request_id: str) -> Answer:
    """Make the response for an early error that has a code of its own (rule E2)."""
    fields = {"error": {"code": code, "message": message, "request_id": request_id}}
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    head = make_head(status_for_code(code), {"content-type": "application/json; charset=utf-8"})
    return Answer(head, body)


def bad_gateway() -> Answer:
    """Make what a Function URL answers for a function error: 502, text (rule E2b)."""
    return Answer(make_head(502, {"content-type": "text/plain"}), b"Internal Server Error")


def throttled() -> Answer:
    """Make what a Function URL answers when all of a function's environments are busy: 429.

    The status is AWS's (https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html); the body of a
    Function URL is not published, so it is that of the Invoke API.
    """
    fields = {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
    head = make_head(429, {"content-type": "application/json", "x-amzn-errortype": "TooManyRequestsException"})
    return Answer(head, json.dumps(fields, separators=(",", ":")).encode())
