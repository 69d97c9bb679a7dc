"""The options of `sse_stream`: numbers, an event for the end, and an event for an error."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming import AppError, InvalidResponse, ServerSentEvent, SseEvent, StreamingResponse, sse_stream
from apptheory_streaming.errors import UsageError
from apptheory_testkit import StreamCapture, StreamClientFactory, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

BEAT = b": keep-alive\n\n"
INTERNAL = b'event: error\ndata: {"error":{"code":"app.internal","message":"internal error"}}\n\n'

every_kind = pytest.mark.parametrize("kind", ["sync", "async"])


def source(kind: str, *steps: object) -> Any:
    """A source that gives the events, raises the errors, and sleeps for the floats."""

    def sync() -> Iterator[object]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                time.sleep(step)
            else:
                yield step

    async def with_await() -> AsyncIterator[object]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step

    return sync() if kind == "sync" else with_await()


def get(kind: str, *steps: object, client: dict[str, Any] | None = None, **options: Any) -> StreamCapture:
    """Capture the events of a source in virtual time."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        return sse_stream(source(kind, *steps), **options)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(stream_client(handler, **(client or {})).get())


# -- numbers ------------------------------------------------------------------------------------


@every_kind
def test_events_are_numbered_from_1_to_the_last(kind: str) -> None:
    """E03: the last event too, in the order in which they were sent."""
    capture = get(kind, "a", {"b": 1}, ServerSentEvent("c", "e"), ids=True, done_event="[DONE]")

    assert capture.sse() == [
        SseEvent("a", id="1"),
        SseEvent('{"b":1}', id="2"),
        SseEvent("c", "e", "3"),
        SseEvent("[DONE]", id="4"),
    ]


@every_kind
def test_an_id_of_its_own_stays_and_what_is_no_event_has_none(kind: str) -> None:
    """W2: comments and hints without data are no events, and bytes are sent as they are."""
    capture = get(
        kind,
        ServerSentEvent(comment="hi", retry=5),
        b"data: framed\n\n",
        ServerSentEvent("a", id="mine"),
        "b",
        ids=True,
    )

    assert capture.chunks == [
        b": hi\nretry: 5\n\n",
        b"data: framed\n\n",
        b"id: mine\ndata: a\n\n",
        b"id: 2\ndata: b\n\n",
    ]


@pytest.mark.parametrize(
    ("events", "frames"),
    [
        ("text", [b"data: text\n\n"]),
        (b"data: x\n\n", [b"data: x\n\n"]),
        ({"a": 1}, [b'data: {"a":1}\n\n']),
        (ServerSentEvent("x", event="e"), [b"event: e\ndata: x\n\n"]),
        (None, []),
    ],
    ids=["text", "bytes", "mapping", "event", "none"],
)
def test_one_event_may_stand_in_the_place_of_all(events: Any, frames: list[bytes]) -> None:
    """R1: it is never taken apart into characters or keys."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        capture = runner.run(stream_client(lambda event, context: sse_stream(events)).get())

    assert capture.chunks == frames


@every_kind
def test_w2_nothing_is_a_value_too(kind: str) -> None:
    """None is sent as the JSON `null` and counted; an event without data is a hint or a comment."""
    assert get(kind, None, ids=True).chunks == [b"id: 1\ndata: null\n\n"]


def test_what_is_no_source_of_events_is_refused() -> None:
    """At the call, and not in the middle of a response."""
    with pytest.raises(UsageError, match="sse_stream takes an iterable, sync or async, not int"):
        sse_stream(7)  # type: ignore[arg-type]


def test_nothing_is_numbered_by_itself() -> None:
    """W2: without `ids` an event has the id that it was given."""
    assert [event.id for event in get("sync", "a", ServerSentEvent("b", id="x")).sse()] == ["", "x"]


# -- the end ------------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize(
    ("done", "frame"),
    [
        ("[DONE]", b"data: [DONE]\n\n"),
        (ServerSentEvent({"finished": True}, "done"), b'event: done\ndata: {"finished":true}\n\n'),
        ({"done": 1}, b'data: {"done":1}\n\n'),
        (b": the end\n\n", b": the end\n\n"),
    ],
    ids=["text", "event", "value", "bytes"],
)
def test_the_event_of_the_end_follows_the_last_one(kind: str, done: object, frame: bytes) -> None:
    """W2: as a chunk of its own, also behind no event at all."""
    assert get(kind, "a", done_event=done).chunks == [b"data: a\n\n", frame]
    assert get(kind, done_event=done).chunks == [frame]


@every_kind
@pytest.mark.parametrize("errors", [False, True])
def test_it_does_not_follow_an_error(kind: str, errors: bool) -> None:
    """E3: a client that waits for it must not take half an answer for a whole one."""
    capture = get(kind, "a", AppError("app.conflict", "no"), done_event="[DONE]", error_events=errors)

    assert b"DONE" not in capture.body
    assert capture.stream_error_code == "app.conflict"


def test_it_does_not_come_when_the_client_has_left() -> None:
    """E4: a source that is closed before its end has none."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        async def events() -> AsyncIterator[str]:
            yield "a"
            await asyncio.sleep(60)
            yield "b"

        return sse_stream(events(), done_event="[DONE]", error_events=True)

    async def main() -> StreamCapture:
        async with stream_client(handler, on_disconnect="cancel").stream("GET", "/") as live:
            assert await anext(live) == b"data: a\n\n"
            await live.disconnect()
        return live.capture

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()).chunks == [b"data: a\n\n"]


