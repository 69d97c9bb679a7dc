"""What REST APIs, HTTP APIs and load balancers make of function errors (E2b) and of buffered answers (R0)."""

import base64
import json
from typing import Any

import pytest

from apptheory_streaming.errors import FunctionTimeout, InvalidResponse, Throttled
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.front import (
    COLLECTED_NOTE,
    Front,
    FunctionUrlFront,
    InvokeMode,
    checked_head,
    collected_note,
)
from apptheory_streaming.wire.fronts.alb import ALB_COLLECTED_NOTE, AlbFront, alb_page, alb_too_large
from apptheory_streaming.wire.fronts.http_api import (
    HTTP_COLLECTED_NOTE,
    HttpApiFront,
    http_bad_path,
    http_no_route,
    http_throttled,
    http_too_large,
    http_unavailable,
)
from apptheory_streaming.wire.fronts.rest_api import (
    REST_COLLECTED_NOTE,
    STREAM_PRELUDE_BYTES,
    RestApiFront,
    TransferMode,
    rest_no_resource,
    rest_no_stage,
    rest_prelude_decoder,
    rest_throttled,
    rest_timed_out,
    rest_too_large,
)
from apptheory_streaming.wire.head import make_head
from apptheory_streaming.wire.inference import infer_response
from apptheory_streaming.wire.marshal import BufferedPayload, marshal
from apptheory_streaming.wire.prelude import DELIMITER

REST = RestApiFront()
STREAM = RestApiFront(mode=TransferMode.STREAM)
HTTP = HttpApiFront()
ALB = AlbFront()
FRONTS: dict[str, Front] = {"rest": REST, "rest stream": STREAM, "http": HTTP, "alb": ALB}
PNG = b"\x89PNG\r\n"


def told(answer: Answer | None) -> tuple[int, Any]:
    """Status and message of an answer of API Gateway's own."""
    assert answer is not None
    assert answer.head.content_type == "application/json"
    return answer.head.status, json.loads(answer.body)["message"]


@pytest.mark.parametrize(
    ("front", "error", "status", "text"),
    [
        (REST, ValueError("secret"), 502, "Internal server error"),
        (REST, InvalidResponse("secret"), 502, "Internal server error"),
        (REST, Throttled("secret"), 500, "Internal server error"),
        (REST, FunctionTimeout("secret"), 502, "Internal server error"),
        (RestApiFront(gives_up_first=True), FunctionTimeout("secret"), 504, "Endpoint request timed out"),
        (RestApiFront(gives_up_first=True), ValueError("secret"), 502, "Internal server error"),
        (STREAM, ValueError("secret"), 500, "Internal server error"),
        (STREAM, InvalidResponse("secret"), 500, "Internal server error"),
        (STREAM, Throttled("secret"), 500, "Internal server error"),
        (HTTP, ValueError("secret"), 500, "Internal Server Error"),
        (HTTP, FunctionTimeout("secret"), 500, "Internal Server Error"),
        (HTTP, Throttled("secret"), 503, "Service Unavailable"),
        (HttpApiFront(gives_up_first=True), FunctionTimeout("secret"), 503, "Service Unavailable"),
    ],
)
def test_a_function_error_at_an_api(front: Front, error: BaseException, status: int, text: str) -> None:
    """E2b: each API has a status and words of its own, and the client never sees the message of the error."""
    answer = front.function_error(error, "req_1")
    assert told(answer) == (status, text)
    assert answer is not None
    assert b"secret" not in answer.body


