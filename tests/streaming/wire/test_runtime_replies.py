"""What the Runtime API answers, byte by byte."""

import json

import pytest

from apptheory_streaming.wire import runtime_replies
from apptheory_streaming.wire.runtime_api import InvocationRequest
from apptheory_streaming.wire.runtime_replies import (
    ACCEPTED,
    MAX_BUFFERED_BYTES,
    PONG,
    RuntimeReply,
    bad_request,
    delivery,
    refused_step,
)
from apptheory_streaming.wire.runtime_states import RuntimeState, RuntimeStep

REFUSALS = {
    name: value
    for name, value in vars(runtime_replies).items()
    if isinstance(value, RuntimeReply) and name not in ("ACCEPTED", "PONG")
}


def test_an_accepted_answer_as_lambda_writes_it() -> None:
    """202 with its JSON and a line feed."""
    assert ACCEPTED.encode() == (
        b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"
        b'Connection: keep-alive\r\n\r\n{"status":"OK"}\n'
    )


def test_an_answer_without_its_body() -> None:
    """HEAD gets the head alone; a connection that closes says so."""
    assert PONG.encode(keep_alive=False, with_body=False) == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("reply", [*REFUSALS.values(), bad_request("x")], ids=[*REFUSALS, "bad request"])
def test_every_refusal_is_an_error_document(reply: RuntimeReply) -> None:
    """Status, media type, and the two fields in Lambda's order."""
    assert 400 <= reply.status <= 500
    assert reply.headers == (("Content-Type", "application/json"),)
    assert list(json.loads(reply.body)) == ["errorMessage", "errorType"]
    assert reply.body.endswith(b"}\n")
    assert reply.encode().startswith(f"HTTP/1.1 {reply.status} ".encode())


def test_the_refusal_of_a_step() -> None:
    """403 in Lambda's words."""
    reply = refused_step(RuntimeState.RESPONSE_SENT, RuntimeStep.RESPOND)
    assert reply.status == 403
    assert json.loads(reply.body) == {
        "errorMessage": "State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. "
        "Error: State transition is not allowed",
        "errorType": "InvalidStateTransition",
    }


def test_an_invocation_without_what_is_not_known() -> None:
    """A header is there only where there is something to say; the payload is the body as it is."""
    reply = delivery(InvocationRequest(request_id="r", deadline_ms=5, payload=b"\x00"))
    assert reply.encode() == (
        b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r\r\nLambda-Runtime-Deadline-Ms: 5\r\n"
        b"Content-Type: application/json\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n\x00"
    )


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\x00b", "a\x7fb", "a\tb"])
def test_no_value_breaks_out_of_its_header(value: str) -> None:
    """Whatever a client sends as its trace id, the head has the same lines."""
    plain = delivery(InvocationRequest(request_id="r", deadline_ms=5, payload=b"", trace_id="x")).encode()
    reply = delivery(InvocationRequest(request_id="r", deadline_ms=5, payload=b"", trace_id=value)).encode()
    assert reply.count(b"\r\n") == reply.count(b"\n") == plain.count(b"\r\n")
    assert b"\x00" not in reply


def test_the_largest_buffered_response() -> None:
    """6 MiB and 100 bytes, as Lambda's messages say."""
    assert MAX_BUFFERED_BYTES == 6_291_556
    assert b"6291556" in runtime_replies.TOO_LARGE.body
    assert "6291556" in runtime_replies.TOO_LARGE_FAILURE