# -- an error -----------------------------------------------------------------------------------


@every_kind
def test_a_late_error_is_an_event_and_an_error_all_the_same(kind: str) -> None:
    """E3: code and message for the client, the log and the capture as without it."""
    capture = get(kind, "a", AppError("app.rate_limited", "Slow down, € please."), error_events=True)

    assert capture.sse()[1].event == "error"
    assert capture.sse()[1].json() == {"error": {"code": "app.rate_limited", "message": "Slow down, € please."}}
    assert capture.stream_error_code == "app.rate_limited"
    assert capture.handler_outcome == "failed(app.rate_limited)"


@every_kind
@pytest.mark.parametrize("error", [RuntimeError("the password is x"), OSError(5, "secret")], ids=repr)
def test_an_error_without_a_code_tells_nothing(kind: str, error: Exception) -> None:
    """E1: what the function did not mean for its client stays with the function."""
    capture = get(kind, "a", error, error_events=True)

    assert capture.chunks == [b"data: a\n\n", INTERNAL]
    assert capture.error is not None
    assert capture.error.exception is error


def test_an_event_that_cannot_be_sent_is_an_error_like_any_other() -> None:
    """W2: the frame that was refused leaves nothing behind."""
    capture = get("async", "a", ServerSentEvent("x", id="1\n2"), "b", error_events=True)

    assert capture.chunks == [b"data: a\n\n", INTERNAL]
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)


class UnspeakableError(AppError):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise LookupError("no text")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AppError("app.conflict", "half a character: \ud800"), "half a character: ?"),
        (AppError("app.conflict", "two\nlines\0"), "two\nlines\0"),
        (UnspeakableError("app.conflict", ""), "(no message: its __str__ raised LookupError)"),
    ],
    ids=["surrogate", "lines", "no text"],
)
def test_a_message_of_any_kind_is_sent(error: Exception, message: str) -> None:
    """E3: the event never fails because of the error that it is about."""
    assert get("sync", "a", error, error_events=True).sse()[1].json()["error"]["message"] == message


@every_kind
def test_a_function_makes_the_event_of_an_error(kind: str) -> None:
    """E04, E31: in a form of one's own, with a hint when to come back, and numbered like the others."""

    def for_client(error: Exception) -> ServerSentEvent:
        return ServerSentEvent({"error": str(error)}, "error", retry=5000)

    capture = get(kind, "a", ValueError("bad"), error_events=for_client, ids=True)

    assert capture.chunks[1] == b'id: 2\nevent: error\nretry: 5000\ndata: {"error":"bad"}\n\n'
    assert capture.stream_error_code == "app.internal"


@every_kind
@pytest.mark.parametrize("errors", [True, lambda error: "never"], ids=["true", "function"])
def test_an_early_error_is_a_response_of_its_own(kind: str, errors: Any) -> None:
    """E2: nothing has left, so the status can still say it."""
    capture = get(kind, AppError("app.not_found", "no such chat"), error_events=errors, done_event="[DONE]")

    assert capture.status == 404
    assert capture.json()["error"]["code"] == "app.not_found"


