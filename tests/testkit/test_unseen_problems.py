"""A capture remembers which of its problems nobody has looked at; the plugin fails the test for them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apptheory_streaming import AppError, HttpResponseStream, StreamingResponse, streamify_response, text_stream
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryKind, DeliveryOutcome
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit import StreamCapture, stream_client

Look = Callable[[StreamCapture], object]


async def mutates_late(event: Any, context: Any) -> StreamingResponse:
    response = text_stream(None)

    async def body() -> AsyncIterator[str]:
        yield "one"
        response.cookies.append("late=1")

    response.body = body()
    return response


async def fails_late(event: Any, context: Any) -> AsyncIterator[str]:
    yield "one"
    raise AppError("app.conflict", "taken")


@streamify_response
async def never_ends(event: Any, stream: HttpResponseStream, context: Any) -> None:
    await stream.write("one")


async def mutates_and_fails(event: Any, context: Any) -> StreamingResponse:
    response = text_stream(None)

    async def body() -> AsyncIterator[str]:
        yield "one"
        response.status = 500
        raise ValueError("late")

    response.body = body()
    return response


async def fails_early(event: Any, context: Any) -> None:
    raise ValueError("early")


async def harmless(event: Any, context: Any) -> AsyncIterator[str]:
    yield "one"


def truncated(*, ended_by_test: bool = False) -> StreamCapture:
    """A response whose delivery was cut after one chunk, as after a runtime that died (rule E3b)."""
    transcript = Transcript(
        request_id="req",
        head=Head(),
        events=(),
        chunks=(),
        chunk_count=1,
        body_bytes=3,
        delivery=DeliveryOutcome(DeliveryKind.CUT),
    )
    return StreamCapture(transcript, [b"one"], ended_by_test=ended_by_test)


async def test_a_late_mutation_is_named_with_its_place() -> None:
    """F3."""
    (problem,) = (await stream_client(mutates_late).get()).unseen_problems()

    assert problem.startswith(
        "late mutation: cookie changed from [] to ['late=1'] after chunk 0, at test_unseen_problems.py:"
    )


async def test_a_late_error_is_named_with_its_code() -> None:
    """E3."""
    problems = (await stream_client(fails_late).get()).unseen_problems()

    assert problems == ["late error after 1 chunk: app.conflict: AppError: taken"]


async def test_a_missing_end_is_named() -> None:
    """F4."""
    problems = (await stream_client(never_ends).get()).unseen_problems()

    assert problems == ["missing end: the handler returned without calling end; the stream was ended for it"]


def test_a_truncation_is_named() -> None:
    assert truncated().unseen_problems() == ["truncation: the response was cut after 1 chunk"]


def test_what_the_test_itself_cut_is_no_problem() -> None:
    assert truncated(ended_by_test=True).unseen_problems() == []


@pytest.mark.parametrize("handler", [harmless, fails_early], ids=lambda handler: handler.__name__)
async def test_a_response_that_its_client_sees_as_it_is_has_no_problem(handler: Any) -> None:
    """An early error changes the status, which tests look at anyway."""
    assert (await stream_client(handler).get()).unseen_problems() == []


@pytest.mark.parametrize(
    "look",
    [
        lambda capture: capture.error,
        lambda capture: capture.stream_error_code,
        lambda capture: capture.handler_outcome,
        lambda capture: capture.delivery_outcome,
    ],
    ids=["error", "stream_error_code", "handler_outcome", "delivery_outcome"],
)
async def test_reading_how_it_ended_looks_at_errors_and_not_at_mutations(look: Look) -> None:
    capture = await stream_client(mutates_and_fails).get()
    look(capture)

    assert [problem.partition(":")[0] for problem in capture.unseen_problems()] == ["late mutation"]


async def test_reading_late_mutations_looks_at_them_and_not_at_errors() -> None:
    capture = await stream_client(mutates_and_fails).get()
    _ = capture.late_mutations

    assert [problem.partition(":")[0] for problem in capture.unseen_problems()] == ["late error after 1 chunk"]


async def test_the_assertion_on_the_head_looks_at_mutations() -> None:
    capture = await stream_client(mutates_late).get()
    with pytest.raises(AssertionError):
        capture.assert_headers_finalized_before_first_chunk()

    assert capture.unseen_problems() == []


async def test_the_assertion_on_the_head_does_not_look_at_errors() -> None:
    """A test that asserts only on the head is still told of a late error."""
    capture = await stream_client(fails_late).get()
    capture.assert_headers_finalized_before_first_chunk()

    assert [problem.partition(":")[0] for problem in capture.unseen_problems()] == ["late error after 1 chunk"]


@pytest.mark.parametrize(
    "look",
    [
        lambda capture: capture.transcript,
        lambda capture: capture == capture,
        lambda capture: capture != truncated(),
    ],
    ids=["transcript", "equality", "inequality"],
)
async def test_reading_or_comparing_the_whole_looks_at_everything(look: Look) -> None:
    capture = await stream_client(mutates_and_fails).get()
    look(capture)

    assert capture.unseen_problems() == []


async def test_comparing_looks_at_both_sides() -> None:
    one, other = await stream_client(fails_late).get(), await stream_client(fails_late).get()

    assert one == other
    assert one.unseen_problems() == other.unseen_problems() == []


@pytest.mark.parametrize(
    "look",
    [
        repr,
        lambda capture: capture.chunks,
        lambda capture: capture.metadata,
        lambda capture: capture.text,
        lambda capture: capture.notes,
        lambda capture: capture.request_id,
        lambda capture: capture.duration,
        lambda capture: capture.unseen_problems(),
        lambda capture: capture == "something else",
    ],
    ids=["repr", "chunks", "metadata", "text", "notes", "request_id", "duration", "unseen_problems", "other types"],
)
async def test_reading_the_response_itself_is_not_looking_at_its_problems(look: Look) -> None:
    capture = await stream_client(mutates_and_fails).get()
    look(capture)

    assert len(capture.unseen_problems()) == 2
