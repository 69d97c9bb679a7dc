"""A test may leave a live stream before its end, as a client that goes away; nothing runs on behind its back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_streaming import HttpResponseStream, streamify_response
from apptheory_testkit import stream_client
from apptheory_testkit.transports import live
from live_handlers import Counting, turns


async def test_leaving_early_cancels_the_handler_and_runs_its_finally_blocks() -> None:
    """E4: to the handler it is a client that goes away, and nobody waits for it."""
    handler = Counting()

    async with stream_client(handler).stream("GET") as response:
        assert await anext(response) == b"0"

    assert handler.left_by in ("GeneratorExit", "CancelledError")
    assert response.capture.chunks == [b"0"]
    assert response.capture.handler_outcome == "cancelled"
    assert response.capture.delivery_outcome == "client_gone(after 1 bytes)"


async def test_leaving_without_taking_a_chunk_is_leaving_early() -> None:
    handler = Counting()

    async with stream_client(handler).stream("GET") as response:
        pass

    assert handler.produced == [0]
    assert response.capture.chunks == []
    assert response.capture.delivery_outcome == "client_gone(after 0 bytes)"


async def test_a_handler_that_waits_is_cancelled_where_it_waits() -> None:
    waited: list[str] = []

    async def waits(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            waited.append("cancelled")
            raise

    async with stream_client(waits).stream("GET") as response:
        assert await anext(response) == b"one"
        await turns()

    assert waited == ["cancelled"]


async def test_a_client_that_goes_away_leaves_the_handler_running_to_its_end() -> None:
    """E4: the default, as on AWS; its further chunks are counted and dropped."""
    handler = Counting(last=4)

    async with stream_client(handler).stream("GET") as response:
        assert await anext(response) == b"0"
        await response.disconnect()
        assert [chunk async for chunk in response] == []

    assert handler.left_by == "the end"
    assert response.capture.chunks == [b"0"]
    assert response.capture.transcript.dropped_chunks == 4
    assert response.capture.handler_outcome == "ended"
    assert response.capture.delivery_outcome == "client_gone(after 1 bytes)"


async def test_a_client_that_goes_away_cancels_the_handler_where_that_was_asked_for() -> None:
    """E4: `on_disconnect="cancel"`."""
    handler = Counting()

    async with stream_client(handler, on_disconnect="cancel").stream("GET") as response:
        assert await anext(response) == b"0"
        await response.disconnect()
        await turns()
        assert handler.left_by in ("GeneratorExit", "CancelledError")

    assert response.capture.handler_outcome == "cancelled"


async def test_disconnecting_twice_or_after_the_end_changes_nothing() -> None:
    async with stream_client(Counting(last=0)).stream("GET") as response:
        assert [chunk async for chunk in response] == [b"0"]
        await response.disconnect()
        await response.disconnect()

    assert response.capture.delivery_outcome == "complete"


async def test_an_endless_handler_does_not_outlive_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the default of E4 nothing else would stop it: it is cancelled after a while, and a note says so."""
    monkeypatch.setattr(live, "LINGER_SECONDS", 0.01)  # the real one would make this test slow
    handler = Counting()

    async with stream_client(handler).stream("GET") as response:
        assert await anext(response) == b"0"
        await response.disconnect()

    assert handler.left_by in ("GeneratorExit", "CancelledError")
    assert response.capture.handler_outcome == "cancelled"
    assert response.capture.notes == ["the handler still ran 0.01 s after the test had left it, and was cancelled"]


async def test_what_a_handler_does_after_its_last_chunk_is_waited_for() -> None:
    """The client has its whole response, so leaving the block takes nothing away from the handler."""
    saved: list[str] = []

    @streamify_response
    async def saves_after_the_end(event: Any, stream: HttpResponseStream, context: Any) -> None:
        await stream.write("one")
        await stream.end()
        await turns()
        saved.append("saved")

    async with stream_client(saves_after_the_end).stream("GET") as response:
        assert [chunk async for chunk in response] == [b"one"]

    assert saved == ["saved"]
    assert response.capture.handler_outcome == "ended"


async def test_an_error_that_came_of_going_away_is_no_problem() -> None:
    """E4: what the handler does once its client is lost is not a fault of its response."""

    async def fails(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise ValueError("late")

    async with stream_client(fails).stream("GET") as response:
        assert await anext(response) == b"one"
        await response.disconnect()

    assert response.capture.unseen_problems() == []
    assert response.capture.stream_error_code == "app.internal"


async def test_going_away_after_the_end_excuses_nothing() -> None:
    """The error was there before."""

    async def fails(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise ValueError("late")

    async with stream_client(fails).stream("GET") as response:
        assert [chunk async for chunk in response] == [b"one"]
        await response.disconnect()

    assert len(response.capture.unseen_problems()) == 1


async def test_an_exception_inside_the_block_comes_out() -> None:
    """And the handler is cancelled, as for any other way to leave."""
    handler = Counting()
    response = stream_client(handler).stream("GET")

    async def fail() -> None:
        async with response:
            await anext(response)
            raise RuntimeError("of the test")

    with pytest.raises(RuntimeError, match="of the test"):
        await fail()

    assert handler.left_by in ("GeneratorExit", "CancelledError")
    assert response.capture.chunks == [b"0"]


async def test_a_block_that_times_out_cancels_the_handler() -> None:
    handler = Counting()

    async def silent(event: Any, context: Any) -> AsyncIterator[str]:
        async for chunk in handler(event, context):
            yield chunk
            await asyncio.Event().wait()

    response = stream_client(silent).stream("GET")

    async def take_all() -> None:
        async with asyncio.timeout(None) as limit, response:
            async for _ in response:
                limit.reschedule(asyncio.get_running_loop().time())

    with pytest.raises(TimeoutError):
        await take_all()

    assert response.capture.chunks == [b"0"]
    assert response.capture.handler_outcome == "cancelled"


async def test_cancelling_the_entrance_cancels_the_handler() -> None:
    """A handler that never comes to its first chunk does not run on in the background."""
    left: list[str] = []
    entered = asyncio.Event()

    async def never_answers(event: Any, context: Any) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.append("left")

    async def enter() -> None:
        async with stream_client(never_answers).stream("GET"):
            pass

    entering = asyncio.create_task(enter())
    await entered.wait()
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering

    assert left == ["left"]


async def test_no_task_is_left_behind() -> None:
    async with stream_client(Counting()).stream("GET") as response:
        await anext(response)
    await turns()

    assert asyncio.all_tasks() == {asyncio.current_task()}
