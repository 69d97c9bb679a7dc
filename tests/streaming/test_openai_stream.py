"""`openai_stream` and `read_openai_chunks`: chunks as OpenAI's clients expect them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_streaming import AppError, SseEvent, StreamingResponse, openai_stream
from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.openai_chunks import read_openai_chunks
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

CHUNK: dict[str, object] = {"id": "c1", "choices": [{"delta": {"content": "Grüße\n"}}]}
FRAME = 'data: {"id":"c1","choices":[{"delta":{"content":"Grüße\\n"}}]}\n\n'.encode()
DONE = b"data: [DONE]\n\n"


class Model:
    """What a client of pydantic models gives."""

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