@every_kind
def test_an_error_behind_a_heartbeat_is_late(kind: str) -> None:
    """W4: the comment has committed the head."""
    capture = get(kind, 20.0, ValueError("bad"), error_events=True)

    assert (capture.status, capture.chunks) == (200, [BEAT, INTERNAL])


@every_kind
@pytest.mark.parametrize(
    ("steps", "open_"),
    [
        ((b"data: ha",), True),
        ((b"data: half\n",), True),
        ((b"data: a\r\n", b"\r"), False),
        ((b"data: a\n", b"\n"), False),
        ((b"data: ha", "whole"), False),
        ((b"data: a\n\n", b""), False),
    ],
    ids=["text", "line", "CR LF", "LF", "an event behind it", "empty"],
)
def test_neither_stands_inside_an_event_of_bytes(kind: str, steps: tuple[bytes, ...], open_: bool) -> None:
    """W1: it would become a part of that event, or complete it."""
    ended = get(kind, *steps, done_event="[DONE]")
    failed = get(kind, *steps, ValueError("bad"), error_events=True)

    assert (b"DONE" not in ended.body) is open_
    assert (b"error" not in failed.body) is open_


@every_kind
def test_the_source_is_closed_and_nothing_more_is_asked_of_it(kind: str) -> None:
    """E3: its `finally` has run when the response is over."""
    log: list[str] = []

    def sync() -> Iterator[object]:
        try:
            yield "a"
            yield object()
            log.append("went on")
        finally:
            log.append("finally")

    async def with_await() -> AsyncIterator[object]:
        try:
            yield "a"
            yield object()
            log.append("went on")
        finally:
            log.append("finally")

    def handler(event: Any, context: Any) -> StreamingResponse:
        return sse_stream(sync() if kind == "sync" else with_await(), error_events=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        capture = runner.run(stream_client(handler).get())
    assert (capture.chunks[1], log) == (INTERNAL, ["finally"])


def test_two_responses_count_each_for_itself() -> None:
    """E03: ids belong to a response."""
    assert [get("sync", "a", ids=True).chunks for _ in range(2)] == [[b"id: 1\ndata: a\n\n"]] * 2


@pytest.mark.parametrize("wrong", [None, "yes", 1, {}], ids=repr)
def test_what_is_no_choice_for_errors_is_refused(wrong: Any) -> None:
    """At the call, with what would be right."""
    with pytest.raises(UsageError, match="error_events must be True, False, or a function"):
        sse_stream([], error_events=wrong)


@pytest.mark.parametrize(
    "done",
    [object(), float("nan"), ServerSentEvent("x", id="a\nb"), ServerSentEvent("x", "a\0b")],
    ids=["object", "nan", "id", "name"],
)
def test_an_end_that_cannot_be_sent_is_refused_at_once(done: object) -> None:
    """W2: not when the answer is over."""
    make: Callable[..., Any] = sse_stream
    with pytest.raises(InvalidResponse):
        make([], done_event=done)


async def test_error_that_its_event_cannot_be_made_of_is_still_the_one_that_is_told(
    stream_client: StreamClientFactory,
) -> None:
    """E3: a function for `error_events` that fails itself sends nothing, and hides nothing."""

    def events() -> Iterator[str]:
        yield "one"
        raise AppError("app.conflict", "the first")

    def broken(_error: Exception) -> object:
        raise ValueError("the second")

    async def handler(_event: Any, _context: Any) -> StreamingResponse:
        return sse_stream(events(), error_events=broken)

    capture = await stream_client(handler).get("/")

    assert capture.chunks == [b"data: one\n\n"]
    assert capture.stream_error_code == "app.conflict"
    assert capture.error is not None
    assert any("the second" in note for note in capture.error.exception.__notes__)


async def test_w2_keys_are_sorted_on_demand(stream_client: StreamClientFactory) -> None:
    """W2: keys have the order they were given in, unless `sort_keys` asks for another."""

    async def handler(event: Any, _context: Any) -> StreamingResponse:
        return sse_stream([{"b": {"d": 1, "c": 2}, "a": 3}], sort_keys=event["rawPath"] == "/sorted")

    client = stream_client(handler)

    assert (await client.get("/sorted")).body == b'data: {"a":3,"b":{"c":2,"d":1}}\n\n'
    assert (await client.get("/")).body == b'data: {"b":{"d":1,"c":2},"a":3}\n\n'
