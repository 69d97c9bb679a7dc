"""A response that came as one, or late: each cause has a failure and a line of the report that name it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apptheory_streaming import streamify_response, text_stream
from apptheory_streaming.handlers import Handler
from apptheory_testkit import StreamCapture, Tap, stream_client

PARTS = ("part 0\n", "part 1\n", "part 2\n")


async def parts() -> AsyncIterator[str]:
    """What a model or a database would give, one part a second."""
    for part in PARTS:
        await asyncio.sleep(1)
        yield part


async def streams(event: Any, context: Any) -> Any:
    return text_stream(parts())


async def joins(event: Any, context: Any) -> Any:
    """Waits for all and sends it as one chunk."""
    return text_stream("".join([part async for part in parts()]))


async def collects(event: Any, context: Any) -> Any:
    """Waits for all and writes the parts then."""
    return text_stream([part async for part in parts()])


@streamify_response
async def collects_and_writes(event: Any, stream: Any, context: Any) -> None:
    """The same mistake with a stream to write to."""
    everything = [part async for part in parts()]
    for part in everything:
        await stream.write(part)
    await stream.end()


async def returns_value(event: Any, context: Any) -> Any:
    """Is no streaming handler at all."""
    return {"statusCode": 200, "body": "".join([part async for part in parts()])}


def captured(handler: Handler, **options: Any) -> StreamCapture:
    return stream_client(handler, clock="virtual", **options).sync.get("/")


ONE_PIECE = "the response came in 1 chunk with bytes, not in 2 or more"


@pytest.mark.parametrize(
    ("handler", "options", "failure", "advice"),
    [
        pytest.param(
            joins,
            {},
            ONE_PIECE,
            "It came in 1 chunk: a client sees nothing before all is there. Yield the parts.",
            id="one chunk",
        ),
        pytest.param(
            collects,
            {},
            "the handler made everything before its first write: all 3 chunks came at 3 s, and nothing in the 3 s before",
            "All was made before the first write. Yield each part as soon as it is there.",
            id="made before the first write",
        ),
        pytest.param(
            collects_and_writes,
            {},
            "the handler made everything before its first write: all 3 chunks came at 3 s, and nothing in the 3 s before",
            "All was made before the first write. Yield each part as soon as it is there.",
            id="made before the first write of a stream",
        ),
        pytest.param(
            streams,
            {"invoke_mode": "BUFFERED"},
            "note: the invoke mode is BUFFERED: the stream of the handler was collected and sent in one piece, as AWS does",
            "Its URL is BUFFERED, so the stream was collected. Let invoke_mode be RESPONSE_STREAM.",
            id="BUFFERED",
        ),
        pytest.param(
            returns_value,
            {},
            "note: the handler answered in buffered mode: a RESPONSE_STREAM URL shows such an answer verbatim, "
            "as JSON with status 200, as AWS does",
            "The handler answered in buffered mode. Return a stream: a generator, or a response with one as body.",
            id="no stream",
        ),
    ],
)
def test_the_failure_and_the_report_name_the_cause(
    handler: Handler, options: dict[str, Any], failure: str, advice: str
) -> None:
    """Each of these passes every test that looks at the body alone."""
    capture = captured(handler, **options)
    assert "part 2" in capture.text

    with pytest.raises(AssertionError) as failed:
        capture.assert_incremental()

    assert failure in str(failed.value)
    assert f"advice\n  * {advice}\n" in capture.report()


def test_a_buffered_stream_has_the_limit_of_buffered_responses() -> None:
    """L3: 6 MB and not 200, however it was made."""

    async def large(event: Any, context: Any) -> AsyncIterator[bytes]:
        for _ in range(7):
            yield bytes(1024 * 1024)

    captured(large).assert_within_limits()
    with pytest.raises(AssertionError, match="a buffered response of AWS"):
        captured(large, invoke_mode="BUFFERED").assert_within_limits()


def test_no_note_where_nothing_was_collected() -> None:
    """Nor on a BUFFERED URL, for an answer that was never a stream."""
    assert captured(streams).notes == []
    assert captured(returns_value, invoke_mode="BUFFERED").notes == []


def through(wrapper: Callable[[Any], Any]) -> tuple[StreamCapture, Tap]:
    tap = Tap()

    async def handler(event: Any, context: Any) -> Any:
        return text_stream(wrapper(tap(parts())))

    return captured(handler), tap


def test_a_wrapper_that_holds_chunks_is_told_from_a_handler_that_makes_them_late() -> None:
    """The handler streams, and the tap under the wrapper proves it."""

    async def wrapper(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        for chunk in [chunk async for chunk in chunks]:
            yield chunk

    capture, tap = through(wrapper)

    with pytest.raises(AssertionError) as failed:
        capture.assert_not_buffered(tap)
    assert str(failed.value).startswith(
        "chunks of the tap were held back:\n"
        "  chunks 0-1 were held for up to 2 s: produced from 1 s to 2 s, delivered at 3 s\n"
        "Something between there and the client collects them: hand on each chunk as it comes.\n"
    )


def test_a_stream_has_none_of_these_causes() -> None:
    """Nothing fails, and the report has no advice on how to stream."""
    capture, tap = through(lambda chunks: chunks)

    capture.assert_incremental()
    capture.assert_not_buffered(tap)
    assert "incremental  yes\n" in capture.report()
