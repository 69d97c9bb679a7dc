"""`gai_stream`: the events of gai from `start` to `done`, in both forms, and what the testkit makes of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import GAI_HEADERS, AppError, InvalidResponse, StreamingResponse, gai_stream
from apptheory_streaming.errors import FormatError, UsageError
from apptheory_streaming.wire.gai_events import (
    GaiDone,
    GaiError,
    GaiFinish,
    GaiStart,
    GaiTextDelta,
)
from apptheory_testkit import Positioned, StreamCapture, assert_gai_order, gai_events, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop
from gai_cases import GAI

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

BEAT = b": keep-alive\n\n"

every_form = pytest.mark.parametrize("form", ["sse", "ndjson"])
every_kind = pytest.mark.parametrize("kind", ["sync", "async"])


def captured(response: Any) -> StreamCapture:
    """Capture what a function makes, in virtual time."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        made: StreamingResponse = response()
        return made

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(stream_client(handler).get())


def get(*steps: Any, kind: str = "sync", **options: Any) -> StreamCapture:
    """Capture the events of a source that raises the errors among them, and sleeps for the floats."""

    def sync() -> Iterator[Any]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            yield step

    async def with_await() -> AsyncIterator[Any]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step

    return captured(lambda: gai_stream(sync() if kind == "sync" else with_await(), **options))


@every_kind
@every_form
def test_start_is_put_first_and_done_last(form: str, kind: str) -> None:
    """E18, E40: around what the source gives; text is a delta."""
    capture = get("Hel", GaiTextDelta("lo"), GaiFinish(), kind=kind, form=form)

    assert gai_events(capture) == [
        GaiStart(),
        GaiTextDelta("Hel"),
        GaiTextDelta("lo"),
        GaiFinish(),
        GaiDone(),
    ]
    assert len(capture.chunks) == 5
    assert_gai_order(capture)


