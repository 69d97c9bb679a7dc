"""A recording in its file: a contract document that can be read again, and asserted."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apptheory_streaming import StreamingResponse
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit import Recorded
from apptheory_testkit.contract import Handlers, Outcome, Verdict, parse_document, run_document
from apptheory_testkit.recordings import (
    Ended,
    NotARecording,
    Recording,
    TimedChunk,
    load_recording,
    parse_recording,
    render_recording,
    to_document,
)

FULL = Recording(
    id="p0.recorded.chat",
    name="POST /a%20b, recorded",
    handler="chat",
    request=HttpRequest(
        method="POST",
        path="/a%20b",
        query="q=1%202&q=%C3%A9&r=",
        headers=(("x-one", "1"), ("x-one", "2")),
        body=b"\xff",
    ),
    head=Head(201, {"content-type": ("text/plain",), "x-two": ("a", "b")}, ("c=1; Path=/", "d=2")),
    chunks=(TimedChunk(b"data: \xc3", 0.25), TimedChunk(b"\xa9\n\n", 0.5), TimedChunk("é€\n".encode(), 0.500000001)),
    head_at=0.125,
    ended_at=1.5,
    platform_headers={"date": ("today",)},
    url="https://example.com/a%20b?q=1%202&q=%C3%A9&r=",
    recorded_on="2026-11-21T12:00:00+00:00",
    redacted=("header authorization",),
)


def with_end(ended: Ended) -> Recording:
    """The same with another end."""
    return replace(FULL, ended=ended)


@pytest.mark.parametrize("ended", list(Ended))
def test_a_recording_that_is_written_and_read_is_the_same(ended: Ended) -> None:
    """Chunks that cut a character, times to the nanosecond, values of a name, bytes that are no text."""
    made = with_end(ended)

    read = parse_recording(render_recording(made))

    assert replace(read, request=made.request) == made
    sent = [pair for pair in read.request.headers if pair[0] == "x-one"]
    assert (read.request.method, read.request.path, read.request.query) == ("POST", "/a%20b", FULL.request.query)
    assert (sent, read.request.body) == ([("x-one", "1"), ("x-one", "2")], b"\xff")


def test_a_chunk_is_a_line_of_the_file() -> None:
    """So that a difference of two files shows chunks."""
    lines = render_recording(FULL).splitlines()

    assert '        {"encoding": "utf8", "value": "é€\\n"}' in lines
    assert '        {"encoding": "base64", "value": "ZGF0YTogww=="},' in lines


@pytest.mark.parametrize("ended", list(Ended))
def test_the_handler_of_a_recording_passes_its_document(ended: Ended) -> None:
    """A recorded file is a contract document: complete, cut or stopped, it can be asserted."""
    made = with_end(ended)

    assert run(made, {"chat": Recorded(made).handler}).outcome is Outcome.PASSED


@pytest.mark.parametrize("ended", list(Ended))
def test_a_handler_with_another_stream_fails_it(ended: Ended) -> None:
    """With a chunk that is another."""
    made = with_end(ended)
    other = Recorded(made).rechunk(lambda body: [body[:8], body[8:]])

    assert run(made, {"chat": other.handler}).outcome is Outcome.FAILED


def test_a_stream_that_was_stopped_is_asserted_as_far_as_it_was_read() -> None:
    """E4: the client leaves where the recording was stopped, so the stream may go on for ever."""
    made = with_end(Ended.STOPPED)

    def chat(event: Any, context: Any) -> StreamingResponse:
        def body() -> Any:
            yield from Recorded(made).chunks
            while True:
                yield b"more"

        return StreamingResponse(body(), status=201, headers=dict(made.head.headers), cookies=made.head.cookies)

    assert run(made, {"chat": chat}).differences == ()


def run(made: Recording, handlers: Handlers) -> Verdict:
    """Run the document of a recording in process."""
    return run_document(parse_document(render_recording(made), file="chat.stream.json"), handlers)


def minimal(**response: Any) -> dict[str, Any]:
    """A contract document that nobody recorded."""
    return {
        "id": "p0.hand.made",
        "tier": "p0",
        "name": "made by hand",
        "setup": {"routes": [{"method": "GET", "path": "/", "handler": "made"}]},
        "input": {"request": {"method": "GET", "path": "/"}},
        "expect": {"response": {"status": 200, "headers": {}, "cookies": [], **response}},
    }


BODIES: dict[str, tuple[dict[str, Any], list[bytes]]] = {
    "chunks": ({"chunks": [{"encoding": "utf8", "value": "a"}, {"encoding": "utf8", "value": ""}]}, [b"a", b""]),
    "a body": ({"body": {"encoding": "base64", "value": "/w=="}}, [b"\xff"]),
    "a value": ({"body_json": {"a": [1, "é"]}}, ['{"a":[1,"é"]}'.encode()]),
    "nothing": ({}, []),
}


@pytest.mark.parametrize(("response", "chunks"), BODIES.values(), ids=list(BODIES))
def test_any_contract_document_is_a_stream_that_comes_at_once(response: dict[str, Any], chunks: list[bytes]) -> None:
    """With its chunks, or its body as one."""
    read = parse_recording(json.dumps(minimal(**response)))

    assert [chunk.data for chunk in read.chunks] == chunks
    assert {chunk.at for chunk in read.chunks} <= {0.0}
    assert (read.ended, read.ended_at) == (Ended.COMPLETE, 0)


def test_e3_a_document_of_a_late_error_is_a_stream_that_is_cut() -> None:
    """E3: nothing else says how it failed."""
    assert parse_recording(json.dumps(minimal(stream_error_code="app.conflict"))).ended is Ended.CUT


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    """The text of a recording with something wrong in it."""
    document = to_document(FULL)
    change(document)
    return json.dumps(document)


def of_recording(**fields: Any) -> Callable[[dict[str, Any]], object]:
    """Change fields of what says where a document is from."""
    return lambda document: document["setup"]["ours"]["recording"].update(fields)


WRONG = {
    "no JSON": ("{", "is no JSON"),
    "a list": ("[]", "a contract document is a JSON object"),
    "no response": (changed(lambda each: each["expect"].clear()), "chat.stream.json#/expect: 'response' is missing"),
    "a document of AppTheory's own": (changed(lambda each: each.update(tier="mcp")), "are about AppTheory itself"),
    "no base64": (
        changed(lambda each: each["expect"]["response"]["chunks"][0].update(value="?")),
        "this is no base64",
    ),
    "a head that no response has": (
        changed(lambda each: each["expect"]["response"]["headers"].update({"a b": ["c"]})),
        "header name 'a b' is not a token",
    ),
    "a time too few": (changed(of_recording(chunk_times=[0, 1])), r"recording\.chunk_times has 2 times for 3 chunks"),
    "no times": (changed(of_recording(chunk_times="soon")), "chunk_times must be a list of seconds"),
    "a time that is none": (changed(of_recording(chunk_times=[0, "1", 2])), "must be seconds, 0 or more, not '1'"),
    "a time beyond any clock": (changed(of_recording(chunk_times=[0, 1, 1e300])), "no longer than a year"),
    "a time that is no float": (changed(of_recording(ended={"at": 10**400})), "is larger than any number"),
    "times that go back": (changed(of_recording(chunk_times=[1, 0, 2])), "go back"),
    "an end before the last chunk": (changed(of_recording(ended={"how": "cut", "at": 0.1})), "go back"),
    "an end that there is not": (changed(of_recording(ended={"how": "badly"})), "complete, cut, stopped"),
    "an end that is text": (changed(of_recording(ended="cut")), "complete, cut, stopped"),
    "headers that are none": (changed(of_recording(platform_headers={"date": 1})), "platform_headers must be text"),
}


@pytest.mark.parametrize(("text", "why"), WRONG.values(), ids=list(WRONG))
def test_what_is_no_recording_says_where_and_why(text: str, why: str) -> None:
    """By a name of its own, with the file."""
    with pytest.raises(NotARecording, match=why) as raised:
        parse_recording(text, file="chat.stream.json")

    assert "not a recording" in str(raised.value)
    assert "chat.stream.json" in str(raised.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A file that is not there is no recording that is wrong."""
    with pytest.raises(UsageError, match=r"chat\.stream\.json cannot be read: No such file") as raised:
        load_recording(tmp_path / "chat.stream.json")
    assert not isinstance(raised.value, NotARecording)

    (tmp_path / "chat.stream.json").write_bytes(b"\xff")
    with pytest.raises(NotARecording, match="no UTF-8"):
        load_recording(tmp_path / "chat.stream.json")
