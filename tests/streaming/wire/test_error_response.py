"""The responses that stand for early errors (E2, E2b)."""

import json

import pytest

from apptheory_streaming.wire.error_response import STATUS_BY_CODE, Answer, bad_gateway, coded_error, status_for_code

STATUSES = {
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


def test_the_table_is_the_contracts() -> None:
    """E2: exactly these codes have a status of their own."""
    assert STATUS_BY_CODE == STATUSES


@pytest.mark.parametrize(("code", "status"), [*STATUSES.items(), ("app.teapot", 500), ("shop.not_found", 500)])
def test_the_status_of_a_code(code: str, status: int) -> None:
    """E2: a code gives its status, any other code 500, to the function and to the whole response."""
    assert status_for_code(code) == status
    assert coded_error(code, "m", "r").head.status == status


def test_the_response_of_a_coded_error_byte_for_byte() -> None:
    """E2: the body is compact JSON with code, message and request id, in this order, with its content type."""
    answer = coded_error("app.not_found", "no chat “7”\n", "req_test_0001")
    text = '{"error":{"code":"app.not_found","message":"no chat “7”\\n","request_id":"req_test_0001"}}'
    assert answer.body == text.encode()
    assert answer.head.headers == {"content-type": ("application/json; charset=utf-8",)}
    assert answer.head.cookies == ()


def test_a_message_without_a_utf8_form_still_gets_its_response() -> None:
    """E2: reporting an error never fails for what its message holds."""
    error = json.loads(coded_error("app.conflict", "half \ud83d", "r").body)["error"]
    assert error == {"code": "app.conflict", "message": "half ?", "request_id": "r"}


def test_the_response_for_a_function_error() -> None:
    """E2b: 502 and the text of AWS, nothing else."""
    answer = bad_gateway()
    assert isinstance(answer, Answer)
    assert (answer.head.status, answer.body) == (502, b"Internal Server Error")
    assert answer.head.headers == {"content-type": ("text/plain",)}
    assert answer.head.cookies == ()
