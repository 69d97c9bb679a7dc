"""The HTTP response of a buffered answer, by the inference of payload format 2.0.

Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html; a text value is sent
unquoted, as measured on AWS (the page shows quotes).
"""

import base64
import binascii
import json

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.head import head_from_fields, make_head
from apptheory_streaming.wire.marshal import BufferedPayload

__all__ = ["body_of", "decode_base64", "infer_response", "load_value"]


def infer_response(payload: BufferedPayload) -> Answer:
    """Make the response of a BUFFERED Function URL; raises InvalidResponse for an impossible one."""
    value = load_value(payload)
    if isinstance(value, dict) and "statusCode" in value:
        return _structured(value)
    body = _utf8(value) if isinstance(value, str) else payload.body
    return Answer(make_head(200, {"content-type": payload.content_type}), body)


def decode_base64(text: str | bytes) -> bytes:
    """Decode a base64 body; raises InvalidResponse for text that is none (rule R8)."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidResponse(f"the body is marked as base64 and is not: {error}") from error


def load_value(payload: BufferedPayload) -> object:
    """Give the value of a JSON payload; None for any other type, which has nothing to infer from."""
    if payload.content_type.partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        return json.loads(payload.body.decode())  # text, for json would also take bytes in UTF-16
    except (ValueError, RecursionError) as error:
        raise InvalidResponse(f"the answer says that it is JSON and is not: {error}") from error


def _structured(value: dict[str, object]) -> Answer:
    head = head_from_fields(value, default_content_type="application/json")
    return Answer(head, body_of(value))


def body_of(value: dict[str, object]) -> bytes:
    """Give the bytes of the `body` of an answer, decoded if it says that it is base64; raises InvalidResponse."""
    body = value.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise InvalidResponse(f"body must be text, not {type(body).__name__}")
    return decode_base64(body) if value.get("isBase64Encoded") else _utf8(body)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidResponse(f"the body is text without a UTF-8 form: {error.reason}") from error