@every_form
def test_a_query_reaches_the_handler_and_the_browser_reads_the_answer(form: str) -> None:
    """E21, E39: nobody asks for a stream; the text is in each delta, and `done` ends it."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        return gai_stream(event["queryStringParameters"]["q"].split("+"), form=form)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        capture = runner.run(stream_client(handler).get("/", params={"q": "Grüße+an+alle"}))

    if form == "sse":
        named = [event for event in capture.sse() if event.event == "text_delta"]
        assert [event.json()["text"] for event in named] == ["Grüße", "an", "alle"]
        assert capture.sse()[-1].event == "done"
    else:
        assert [line.get("text") for line in capture.ndjson()[1:-1]] == ["Grüße", "an", "alle"]
        assert capture.ndjson()[-1] == {"type": "done", "finished": True}


@every_form
def test_those_of_the_source_are_not_doubled(form: str) -> None:
    """E40: nor is one missing where the source is empty."""
    whole, done, empty = get(GaiStart(), "a", GaiDone(), form=form), get(GaiDone(), form=form), get(form=form)

    assert gai_events(whole) == [GaiStart(), GaiTextDelta("a"), GaiDone()]
    assert gai_events(done) == gai_events(empty) == [GaiStart(), GaiDone()]
    assert [each.handler_outcome for each in (whole, done, empty)] == ["ended"] * 3


@every_form
def test_every_type_of_event_is_sent_and_read(form: str) -> None:
    """E18: all of them, one chunk each."""
    between = [event for event, _, _ in GAI.values() if not isinstance(event, GaiStart | GaiDone)]

    capture = get(*between, form=form)

    assert gai_events(capture) == [GaiStart(), *between, GaiDone()]
    assert len(capture.chunks) == len(between) + 2


def test_a_stream_of_100_events_has_the_bytes_of_the_package() -> None:
    """E23: the sizes that were measured there, without the start that ours puts first."""
    texts = [GaiTextDelta("Hello") for _ in range(100)]
    sse, lines = get(GaiStart(), *texts), get(GaiStart(), *texts, form="ndjson")

    assert sse.chunks[0] == b'event: start\ndata: {"started":true}\n\n'
    assert sse.chunks[1] == b'event: text_delta\ndata: {"text":"Hello"}\n\n'
    assert sse.chunks[-1] == b'event: done\ndata: {"finished":true}\n\n'
    assert lines.chunks[0] == b'{"started":true,"type":"start"}\n'
    assert lines.chunks[1] == b'{"text":"Hello","type":"text_delta"}\n'
    assert lines.chunks[-1] == b'{"finished":true,"type":"done"}\n'


def test_events_are_numbered_to_the_last() -> None:
    """E03: ids 1 to n, an error among them."""
    capture = get("a", "b", ids=True)
    assert [event.id for event in capture.sse()] == ["1", "2", "3", "4"]

    failed = get("a", ValueError("bad"), ids=True)
    assert [(event.id, event.event) for event in failed.sse()] == [
        ("1", "start"),
        ("2", "text_delta"),
        ("3", "error"),
        ("4", "done"),
    ]
    assert failed.stream_error_code == "app.internal"


@every_kind
@every_form
@pytest.mark.parametrize(
    ("error", "message", "code"),
    [
        (AppError("app.rate_limited", "slow down"), "slow down", "app.rate_limited"),
        (RuntimeError("a secret"), "internal error", "app.internal"),
    ],
    ids=["coded", "secret"],
)
def test_a_late_error_is_an_event_and_done_follows(
    form: str, kind: str, error: Exception, message: str, code: str
) -> None:
    """E31, E3: the client is told, the order holds, and the capture has the error all the same."""
    capture = get("a", error, kind=kind, form=form)

    assert gai_events(capture) == [GaiStart(), GaiTextDelta("a"), GaiError(message), GaiDone()]
    assert capture.stream_error_code == code
    assert_gai_order(capture)


@every_form
def test_an_error_behind_done_sends_nothing_more(form: str) -> None:
    """E40: done is last, whatever happens."""
    capture = get(GaiStart(), GaiDone(), ValueError("bad"), form=form)

    assert gai_events(capture) == [GaiStart(), GaiDone()]
    assert capture.stream_error_code == "app.internal"


@every_form
def test_an_event_behind_done_is_refused(form: str) -> None:
    """E40: and not sent."""
    capture = get("a", GaiDone(), "b", form=form)

    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)
    assert str(capture.error.exception) == "an event of type GaiTextDelta came behind done"
    assert gai_events(capture)[-1] == GaiDone()


@every_form
def test_an_error_before_the_first_event_is_a_response_of_its_own(form: str) -> None:
    """E15, E2: with its status, before any byte."""
    capture = get(AppError("app.bad_request", "no prompt"), form=form)

    assert (capture.status, capture.json()["error"]["message"]) == (400, "no prompt")


@every_form
def test_a_first_event_that_is_none_sends_no_start(form: str) -> None:
    """E2b: nothing has left."""
    capture = get({"type": "text_delta"}, form=form)

    assert capture.status == 502
    capture.assert_error("app.internal", late=False)


def test_an_error_after_nothing_but_heartbeats_is_late() -> None:
    """W4: the head is out, so the events say it, in their order; lines have no heartbeats."""
    capture = get(20.0, ValueError("bad"), kind="async")
    assert capture.body.startswith(BEAT)
    assert gai_events(capture) == [GaiStart(), GaiError("internal error"), GaiDone()]

    silent = get(20.0, "a", kind="async", form="ndjson")
    assert gai_events(silent) == [GaiStart(), GaiTextDelta("a"), GaiDone()]
    assert get(20.0, "a", kind="async", heartbeat=None).chunks[0].startswith(b"event: start")


def test_retry_is_a_hint_with_errors() -> None:
    """E04: 5000 milliseconds as the package has it, another number, or none."""

    def hints(**options: Any) -> list[int | None]:
        return [event.retry for event in get(GaiStart(), GaiError("x"), **options).sse()]

    assert hints() == [None, 5000, None]
    assert hints(retry=10) == [None, 10, None]
    assert hints(retry=None) == [None, None, None]


@pytest.mark.parametrize(("form", "content_type"), [("sse", "text/event-stream"), ("ndjson", "application/x-ndjson")])
def test_headers_are_those_of_the_form(form: str, content_type: str) -> None:
    """E19, E20: the presets of the format; nothing that belongs to the connection."""
    assert get("a", form=form).headers == {
        "content-type": [content_type],
        "cache-control": ["no-cache"],
        "x-accel-buffering": ["no"],
    }


def test_the_exact_headers_of_the_package_are_a_preset() -> None:
    """E05, E06, E19: cross-origin ones among them."""
    assert get("a", headers=GAI_HEADERS).headers == {
        "content-type": ["text/event-stream"],
        "cache-control": ["no-cache, no-store, must-revalidate"],
        "connection": ["keep-alive"],
        "x-accel-buffering": ["no"],
        "access-control-allow-origin": ["*"],
        "access-control-allow-methods": ["GET, POST, OPTIONS"],
        "access-control-allow-headers": ["Content-Type, Authorization"],
    }
    lines = get("a", form="ndjson", headers=GAI_HEADERS | {"content-type": "application/x-ndjson"})
    assert gai_events(lines) == [GaiStart(), GaiTextDelta("a"), GaiDone()]


@pytest.mark.parametrize("wrong", ["text", b"text", {"text": "a"}, 7, None], ids=repr)
def test_what_is_no_source_is_refused(wrong: Any) -> None:
    """At the call; text would be a delta a character."""
    with pytest.raises(UsageError, match="gai_stream takes an iterable of events, sync or async, not "):
        gai_stream(wrong)


def test_a_form_that_there_is_not_is_refused() -> None:
    """At the call, with those that there are."""
    with pytest.raises(UsageError, match="form must be 'sse' or 'ndjson', not 'xml'"):
        gai_stream([], form="xml")


# -- in tests -----------------------------------------------------------------------------------


def raw(chunks: list[bytes], content_type: str) -> StreamCapture:
    """A response that is not made by `gai_stream`."""
    return captured(lambda: StreamingResponse(chunks, headers={"content-type": content_type}))


def test_a_stream_out_of_order_fails() -> None:
    """E40: the assertion can fail, and says where."""
    capture = raw([b'{"type":"start"}\n{"type":"text_delta","text":"a"}\n'], "application/x-ndjson; charset=utf-8")

    with pytest.raises(AssertionError, match="the events are out of order: done is missing behind 2 events"):
        assert_gai_order(capture)


@pytest.mark.parametrize(
    ("chunks", "content_type", "message"),
    [
        (
            [b'{"type":"start"}\n', b"non", b"sense\n"],
            "application/x-ndjson",
            "line 2 is no JSON: Expecting value (byte 0 of chunk 1)",
        ),
        (
            [b'\n{"type":"start"}\r\n\r\n{"type', b'":"nonsense"}\n'],
            "application/x-ndjson",
            "event 'nonsense': there is no type of event 'nonsense', only start, ",
        ),
        (
            [b'\xef\xbb\xbf{"type":"start"}\n', b"", b' \n[1]\n{"type":"done"}'],
            "application/x-ndjson",
            'got list: a line needs a "type" that is text (byte 2 of chunk 2)',
        ),
        (
            [b'event: start\ndata: {"started":true}\n\n', b"event: done\nda", "ta: {é\n\n".encode()],
            "text/event-stream",
            "event 'done': data is no JSON: Expecting property name enclosed in double quotes (byte 5 of chunk 2)",
        ),
        (
            [b"\xef\xbb\xbf: hi\r\n\r\ndata\r\n", b'event:text_delta\ndata:{"te\xc3', b'\xa9"\ndata: ::1}\n\n'],
            "text/event-stream",
            "event 'text_delta': data is no JSON: Expecting value (byte 10 of chunk 2)",
        ),
        (
            [b"\xef\xbb\xbf\n", b"[1]\n"],
            "application/x-ndjson",
            'got list: a line needs a "type" that is text (byte 0 of chunk 1)',
        ),
        (
            [b"\xef\xbb\xbf[1]\n"],
            "application/x-ndjson",
            'got list: a line needs a "type" that is text (byte 3 of chunk 0)',
        ),
        (
            [b"\xef\xbb\xbfdata: {\nevent: done\n\n"],
            "text/event-stream",
            "event 'done': data is no JSON: Expecting property name enclosed in double quotes (byte 10 of chunk 0)",
        ),
        (
            [b"id: 1\n", b"event: text_delta\n", b'data:{"text":1}\n\n'],
            "text/event-stream",
            """event 'text_delta': "text" must be text, not int (byte 5 of chunk 2)""",
        ),
    ],
    ids=["line", "type", "value", "event", "lines of data", "blank BOM", "BOM", "BOM of events", "field"],
)
def test_what_is_no_event_of_gai_says_at_which_byte_of_which_chunk(
    chunks: list[bytes], content_type: str, message: str
) -> None:
    """E18: nothing is left out in silence; chunks are counted as everywhere, empty ones too."""
    for positions in (False, True):
        with pytest.raises(FormatError) as failure:
            gai_events(raw(chunks, content_type), positions=positions)
        assert str(failure.value).startswith(message), str(failure.value)


def test_the_place_of_a_wrong_type_is_its_line() -> None:
    """E18: at the end of a long message."""
    with pytest.raises(FormatError, match=r"raw \(byte 4 of chunk 1\)$"):
        gai_events(raw([b'{"type":"start"}\n', b' \r\n\n{"type":"b"}\n'], "application/x-ndjson"))


@pytest.mark.parametrize("form", ["sse", "ndjson"])
def test_d3_an_event_has_the_position_of_the_chunk_that_completed_it(form: str) -> None:
    """D3: its number and its virtual time."""

    async def events() -> AsyncIterator[str]:
        await asyncio.sleep(2)
        yield "a"
        await asyncio.sleep(1)

    capture = captured(lambda: gai_stream(events(), form=form))

    assert gai_events(capture, positions=True) == [
        Positioned(GaiStart(), 0, 2.0),
        Positioned(GaiTextDelta("a"), 1, 2.0),
        Positioned(GaiDone(), 2, 3.0),
    ]
    assert gai_events(capture, positions=False) == [GaiStart(), GaiTextDelta("a"), GaiDone()]


def test_f3_looking_at_events_looks_at_no_problem() -> None:
    """F3: strict mode still fails a test for an error that came after them."""
    capture = get("a", AppError("app.conflict", "taken"))

    assert len(gai_events(capture)) == 4
    assert capture.unseen_problems() == ["late error after 4 chunks: app.conflict: AppError: taken"]
