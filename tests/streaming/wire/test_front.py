"""What a Function URL makes of function errors (E2b) and of buffered answers (R0)."""

import json

import pytest

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.error_response import bad_gateway
from apptheory_streaming.wire.front import VERBATIM_NOTE, ErrorProfile, Front, FunctionUrlFront, InvokeMode
from apptheory_streaming.wire.head import make_head
from apptheory_streaming.wire.marshal import marshal

STREAM = FunctionUrlFront()
BUFFERED = FunctionUrlFront(InvokeMode.BUFFERED)
ENVELOPE = {"statusCode": 404, "headers": {"x-a": "1"}, "body": "gone"}


@pytest.mark.parametrize("mode", InvokeMode)
def test_a_function_error_is_a_502_that_says_nothing(mode: InvokeMode) -> None:
    """E2b: as on AWS the client sees 502 and never the message of the error, in both invoke modes."""
    answer = FunctionUrlFront(mode).function_error(ValueError("secret"), "req_test_0001")
    assert answer == bad_gateway()
    assert b"secret" not in answer.body


@pytest.mark.parametrize("mode", InvokeMode)
def test_a_function_error_in_the_profile_of_apptheory(mode: InvokeMode) -> None:
    """E2b: with errors="apptheory" it is a 500 with code app.internal and the message `internal error`."""
    answer = FunctionUrlFront(mode, ErrorProfile("apptheory")).function_error(ValueError("secret"), "req_test_0001")
    assert answer.head == make_head(500, {"content-type": "application/json; charset=utf-8"})
    fields = {"code": "app.internal", "message": "internal error", "request_id": "req_test_0001"}
    assert json.loads(answer.body) == {"error": fields}


def test_a_response_stream_url_shows_a_buffered_answer_verbatim() -> None:
    """R0: 200, application/json and the whole envelope, with a note that says so."""
    answer = STREAM.buffered(marshal(ENVELOPE))
    assert answer.head == make_head(200, {"content-type": "application/json"})
    assert json.loads(answer.body) == ENVELOPE
    assert STREAM.note_on_buffered() == VERBATIM_NOTE


@pytest.mark.parametrize(("value", "body"), [("hello", b'"hello"'), (None, b"null"), (b"\xff", b"\xff")])
def test_nothing_is_unquoted_or_inferred_on_a_response_stream_url(value: object, body: bytes) -> None:
    """R0: verbatim means the bytes of the payload, and its own content type."""
    payload = marshal(value)
    answer = STREAM.buffered(payload)
    assert (answer.body, answer.head.content_type) == (body, payload.content_type)


def test_a_buffered_url_infers_the_response() -> None:
    """R0: on a BUFFERED URL the envelope is the response, and there is nothing to note."""
    answer = BUFFERED.buffered(marshal(ENVELOPE))
    assert answer.head == make_head(404, {"x-a": "1", "content-type": "application/json"})
    assert answer.body == b"gone"
    assert BUFFERED.note_on_buffered() is None


def test_an_impossible_envelope_only_matters_where_it_is_read() -> None:
    """R0, E2b: a BUFFERED URL refuses it, a RESPONSE_STREAM URL shows it."""
    payload = marshal({"statusCode": 1000})
    assert STREAM.buffered(payload).body == payload.body
    with pytest.raises(InvalidResponse):
        BUFFERED.buffered(payload)


def test_only_a_buffered_url_collects() -> None:
    """R0: a BUFFERED URL takes a stream as a whole."""
    assert BUFFERED.collects
    assert not STREAM.collects


def test_the_names_of_aws() -> None:
    """R0: modes and profiles are chosen by the words that AWS and the command line use."""
    assert [str(mode) for mode in InvokeMode] == ["RESPONSE_STREAM", "BUFFERED"]
    assert [str(profile) for profile in ErrorProfile] == ["aws", "apptheory"]


def test_a_function_url_is_a_front() -> None:
    """E2b: the writer asks any front; the checker holds this one to the protocol."""
    front: Front = STREAM
    assert front.function_error(ValueError(), "req") is not None
    coded = front.coded_error("app.conflict", "taken", "req")
    assert coded is not None
    assert coded.head.status == 409
