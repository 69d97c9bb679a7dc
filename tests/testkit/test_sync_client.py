"""`client.sync` is for tests that are not async."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming.errors import LoopError
from apptheory_testkit import StreamCapture, stream_client


async def loops(event: Any, context: Any) -> AsyncIterator[str]:
    yield str(id(asyncio.get_running_loop()))


def sync_handler(event: Any, context: Any) -> Iterator[str]:
    yield from ("a", "b")


def test_a_sync_test_needs_no_loop_of_its_own() -> None:
    assert stream_client(sync_handler).sync.get().chunks == [b"a", b"b"]


def test_a_call_leaves_the_loop_of_others_alone() -> None:
    """A loop that was set before the call is still set after it, and a missing one is not made up."""
    mine = asyncio.new_event_loop()
    asyncio.set_event_loop(mine)
    try:
        stream_client(loops).sync.get()

        assert asyncio.get_event_loop() is mine
    finally:
        asyncio.set_event_loop(None)
        mine.close()


async def test_inside_a_running_loop_it_says_what_to_write_instead() -> None:
    """And leaves no coroutine behind that was never awaited."""
    client = stream_client(loops).sync

    calls: list[Callable[[], StreamCapture]] = [client.get, client.post, lambda: client.invoke({})]
    for call in calls:
        with pytest.raises(LoopError, match=r"await client\.get"):
            call()


def test_an_async_client_without_a_loop_says_what_to_use() -> None:
    """Driven by hand here, as a foreign loop such as trio's would drive it."""
    client = stream_client(loops)

    with pytest.raises(LoopError, match=r"needs a running asyncio loop.*anyio_backend.*client\.sync"):
        client.get().send(None)
    with pytest.raises(LoopError, match="needs a running asyncio loop"):
        client.stream("GET")
