"""A capture has everything that the response of a contract fixture is about."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from apptheory_streaming import AppError, StreamingResponse
from apptheory_testkit import StreamCapture, stream_client

FIXTURES = json.loads(
    """
    [
        {
            "id": "stream.text",
            "setup": {"routes": [{"method": "GET", "path": "/text", "handler": "text"}]},
            "input": {"request": {"method": "GET", "path": "/text"}},
            "expect": {"response": {
                "status": 201,
                "headers": {"content-type": ["text/plain; charset=utf-8"], "x-tag": ["one", "two"]},
                "cookies": ["a=1; Path=/", "b=2; Path=/"],
                "chunks": [
                    {"encoding": "utf8", "value": "caf\\u00e9"},
                    {"encoding": "utf8", "value": ""},
                    {"encoding": "base64", "value": "AP8="}
                ],
                "is_base64": false
            }}
        },
        {
            "id": "stream.late_error",
            "setup": {"routes": [{"method": "GET", "path": "/late", "handler": "late"}]},
            "input": {"request": {"method": "GET", "path": "/late"}},
            "expect": {"response": {
                "status": 200,
                "headers": {"content-type": ["application/octet-stream"]},
                "cookies": [],
                "chunks": [{"encoding": "utf8", "value": "a"}],
                "is_base64": false,
                "stream_error_code": "app.conflict"
            }}
        },
        {
            "id": "stream.early_error",
            "setup": {"routes": [{"method": "POST", "path": "/early", "handler": "early"}]},
            "input": {"request": {"method": "POST", "path": "/early", "headers": {"x-request-id": ["req_test_123"]},
                                  "body": {"encoding": "utf8", "value": "busy"}}},
            "expect": {"response": {
                "status": 409,
                "headers": {"content-type": ["application/json; charset=utf-8"]},
                "cookies": [],
                "body_json": {"error": {"code": "app.conflict", "message": "busy", "request_id": "req_test_123"}},
                "is_base64": false
            }}
        }
    ]
    """
)


def text(event: Any, context: Any) -> Any:
    headers = {"content-type": "text/plain; charset=utf-8", "X-Tag": ["one", "two"], "Set-Cookie": "b=2; Path=/"}
    return StreamingResponse(["café", "", b"\x00\xff"], status=201, headers=headers, cookies=["a=1; Path=/"])


def late(event: Any, context: Any) -> Iterator[str]:
    yield "a"
    raise AppError("app.conflict", "b is taken")


def early(event: Any, context: Any) -> Any:
    raise AppError("app.conflict", event["body"])


HANDLERS = {"text": text, "late": late, "early": early}


def replayed(fixture: dict[str, Any]) -> StreamCapture:
    """Send the request of a fixture to the handler that its route names."""
    request, (route,) = fixture["input"]["request"], fixture["setup"]["routes"]
    client = stream_client(HANDLERS[route["handler"]])
    body = request.get("body", {}).get("value")
    headers = [(name, value) for name, values in request.get("headers", {}).items() for value in values]
    return client.sync.request(request["method"], request["path"], headers=headers, content=body)


def decoded(part: dict[str, str]) -> bytes:
    return base64.b64decode(part["value"]) if part["encoding"] == "base64" else part["value"].encode()


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture["id"])
def test_a_fixture_can_be_held_against_a_capture(fixture: dict[str, Any]) -> None:
    """Status, headers, cookies, chunks or body, and the code of a late error; a missing one means none."""
    expected = fixture["expect"]["response"]

    capture = replayed(fixture)

    assert capture.status == expected["status"]
    assert capture.headers == expected["headers"]
    assert capture.cookies == expected["cookies"]
    if "chunks" in expected:
        assert capture.chunks == [decoded(part) for part in expected["chunks"]]
    else:
        assert capture.json() == expected["body_json"]
    assert capture.stream_error_code == expected.get("stream_error_code")


def test_r8_the_body_of_a_capture_is_never_base64() -> None:
    """So `is_base64` of a fixture is false: a buffered body is decoded at the edge."""

    def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True}

    capture = stream_client(handler, invoke_mode="BUFFERED").sync.get("/")

    assert capture.body == b"\x00\xff"
