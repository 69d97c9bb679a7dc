"""Rule W7: one handler, two ways: a capture in process and a real HTTP client see the same response."""

from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit import StreamCapture, StreamClientFactory
from parity_cases import CASES, Case
from raw_http import RawResponse, fetch

PLATFORM = {"date", "connection", "transfer-encoding", "content-length", "x-amzn-requestid", "x-amzn-trace-id"}
RENAMED = {"connection", "content-length", "date", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_capture_and_http_response_are_equal(
    stream_client: StreamClientFactory, function_url: FunctionUrlFactory, case: Case
) -> None:
    """W7: status, headers, cookies, body, chunks and frames, errors, late mutations, outcomes."""
    url = await function_url(case.target, **case.options)
    response = await fetch(url, case.method, case.path, case.headers, case.body)
    await url.settled()
    (exchange,) = url.exchanges

    same_id = ("x-request-id", exchange.transcript.request_id)  # a body may show it
    client = stream_client(case.target, strict=False, **case.options)
    capture = await client.request(case.method, case.path, headers=[*case.headers, same_id], content=case.body)

    assert seen_over_http(response) == seen_in_process(capture)
    assert kept(exchange.transcript) == kept(capture.transcript)


def seen_in_process(capture: StreamCapture) -> dict[str, Any]:
    """The capture at the level at which HTTP can be compared."""
    return {
        "status": capture.status,
        "headers": {
            f"x-amzn-remapped-{name}" if name in RENAMED else name: ",".join(values)
            for name, values in capture.headers.items()
        },
        "cookies": capture.cookies,
        "body": capture.body,
        "frames": [chunk for chunk in capture.chunks if chunk],
        "cut": capture.delivery_outcome == "cut",
    }


def seen_over_http(response: RawResponse) -> dict[str, Any]:
    """What the client has, without the platform's own headers."""
    own = [(name.lower(), value) for name, value in response.head.lines if name.lower() not in PLATFORM]
    return {
        "status": response.status,
        "headers": {name: value for name, value in own if name != "set-cookie"},
        "cookies": [value for name, value in own if name == "set-cookie"],
        "body": response.body,
        "frames": response.frames,
        "cut": response.cut,
    }


def kept(transcript: Transcript) -> dict[str, Any]:
    """What the front and the capture each wrote down, without times."""
    return {
        "head": transcript.head,
        "events": [(event.kind, event.after_chunks) for event in transcript.events],
        "sizes": [chunk.size for chunk in transcript.chunks],
        "counts": (transcript.chunk_count, transcript.body_bytes, transcript.dropped_chunks),
        "error": transcript.error,
        "stream_error_code": transcript.stream_error_code,
        "late_mutations": transcript.late_mutations,
        "notes": transcript.notes,
        "handler": transcript.handler,
        "delivery": transcript.delivery,
    }


def test_cases_have_names_of_their_own() -> None:
    """A name that came twice would hide a case."""
    assert len({case.name for case in CASES}) == len(CASES)
