"""The response of a BUFFERED Function URL, inferred from a buffered answer (R0, R8)."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.head import make_head
from apptheory_streaming.wire.inference import decode_base64, infer_response
from apptheory_streaming.wire.marshal import BufferedPayload, marshal

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ({"hello": "world"}, b'{"hello": "world"}'),
        ("hello", b"hello"),
        ("", b""),
        ('say "hé"', 'say "hé"'.encode()),
        (["hello", 3, True], b'["hello", 3, true]'),
        (3, b"3"),
        (3.1, b"3.1"),
        (True, b"true"),
        (None, b"null"),
        ({"body": "no status"}, b'{"body": "no status"}'),
        ({"statuscode": 404}, b'{"statuscode": 404}'),
        ([{"statusCode": 404}], b'[{"statusCode": 404}]'),
    ],
)
def test_a_value_without_a_status_code(value: object, body: bytes) -> None:
    """R0: without `statusCode` the value itself is the body: 200, JSON, a text unquoted."""
    answer = infer_response(marshal(value))
    assert answer.head == make_head(200, JSON)
    assert answer.body == body


@pytest.mark.parametrize(
    ("value", "status", "body"),
    [
        ({"statusCode": 200, "body": "body123"}, 200, b"body123"),
        ({"statusCode": 200, "body": '{"hello": "world"}'}, 200, b'{"hello": "world"}'),
        ({"statusCode": "418", "body": "é"}, 418, "é".encode()),
        ({"statusCode": 204}, 204, b""),
        ({"statusCode": 200, "body": None}, 200, b""),
        ({"statusCode": None, "body": "x"}, 200, b"x"),
        ({"statusCode": 200, "body": "not base64", "isBase64Encoded": False}, 200, b"not base64"),
        ({"statusCode": 200, "body": "3q2+7w==", "isBase64Encoded": True}, 200, b"\xde\xad\xbe\xef"),
        ({"statusCode": 200, "body": "", "isBase64Encoded": True}, 200, b""),
        ({"statusCode": 200, "isBase64Encoded": True}, 200, b""),
    ],
)
def test_a_value_with_a_status_code(value: object, status: int, body: bytes) -> None:
    """R0, R4, R8: `statusCode` makes it a response: body verbatim or decoded, JSON unless it says otherwise."""
    answer = infer_response(marshal(value))
    assert answer.head == make_head(status, JSON)
    assert answer.body == body


def test_headers_and_cookies_of_a_structured_response() -> None:
    """R5, R6: headers of text, numbers and booleans, and a list of cookies, become the head."""
    value = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/html", "X-Number": 5, "X-Flag": True, "Set-Cookie": "b=2"},
        "cookies": ["a=1"],
        "body": "<p>",
    }
    head = make_head(201, {"content-type": "text/html", "x-number": "5", "x-flag": "true"}, ["a=1", "b=2"])
    assert infer_response(marshal(value)).head == head


def test_bytes_are_sent_as_they_are() -> None:
    """R0: a payload that is not JSON has nothing to infer from."""
    answer = infer_response(marshal(b'{"statusCode":404}'))
    assert answer.head == make_head(200, {"content-type": "application/unknown"})
    assert answer.body == b'{"statusCode":404}'


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
def test_json_is_known_by_its_media_type(content_type: str) -> None:
    """R0: letter case and parameters of a content type do not matter (RFC 9110, section 8.3.1)."""
    assert infer_response(BufferedPayload(b'{"statusCode":404}', content_type)).head.status == 404


@pytest.mark.parametrize("content_type", ["text/json", "application/jsonx", "application/problem+json", ""])
def test_other_types_are_not_read(content_type: str) -> None:
    """R0: only application/json is looked into."""
    assert infer_response(BufferedPayload(b'{"statusCode":404}', content_type)).head.status == 200


@pytest.mark.parametrize(
    "value",
    [
        {"statusCode": "teapot"},
        {"statusCode": 1000},
        {"statusCode": 200.5},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"x-a": None}},
        {"statusCode": 200, "headers": {"x-a": "1\r\n2"}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": 5},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
    ],
)
def test_a_response_that_cannot_be(value: object) -> None:
    """E2b: a structured response that breaks R4 to R8 is InvalidResponse."""
    with pytest.raises(InvalidResponse):
        infer_response(marshal(value))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        '{"statusCode":404}'.encode("utf-16"),
        b"[" * 200000,
        b'"\\ud800"',
        b'{"statusCode":200,"body":"\\ud800"}',
    ],
    ids=["nothing", "half", "no UTF-8", "UTF-16", "deep", "half a character", "half a character in the body"],
)
def test_a_runtime_that_sends_no_json(body: bytes) -> None:
    """E2b: whatever a runtime sends as JSON, the verdict is a response or InvalidResponse."""
    with pytest.raises(InvalidResponse):
        infer_response(BufferedPayload(body))


@given(st.binary())
@settings(deadline=None)
def test_base64_round_trip(data: bytes) -> None:
    """R8: decoding gives back every byte, from text and from bytes."""
    encoded = base64.b64encode(data)
    assert decode_base64(encoded) == decode_base64(encoded.decode()) == data


@pytest.mark.parametrize(
    "text", ["a", "ab", "abc", "ab=c", "====", "3q2-7w==", "3q2+7w==\n", " 3q2+7w==", "é", b"\xff"]
)
def test_text_that_is_no_base64(text: str | bytes) -> None:
    """R8: what is marked as base64 and is not, is InvalidResponse, never a guess."""
    with pytest.raises(InvalidResponse, match="base64"):
        decode_base64(text)
