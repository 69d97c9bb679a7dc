"""One handler behind every adapter (A25 to A29): who streams, what the client sees, and what the page says of it."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from apptheory_streaming import AppError, StreamingResponse, sse_stream
from apptheory_streaming.handlers import Handler
from apptheory_streaming.invocation import InvocationPolicy
from apptheory_streaming.wire.adapters import ADAPTERS, REST_STREAMS_SINCE, Adapter, AdapterFacts, Cell, front_of
from apptheory_streaming.wire.events.function_url import FunctionUrl, function_url_event
from apptheory_streaming.wire.front import VERBATIM_NOTE, FunctionUrlFront, collected_note
from apptheory_streaming.wire.limits import Limits
from apptheory_streaming.wire.request import HttpRequest
from event_cases import alb_of, http_api_of, http_event, load_balancer_event, rest_api_of, rest_event
from running import KINDS, MemorySink, Run, Streaming, invocation_of, outcomes

PAGE = (Path(__file__).parents[2] / "docs/reference/adapters.md").read_text()
STREAMING = [adapter for adapter, facts in ADAPTERS.items() if facts.can_stream]
COLLECTING = [adapter for adapter, facts in ADAPTERS.items() if not facts.can_stream]
URL = FunctionUrl(url_id="golden", domain="golden.lambda-url.eu-north-1.on.aws")
FIELDS = {"statusCode": 404, "headers": {"x-a": "1"}, "body": "gone"}


def event_of(adapter: Adapter, path: str = "/cats/a%20b") -> dict[str, Any]:
    """The event that an adapter makes of one request."""
    request = HttpRequest(method="GET", path=path, query="q=a%20b", headers=(("Host", "example.com"),))
    if adapter is Adapter.ALB:
        return load_balancer_event(request, alb_of())
    if adapter is Adapter.HTTP_API:
        return http_event(request, http_api_of())
    if adapter in (Adapter.REST_API, Adapter.REST_API_STREAM):
        return rest_event(request, rest_api_of(stage_in_path=False))
    return function_url_event(request, URL, request_id="r", epoch_ms=0, trace_id="t")


async def run(adapter: Adapter, handler: Handler, **policy: Any) -> Run:
    """What comes of a handler behind an adapter."""
    sink = MemorySink()
    invocation = invocation_of(
        handler, sink, policy=InvocationPolicy(**policy), front=front_of(adapter), event=event_of(adapter)
    )
    transcript = await invocation.run()
    assert sink.misuse == []
    return Run(transcript, sink)


def streaming(event: Any, context: Any) -> StreamingResponse:
    """Two chunks with a head of their own."""
    return StreamingResponse(iter(["one ", "two"]), status=201, headers={"x-a": ["1", "2"]}, cookies=["a=1"])


@pytest.mark.parametrize("adapter", Adapter)
async def test_every_adapter_shows_the_same_response(adapter: Adapter) -> None:
    """A25-A28, C05: head and body of a stream are the same behind every adapter; who cannot stream sends one piece."""
    done = await run(adapter, streaming)
    head = done.sink.head
    assert head is not None
    assert (head.status, head.headers["x-a"], head.cookies) == (201, ("1", "2"), ("a=1",))
    assert b"".join(done.sink.chunks) == b"one two"
    assert outcomes(done.transcript) == ("ended", "complete")
    assert len(done.sink.chunks) == (2 if ADAPTERS[adapter].can_stream else 1)
    assert done.transcript.buffered is not ADAPTERS[adapter].can_stream


@pytest.mark.parametrize("adapter", Adapter)
async def test_who_cannot_stream_says_so(adapter: Adapter) -> None:
    """C05, C29: the log of a collected stream says that this adapter does not stream; that of others says nothing."""
    notes = (await run(adapter, streaming)).transcript.notes
    assert notes == (() if adapter in STREAMING else (collected_note(front_of(adapter)),))


@pytest.mark.parametrize("adapter", Adapter)
async def test_events_stream_where_anything_does(adapter: Adapter) -> None:
    """A28: Server-Sent Events through a REST API are no exception to a Function URL's."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        return sse_stream([{"n": 1}, {"n": 2}])

    done = await run(adapter, handler)
    assert done.sink.head is not None
    assert done.sink.head.content_type.startswith("text/event-stream")
    assert (len(done.sink.chunks) > 1) is (adapter in STREAMING)


@pytest.mark.parametrize("adapter", Adapter)
async def test_a_function_error_has_the_status_of_the_adapter(adapter: Adapter) -> None:
    """E2b: the number on the page is the one that a client sees."""

    def handler(event: Any, context: Any) -> Any:
        raise ValueError("secret")

    done = await run(adapter, handler)
    assert done.sink.head is not None
    assert done.sink.head.status == ADAPTERS[adapter].error_status
    assert b"secret" not in b"".join(done.sink.chunks)


@pytest.mark.parametrize("adapter", Adapter)
async def test_an_error_with_a_code_is_the_same_everywhere(adapter: Adapter) -> None:
    """E2: 409 and JSON, whoever is in front."""

    def handler(event: Any, context: Any) -> Any:
        raise AppError("app.conflict", "taken")

    done = await run(adapter, handler)
    assert done.sink.head is not None
    assert done.sink.head.status == 409
    assert b'"app.conflict"' in b"".join(done.sink.chunks)