@pytest.mark.parametrize("error", [ValueError("x"), Throttled("x"), FunctionTimeout("x"), InvalidResponse("x")])
def test_a_function_error_at_a_load_balancer_is_its_page(error: BaseException) -> None:
    """E2b: 502 as HTML, and the server's name."""
    answer = ALB.function_error(error, "req_1")
    assert answer == alb_page(502)
    assert answer.head.status == 502
    assert answer.head.headers["server"] == ("awselb/2.0",)
    assert answer.body.startswith(b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n")


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_an_error_with_a_code_is_the_same_everywhere(front: Front) -> None:
    """E2: the function answers it itself, so that no front has a say in it."""
    answer = front.coded_error("app.conflict", "taken", "req_1")
    assert answer == FunctionUrlFront().coded_error("app.conflict", "taken", "req_1")


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_nothing_is_to_note_on_a_buffered_answer(front: Front) -> None:
    """R0: these fronts read it, none shows it verbatim."""
    assert front.note_on_buffered() is None


@pytest.mark.parametrize(
    ("front", "note"),
    [
        (REST, REST_COLLECTED_NOTE),
        (HTTP, HTTP_COLLECTED_NOTE),
        (ALB, ALB_COLLECTED_NOTE),
        (FunctionUrlFront(InvokeMode.BUFFERED), COLLECTED_NOTE),
    ],
)
def test_who_collects_says_why_and_what_would_stream(front: Front, note: str) -> None:
    """R0: the words are those of the front."""
    assert front.collects
    assert collected_note(front) == note
    assert "collected" in note


def test_a_rest_api_in_stream_mode_does_not_collect() -> None:
    """R0: since 2025-11-19 REST APIs can stream."""
    assert not STREAM.collects


@pytest.mark.parametrize(
    "value",
    [
        None,
        "hello",
        3,
        [1],
        {},
        {"body": "x"},
        {"statusCode": None},
        {"statusCode": 0},
        {"statusCode": "0"},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": "OK"},
        {"statusCode": True},
        {"statusCode": 20.5},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": 5},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "headers": {"x": {"y": 1}}},
        {"statusCode": 200, "headers": {"x y": "1"}},
        b"bytes",
    ],
)
@pytest.mark.parametrize("front", [REST, AlbFront()], ids=["rest", "alb"])
def test_nothing_is_inferred_and_what_is_malformed_is_refused(front: Front, value: object) -> None:
    """R0: a REST API and a load balancer need an object with a status that can be, and a body of text."""
    with pytest.raises(InvalidResponse):
        front.buffered(marshal(value))


def test_a_refusal_says_what_is_missing() -> None:
    """R0: the message names the front, the field and what there is instead."""
    with pytest.raises(InvalidResponse, match=r"a REST API infers nothing.*statusCode.*an object with 'status'"):
        REST.buffered(marshal({"status": 200}))
    with pytest.raises(InvalidResponse, match=r"a load balancer infers nothing.*it is JSON of type list"):
        ALB.buffered(marshal([1]))


@pytest.mark.parametrize("status", [201, "201"])
def test_the_answer_of_a_rest_api(status: object) -> None:
    """R0: status, headers of both maps and body; JSON is the type where none is named; cookies are no field of it."""
    answer = REST.buffered(
        marshal(
            {
                "statusCode": status,
                "headers": {"X-A": 1, "X-B": True},
                "multiValueHeaders": {"x-a": ["2", "3"], "Set-Cookie": ["a=1", "b=2"]},
                "cookies": ["c=3"],
                "body": "hej",
            }
        )
    )
    head = make_head(201, {"x-b": "true", "x-a": ["2", "3"], "content-type": "application/json"}, ["a=1", "b=2"])
    assert (answer.head, answer.body) == (head, b"hej")


@pytest.mark.parametrize(
    ("types", "accept", "content_type", "decoded"),
    [
        ((), "", "image/png", False),
        (("*/*",), "", "image/png", True),
        (("image/png",), "", "image/png", True),
        (("image/png",), "IMAGE/PNG;q=1, */*", "text/plain", True),
        (("image/png",), "text/html, image/png", "image/png", False),
        (("image/jpeg",), "", "image/png", False),
    ],
)
def test_base64_becomes_bytes_for_binary_media_types(
    types: tuple[str, ...], accept: str, content_type: str, decoded: bool
) -> None:
    """R8: a REST API decodes for the first type that the client accepts; else the client gets base64."""
    text = base64.b64encode(PNG).decode()
    fields = {"statusCode": 200, "headers": {"content-type": content_type}, "body": text, "isBase64Encoded": True}
    answer = RestApiFront(binary_media_types=types, accept=accept).buffered(marshal(fields))
    assert answer.body == (PNG if decoded else text.encode())


def test_a_value_behind_a_streaming_integration_is_an_error() -> None:
    """R0: without a head and its delimiter in front there is nothing to stream, which API Gateway answers with 500."""
    with pytest.raises(InvalidResponse, match="STREAM"):
        STREAM.buffered(marshal({"statusCode": 200, "body": "x"}))


def test_an_http_api_infers_as_a_buffered_function_url_does() -> None:
    """R0: payload format 2.0 is one format."""
    for value in ("hello", {"hello": "world"}, {"statusCode": 404, "cookies": ["a=1"], "body": "gone"}, None, 3):
        payload = marshal(value)
        assert HTTP.buffered(payload) == infer_response(payload)


@pytest.mark.parametrize("multi", [False, True])
def test_a_load_balancer_reads_the_headers_of_its_switch(multi: bool) -> None:
    """R0: one map or the other; the other one is not read."""
    fields = {"statusCode": 200, "headers": {"x-a": "1"}, "multiValueHeaders": {"x-b": ["2", "3"]}}
    head = AlbFront(multi_value=multi).buffered(marshal(fields)).head
    expected: dict[str, object] = {"x-b": ["2", "3"]} if multi else {"x-a": "1"}
    assert head == make_head(200, expected)


@pytest.mark.parametrize(
    ("description", "reason"),
    [(None, ""), ("", ""), ("200 OK", "OK"), ("404 No such cat", "No such cat"), ("Fine", "Fine"), ("1 a", "1 a")],
)
def test_the_status_description_of_a_load_balancer(description: object, reason: str) -> None:
    """R0: what stands behind the status on the wire."""
    answer = ALB.buffered(marshal({"statusCode": 200, "statusDescription": description, "body": "x"}))
    assert (answer.head.status, answer.head.reason, answer.body) == (200, reason, b"x")


@pytest.mark.parametrize("description", [200, ["OK"], "OK\r\nx: 1", "caf\u00e9", "a\0"])
def test_a_status_description_that_would_break_the_line(description: object) -> None:
    """R0: a phrase is one line of visible text (RFC 9112, section 4)."""
    with pytest.raises(InvalidResponse, match="statusDescription"):
        ALB.buffered(marshal({"statusCode": 200, "statusDescription": description}))


def test_a_load_balancer_decodes_base64() -> None:
    """R8: whatever the client accepts."""
    fields = {"statusCode": 200, "body": base64.b64encode(PNG).decode(), "isBase64Encoded": True}
    assert ALB.buffered(marshal(fields)).body == PNG


@pytest.mark.parametrize(("size", "passes"), [(1024 * 1024, True), (1024 * 1024 + 1, False)])
def test_the_longest_answer_of_a_load_balancer(size: int, passes: bool) -> None:
    """L3: 1 MB of JSON; an exact fit passes."""
    text = b'{"statusCode":200,"body":"%s"}'
    payload = BufferedPayload(text % (b"x" * (size - len(text) + 2)))
    assert len(payload.body) == size
    if passes:
        assert ALB.buffered(payload).head.status == 200
    else:
        with pytest.raises(InvalidResponse, match=str(size)):
            ALB.buffered(payload)


def prelude(size: int) -> bytes:
    """A head of valid JSON with its delimiter, so many bytes in all."""
    text = b'{"headers":{"x":"%s"}}'
    return text % (b"x" * (size - len(DELIMITER) - len(text) + 2)) + DELIMITER


@pytest.mark.parametrize(("size", "passes"), [(STREAM_PRELUDE_BYTES, True), (STREAM_PRELUDE_BYTES + 1, False)])
@pytest.mark.parametrize("cut", [1, 1000, 10**9])
def test_the_delimiter_stands_within_the_first_16_kb(size: int, passes: bool, cut: int) -> None:
    """L3, W6: an exact fit passes, however the stream is cut."""
    data = prelude(size)
    assert len(data) == size
    decoder = rest_prelude_decoder()
    parts = [data[start : start + cut] for start in range(0, size, cut)]
    if passes:
        assert b"".join(map(decoder.feed, parts)) == b""
        assert decoder.head is not None
    else:
        with pytest.raises(InvalidResponse, match="delimiter"):
            list(map(decoder.feed, parts))


def test_the_head_of_a_handler_is_held_to_the_same_limit() -> None:
    """L3: one that a handler of ours gives counts as the JSON that it would be; what is collected has no prelude."""
    checked_head(STREAM, make_head(200, {"x": "x" * 16_000}))
    long = make_head(200, {"x": "x" * 16_384})
    with pytest.raises(InvalidResponse, match="16384"):
        checked_head(STREAM, long)
    for front in (REST, HTTP, ALB, FunctionUrlFront()):
        assert checked_head(front, long) is long


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (rest_no_stage(), 403, "Forbidden"),
        (rest_no_resource(), 403, "Missing Authentication Token"),
        (rest_throttled(), 429, "Too Many Requests"),
        (rest_too_large(10), 413, "HTTP content length exceeded 10 bytes."),
        (rest_timed_out(), 504, "Endpoint request timed out"),
        (http_no_route(), 404, "Not Found"),
        (http_bad_path(), 400, "Bad Request"),
        (http_throttled(), 429, "Too Many Requests"),
        (http_too_large(), 413, "Request Entity Too Large"),
        (http_unavailable(), 503, "Service Unavailable"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_an_api_answers_by_itself(answer: Answer, status: int, text: str) -> None:
    """L1 and throttling: answers that no function has a part in."""
    assert told(answer) == (status, text)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (REST.function_error(ValueError(), "r"), b'{"message": "Internal server error"}'),
        (rest_timed_out(), b'{"message": "Endpoint request timed out"}'),
        (rest_no_stage(), b'{"message":"Forbidden"}'),
        (HTTP.function_error(ValueError(), "r"), b'{"message":"Internal Server Error"}'),
        (http_unavailable(), b'{"message":"Service Unavailable"}'),
    ],
)
def test_the_bytes_of_an_apis_own_answers(answer: Answer, body: bytes) -> None:
    """E2b: as AWS writes them, the blank behind a colon too."""
    assert answer.body == body


def test_a_load_balancer_that_refuses_a_body() -> None:
    """L1: 413 and its page."""
    assert alb_too_large().head.status == 413
    assert b"413 Request Entity Too Large" in alb_too_large().body


def test_the_names_of_aws() -> None:
    """R0: modes are chosen by the words of `responseTransferMode`."""
    assert [str(mode) for mode in TransferMode] == ["BUFFERED", "STREAM"]
