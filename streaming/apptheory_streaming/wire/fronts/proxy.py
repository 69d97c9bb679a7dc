"""What the answers of Lambda proxy integrations have in common: a JSON object that must have a status."""

import json

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.head import make_head, normalize_status
from apptheory_streaming.wire.inference import load_value
from apptheory_streaming.wire.marshal import BufferedPayload

__all__ = ["message", "proxy_fields"]


def message(status: int, text: str, error_type: str | None = None, *, colon: str = ":") -> Answer:
    """Make an answer of API Gateway's own: JSON with one message, and the type of the error if it names one."""
    headers: dict[str, object] = {"content-type": "application/json"}
    if error_type is not None:
        headers["x-amzn-errortype"] = error_type
    return Answer(make_head(status, headers), json.dumps({"message": text}, separators=(",", colon)).encode())


def proxy_fields(payload: BufferedPayload, *, front: str) -> dict[str, object]:
    """Give the fields of a buffered answer; raises InvalidResponse naming `front` for one that it cannot take."""
    value = load_value(payload)
    if not isinstance(value, dict) or value.get("statusCode") is None:
        raise InvalidResponse(
            f'{front} infers nothing: the answer must be an object with a statusCode, such as {{"statusCode": 200, '
            f'"body": "…"}}; it is {_described(value, payload)}'
        )
    if normalize_status(value["statusCode"]) != _number(value["statusCode"]):
        raise InvalidResponse(f"statusCode must be from 100 to 599, not {value['statusCode']!r}")
    return value


def _number(status: object) -> object:
    return int(status) if isinstance(status, str) else status


def _described(value: object, payload: BufferedPayload) -> str:
    if isinstance(value, dict):
        return f"an object with {', '.join(map(repr, value)) or 'nothing in it'}"
    return f"of type {payload.content_type}" if value is None else f"JSON of type {type(value).__name__}"