@pytest.mark.parametrize("adapter", Adapter)
async def test_an_error_in_the_middle_is_late_only_where_something_has_left(adapter: Adapter) -> None:
    """E3: behind an adapter that collects there is no late error: the client gets the whole error instead."""

    def handler(event: Any, context: Any) -> Iterator[bytes]:
        yield b"one"
        raise ValueError("secret")

    done = await run(adapter, handler)
    assert done.sink.head is not None
    if adapter in STREAMING:
        assert (done.sink.head.status, done.sink.chunks) == (200, [b"one"])
    else:
        assert done.sink.head.status == ADAPTERS[adapter].error_status
        assert b"one" not in b"".join(done.sink.chunks)


@pytest.mark.parametrize("adapter", Adapter)
async def test_a_buffered_answer(adapter: Adapter) -> None:
    """R0: read by those that expect one, shown verbatim by a streaming URL, an error behind a streaming REST API."""
    done = await run(adapter, lambda _event, _context: FIELDS)
    assert done.sink.head is not None
    if adapter is Adapter.FUNCTION_URL:
        assert done.sink.head.status == 200
        assert done.transcript.notes == (VERBATIM_NOTE,)
    elif adapter is Adapter.REST_API_STREAM:
        assert done.sink.head.status == 500
        assert done.transcript.error is not None
        assert "STREAM" in done.transcript.error.message
    else:
        assert (done.sink.head.status, done.sink.head.headers["x-a"]) == (404, ("1",))
        assert done.sink.chunks == [b"gone"]


@pytest.mark.parametrize("adapter", Adapter)
async def test_an_answer_without_a_status_is_inferred_or_refused(adapter: Adapter) -> None:
    """R0: format 2.0 makes 200 of it, format 1.0 and a load balancer an error."""
    done = await run(adapter, lambda _event, _context: {"hello": "world"})
    assert done.sink.head is not None
    inferred = adapter in (Adapter.FUNCTION_URL, Adapter.FUNCTION_URL_BUFFERED, Adapter.HTTP_API)
    assert done.sink.head.status == (200 if inferred else ADAPTERS[adapter].error_status)


@pytest.mark.parametrize("adapter", Adapter)
async def test_more_than_lambda_hands_on_in_one_piece(adapter: Adapter) -> None:
    """L3: what is collected has the limit of a buffered answer; an exact fit passes."""
    for most, fits in ((7, True), (6, adapter in STREAMING)):
        done = await run(adapter, streaming, limits=Limits(max_buffered_bytes=most))
        assert done.sink.head is not None
        assert (done.sink.head.status == 201) is fits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("adapter", Adapter)
async def test_a_head_that_is_too_long_for_a_prelude(adapter: Adapter, kind: str) -> None:
    """L3, E2b: behind a REST API that streams it is a function error, whatever kind the handler is of."""
    handler = Streaming(lambda: iter([b"x"]), headers={"x-long": "x" * 17_000}).handler(kind)
    done = await run(adapter, handler)
    assert done.sink.head is not None
    assert done.sink.head.status == (500 if adapter is Adapter.REST_API_STREAM else 200)


@pytest.mark.parametrize("adapter", Adapter)
def test_the_form_of_a_path(adapter: Adapter) -> None:
    """D29: encoded everywhere but behind an HTTP API."""
    event = event_of(adapter)
    path = event["rawPath"] if "rawPath" in event else event["path"]
    assert path == ("/cats/a b" if adapter is Adapter.HTTP_API else "/cats/a%20b")


@pytest.mark.parametrize("adapter", Adapter)
def test_the_page_says_what_the_adapter_does(adapter: Adapter) -> None:
    """A29: the table of the page is compared with the fronts themselves."""
    found = re.search(rf"^\| \[{re.escape(adapter)}\]\(#[^)]+\) \| (yes|no) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert found is not None
    front = front_of(adapter)
    answer = front.function_error(ValueError(), "r")
    assert answer is not None
    assert (found[1], int(found[2])) == ("no" if front.collects else "yes", answer.head.status)


@pytest.mark.parametrize("facts", ADAPTERS.values(), ids=ADAPTERS)
def test_every_statement_has_a_source_and_a_day(facts: AdapterFacts) -> None:
    """B28, A29: none stands on its own."""
    names = [name for name, _ in facts.cells()]
    assert names == ["streams", "limits", "event", "head", "errors", "disconnect"]
    for _, cell in facts.cells():
        check_cell(cell)


def check_cell(cell: Cell) -> None:
    """A sentence, an address, a day."""
    assert cell.text.endswith(".")
    assert cell.source.startswith("https://")
    assert date.fromisoformat(cell.read_on) >= date(2026, 11, 21)


def test_that_rest_apis_stream_is_dated() -> None:
    """B28: the statement, the day since when it holds, where it was read, on the page too."""
    assert "2025-11-19" in REST_STREAMS_SINCE.text
    check_cell(REST_STREAMS_SINCE)
    assert REST_STREAMS_SINCE.text in PAGE
    assert Adapter.REST_API_STREAM in STREAMING
    assert Adapter.HTTP_API in COLLECTING


def test_the_default_front_is_the_first_adapter() -> None:
    """R0: what the emulator does unless it is told otherwise."""
    assert front_of(Adapter.FUNCTION_URL) == FunctionUrlFront()
