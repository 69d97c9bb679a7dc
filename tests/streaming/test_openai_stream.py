"""`openai_stream` and `read_openai_chunks`: chunks as OpenAI's clients expect them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import AppError, SseEvent, StreamingResponse, openai_stream
from apptheory_streaming.errors import FormatError, UsageError
from apptheory_streaming.wire.openai_chunks import read_openai_chunks
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

CHUNK: dict[str, object] = {"id": "c1", "choices": [{"delta": {"content": "Grüße\n"}}]}
FRAME = 'data: {"id":"c1","choices":[{"delta":{"content":"Grüße\\n"}}]}\n\n'.encode()
DONE = b"data: [DONE]\n\n"


class Model:
    """What a client of pydantic models gives."""

    def __iter__(self) -> Iterator[tuple[str, object]]:
        return iter(CHUNK.items())

    def model_dump(self, *, mode: str, exclude_unset: bool) -> dict[str, object]:
        assert (mode, exclude_unset) == ("json", True)
        return CHUNK


def get(*steps: Any, **options: Any) -> StreamCapture:
    """Capture the chunks of a source that raises the errors among them."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        async def chunks() -> AsyncIterator[Any]:
            for step in steps:
                if isinstance(step, Exception):
                    raise step
                yield step

        return openai_stream(chunks(), **options)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(stream_client(handler).get())


def test_chunks_of_every_kind_are_passed_on_and_done_is_last() -> None:
    """E18: values, models, JSON as text, and frames of a provider as they are."""
    capture = get(CHUNK, Model(), FRAME.decode().removeprefix("data: ").strip(), FRAME)

    assert capture.chunks == [FRAME, FRAME, FRAME, FRAME, DONE]
    assert capture.headers["content-type"] == ["text/event-stream"]
    assert read_openai_chunks(capture.sse()) == [CHUNK] * 4


def whole(chunks: Any) -> StreamCapture:
    """Capture what `openai_stream` makes of these chunks."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(stream_client(lambda event, context: openai_stream(chunks)).get())


@pytest.mark.parametrize(
    ("chunks", "frames"),
    [
        (CHUNK, [FRAME]),
        (Model(), [FRAME]),
        (FRAME.decode().removeprefix("data: ").strip(), [FRAME]),
        (FRAME, [FRAME]),
        (None, []),
    ],
    ids=["mapping", "model", "text", "bytes", "none"],
)
def test_one_chunk_may_stand_in_the_place_of_all(chunks: Any, frames: list[bytes]) -> None:
    """R1: it is never taken apart into characters, keys or fields."""
    assert whole(chunks).chunks == [*frames, DONE]


def test_what_is_no_source_of_chunks_is_refused() -> None:
    """At the call, and not in the middle of a response."""
    with pytest.raises(UsageError, match="openai_stream takes an iterable, sync or async, not int"):
        openai_stream(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "steps",
    [
        (FRAME, DONE),
        (FRAME + DONE,),
        (FRAME, b"data: [DO", b"NE]\n", b"\n"),
        (FRAME, b"data:[DONE]\r\n\r\n"),
        (FRAME, "[DONE]"),
        (DONE,),
    ],
    ids=["a chunk", "with another", "cut", "CR LF", "text", "alone"],
)
def test_a_stream_of_a_provider_is_done_once(steps: tuple[Any, ...]) -> None:
    """E18: frames that are passed on bring their own mark."""
    capture = get(*steps)

    assert capture.body.count(b"[DONE]") == 1
    assert read_openai_chunks(capture.sse()) == ([] if steps == (DONE,) else [CHUNK])


@pytest.mark.parametrize(
    "steps",
    [(DONE, CHUNK), (b"data: x[DONE]\n\n",), (b"xdata: [DONE]\n\n",), (b": data: [DONE]\n\n",)],
    ids=["a chunk behind it", "in a text", "another field", "a comment"],
)
def test_what_only_looks_like_the_mark_is_none(steps: tuple[Any, ...]) -> None:
    """E18: a client waits for the event."""
    assert get(*steps).chunks[-1] == DONE


def test_a_stream_without_chunks_is_done() -> None:
    """E18: nothing but the mark."""
    assert get().chunks == [DONE]


@pytest.mark.parametrize("errors", [False, True])
def test_a_late_error_has_no_done(errors: bool) -> None:
    """E31, E3: truncated, or with a chunk that says why."""
    capture = get(CHUNK, AppError("app.overloaded", "try later"), error_events=errors)

    chunk = b'data: {"error":{"message":"try later","type":"server_error","code":"app.overloaded"}}\n\n'
    assert capture.chunks == [FRAME, chunk] if errors else [FRAME]
    assert capture.stream_error_code == "app.overloaded"
    with pytest.raises(FormatError, match=r"\[DONE\] is missing"):
        read_openai_chunks(capture.sse())


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], r"\[DONE\] is missing \(behind 0 chunks\)"),
        ([SseEvent("{")], r"data is no JSON: .* \(event 0\)"),
        ([SseEvent("[DONE]"), SseEvent("1")], r"an event behind \[DONE\] \(event 1\)"),
        ([SseEvent("1"), SseEvent("NaN"), SseEvent("[DONE]")], r"data is no JSON: .* \(event 1\)"),
    ],
    ids=["nothing", "no JSON", "more", "NaN"],
)
def test_a_stream_that_is_none_is_refused(events: list[SseEvent], message: str) -> None:
    """E18: with the number of the event."""
    with pytest.raises(FormatError, match=message):
        read_openai_chunks(events)
