"""Where nothing will ever happen again, the report says which task waits where."""

import asyncio
import inspect
import math
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from apptheory_emulator import serve_function_url
from apptheory_streaming import sse_stream
from apptheory_testkit import stream_client
from apptheory_testkit.virtual_time.deadlock import DeadlockError
from apptheory_testkit.virtual_time.loop import VirtualLoop


def next_line() -> str:
    """The place of the line after the caller's, as the report writes it."""
    frame = inspect.currentframe()
    assert frame is not None
    caller: FrameType | None = frame.f_back
    assert caller is not None
    return f"test_deadlock.py:{caller.f_lineno + 1}"


def deadlock_of(main: Any) -> str:
    """The report for a coroutine that never ends."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner, pytest.raises(DeadlockError) as caught:
        runner.run(main)
    return str(caught.value)


def test_it_names_the_line_of_a_coroutine() -> None:
    """The innermost line of the user's: not asyncio's, and not that of the outer coroutine."""
    places: list[str] = []

    async def forgotten() -> None:
        places.append(next_line())
        await asyncio.Event().wait()

    async def main() -> None:
        await forgotten()

    report = deadlock_of(main())

    assert report.startswith("deadlock in virtual time:")
    assert f"waits at {places[0]}" in report
    assert 'streaming(clock="real")' in report


def test_it_names_the_line_of_an_async_generator() -> None:
    """`async for` and `anext` hide the generator behind an opaque object."""
    places: list[str] = []

    async def chunks() -> AsyncIterator[int]:
        yield 1
        places.append(next_line())
        await asyncio.Event().wait()

    async def main() -> None:
        async for _ in chunks():
            pass

    report = deadlock_of(main())

    assert f"waits at {places[0]}" in report


def test_it_lists_every_task_by_name() -> None:
    """Each with a place of its own, in the order of the names."""

    async def waiter(event: asyncio.Event) -> None:
        await event.wait()

    async def main() -> None:
        event = asyncio.Event()
        tasks = [asyncio.create_task(waiter(event), name=name) for name in ("second", "first")]
        await asyncio.gather(*tasks)

    lines = [line.split()[0] for line in deadlock_of(main()).splitlines() if " waits at " in line]

    assert [name for name in lines if name in ("first", "second")] == ["first", "second"]


def test_of_a_handler_it_names_the_handlers_line_and_no_task_of_ours() -> None:
    """The tasks in which the testkit drives a handler are nobody's business."""
    places: list[str] = []

    async def handler(_event: Any, _context: Any) -> AsyncIterator[str]:
        yield "one"
        places.append(next_line())
        await asyncio.Event().wait()

    async def main() -> None:
        await stream_client(handler).get()

    report = deadlock_of(main())

    rows = [line for line in report.splitlines() if " waits at " in line]
    assert any(places[0] in row for row in rows)
    assert all("test_deadlock.py:" in row for row in rows), rows


def test_what_a_thread_will_bring_is_no_deadlock() -> None:
    """Work under way is waited for, however long it takes: here until the loop's own callback ends it."""

    async def main() -> str:
        loop = asyncio.get_running_loop()
        gate = threading.Event()

        def work() -> str:
            loop.call_soon_threadsafe(gate.set)
            assert gate.wait(30)
            return "done"

        return await asyncio.to_thread(work)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == "done"


def test_a_timer_is_no_deadlock() -> None:
    """D1: an armed timeout ends the waiting, at its moment."""

    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == 3600


def test_the_loop_can_be_closed_after_it() -> None:
    """The runner cancels what waits, so `finally` blocks run and no task is left pending."""
    cleaned: list[str] = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("up")

    deadlock_of(main())

    assert cleaned == ["up"]


def test_a_sleep_for_ever_is_no_reason_to_send_heartbeats_for_ever() -> None:
    """`anyio.sleep_forever` is a timer that never fires; a stream of events has a heartbeat unless told otherwise."""

    async def events(event: Any, context: Any) -> Any:
        async def forever() -> AsyncIterator[str]:
            yield "one"
            await asyncio.sleep(math.inf)

        return sse_stream(forever())

    assert "waits at test_deadlock.py:" in deadlock_of(stream_client(events).get())


def test_only_the_users_own_lines_are_named_over_http() -> None:
    """What the server and its client wait for is nobody's mistake."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        await asyncio.Event().wait()

    async def main() -> None:
        async with serve_function_url(handler) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            with closing(writer):
                writer.write(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
                await reader.read()

    report = deadlock_of(main())

    assert {line.rpartition(" ")[2].partition(":")[0] for line in report.splitlines() if "waits at" in line} == {
        "test_deadlock.py"
    }


def test_a_task_without_a_line_of_the_users_is_named_by_what_it_runs() -> None:
    """`create_task(event.wait())` has none; a library's own lines say nothing to the user."""

    async def main() -> None:
        event = asyncio.Event()
        task = asyncio.create_task(event.wait(), name="mine")
        with anyio.move_on_after(math.inf):
            await anyio.Event().wait()
        await task

    report = deadlock_of(main())

    assert "  mine waits in Event.wait\n" in report
    assert "test_deadlock.py:" in report
    assert "_asyncio.py" not in report
