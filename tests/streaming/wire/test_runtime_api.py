"""What the Runtime API and a runtime say to each other, there and back."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming.wire.runtime_api import InvocationRequest, ReportedError

UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@given(VISIBLE, st.integers(0, 2**53), st.binary(), VISIBLE, VISIBLE)
def test_request_comes_back_from_its_headers(
    request_id: str, deadline_ms: int, payload: bytes, trace_id: str, client_context: str
) -> None:
    """A runtime reads what the platform sent, whatever the case of the names."""
    request = InvocationRequest(
        request_id=request_id,
        deadline_ms=deadline_ms,
        payload=payload,
        invocation_id=f"{request_id}.1",
        trace_id=trace_id,
        client_context=client_context,
    )

    headers = {name.lower(): value for name, value in request.headers()}

    assert InvocationRequest.from_headers(headers, payload) == request


def test_what_is_empty_is_not_sent() -> None:
    """A header is there only with a value."""
    request = InvocationRequest(request_id="r", deadline_ms=1, payload=b"")

    assert [name for name, _ in request.headers()] == [
        "Lambda-Runtime-Aws-Request-Id",
        "Lambda-Runtime-Deadline-Ms",
        "Content-Type",
    ]


@pytest.mark.parametrize("deadline", ["", "soon", "-1", "1.5", "²"])
def test_deadline_that_is_none_is_zero(deadline: str) -> None:
    """A runtime goes on without one."""
    assert InvocationRequest.from_headers({"lambda-runtime-deadline-ms": deadline}, b"").deadline_ms == 0


@given(UNICODE, UNICODE, st.lists(UNICODE), st.none() | UNICODE)
def test_error_comes_back_from_its_trailers(error_type: str, message: str, trace: list[str], code: str | None) -> None:
    """E3: type, message, stack trace and code survive the base64 of the trailers."""
    error = ReportedError(error_type, message, tuple(trace), code)

    assert ReportedError.from_trailers("", error.trailer()) == error


def test_error_without_a_utf8_form_is_still_sent() -> None:
    """What a runtime says about its death is never refused."""
    assert json.loads(ReportedError("E", "\ud800").document())["errorMessage"] == "\ud800"


def test_error_of_the_node_client_has_its_trace() -> None:
    """The official client for Node writes `trace`, where others write `stackTrace`."""
    body = base64.b64encode(
        b'{"errorType":"TypeError","errorMessage":"boom","trace":["TypeError: boom","at x"]}'
    ).decode()

    assert ReportedError.from_trailers("TypeError", body) == ReportedError(
        "TypeError", "boom", ("TypeError: boom", "at x")
    )


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"", ReportedError("T", "")),
        (b"not json", ReportedError("T", "not json")),
        (b"[1]", ReportedError("T", "[1]")),
        (b"\xff", ReportedError("T", "\N{REPLACEMENT CHARACTER}")),
        (b"{}", ReportedError("T", "")),
        (b'{"errorType":"U","errorMessage":null}', ReportedError("U", "")),
        (b'{"errorMessage":{"a":1},"stackTrace":[["f",1]],"code":5}', ReportedError("T", '{"a": 1}', ('["f", 1]',))),
        (b"[" * 100_000, ReportedError("T", "[" * 100_000)),
    ],
    ids=["empty", "text", "list", "no UTF-8", "no fields", "null", "odd values", "deep"],
)
def test_any_document_is_an_error(document: bytes, expected: ReportedError) -> None:
    """A document of the wrong form becomes the message; the header gives the type."""
    assert ReportedError.from_document(document, error_type="T") == expected


def test_trailer_that_is_no_base64_is_taken_as_it_is() -> None:
    """Nothing is lost of what a runtime says."""
    assert ReportedError.from_trailers("T", "{not base64}") == ReportedError("T", "{not base64}")


def test_failure_is_the_exception_that_tells_it() -> None:
    """E2b: what a worker reported is raised where its answer is waited for."""
    failure = ReportedError("TypeError", "boom", ("a",), "app.conflict").failure()

    assert (str(failure), failure.error_type, failure.stack_trace, failure.code) == (
        "boom",
        "TypeError",
        ("a",),
        "app.conflict",
    )
