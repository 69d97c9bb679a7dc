"""Many clients at once: everyone gets the whole of their own stream, and nobody waits for another's."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from raw_http import WAIT_SECONDS, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")

CLIENTS = 200


async def async_own_stream(event: Any, context: Any) -> AsyncIterator[str]:
    for index in range(20):
        yield f"{event['rawPath']} {index}\n"
        await asyncio.sleep(0)


def sync_own_stream(event: Any, context: Any) -> Iterator[str]:
    for index in range(20):
        yield f"{event['rawPath']} {index}\n"


@pytest.mark.parametrize("handler", [async_own_stream, sync_own_stream], ids=["async", "sync"])
async def test_two_hundred_clients_each_get_their_own_complete_stream(
    function_url: FunctionUrlFactory, handler: Callable[..., Any]
) -> None:
    """W1, W7: 200 streams at once, and no frame is lost, split or another client's."""
    url = await function_url(handler)

    responses = await asyncio.gather(*(fetch(url, target=f"/{number}") for number in range(CLIENTS)))

    for number, response in enumerate(responses):
        assert response.frames == [f"/{number} {index}\n".encode() for index in range(20)]
    await url.settled()
    assert {exchange.request.path for exchange in url.exchanges} == {f"/{number}" for number in range(CLIENTS)}


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_two_hundred_streams_are_open_at_the_same_time(function_url: FunctionUrlFactory, kind: str) -> None:
    """No stream waits for the end of another: all have their first chunk before any may end."""
    gate = threading.Event()
    loop_gate = asyncio.Event()

    async def async_handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        await loop_gate.wait()
        yield b"last"

    def sync_handler(event: Any, context: Any) -> Iterator[bytes]:
        yield b"first"
        assert gate.wait(WAIT_SECONDS)
        yield b"last"

    url = await function_url({"async": async_handler, "sync": sync_handler}[kind])

    async def client() -> list[bytes | None]:
        async with connect(url) as connection:
            await connection.request("GET")
            await connection.read_head()
            first = await connection.read_frame()
            all_open.release()
            return [first, await connection.read_frame(), await connection.read_frame()]

    all_open = asyncio.Semaphore(0)
    clients = [asyncio.create_task(client()) for _ in range(CLIENTS)]
    async with asyncio.timeout(WAIT_SECONDS):
        for _ in clients:
            await all_open.acquire()
    gate.set()
    loop_gate.set()

    assert await asyncio.gather(*clients) == [[b"first", b"last", None]] * CLIENTS


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_flood_of_small_chunks_does_not_starve_another_client(
    function_url: FunctionUrlFactory, kind: str
) -> None:
    """A handler that never waits lets others run: requests are over while it makes 100 000 chunks and more."""
    stop = False
    produced = 0

    def flood() -> Iterator[bytes]:
        nonlocal produced
        while produced < 100_000 or not stop:
            produced += 1
            yield b"x"

    async def async_flood() -> AsyncIterator[bytes]:
        for chunk in flood():
            yield chunk

    async def handler(event: Any, context: Any) -> dict[str, Any]:
        if event["rawPath"] == "/quick":
            return {"body": iter([b"quick"])}
        return {"body": async_flood() if kind == "async" else flood()}

    url = await function_url(handler)
    async with connect(url) as greedy:
        await greedy.request("GET", "/flood", [("Connection", "close")])
        await greedy.read_head()
        reading = asyncio.create_task(greedy.read_to_end())
        for _ in range(5):
            assert (await fetch(url, target="/quick")).body == b"quick"
        stop = True
        assert await reading == b"1\r\nx\r\n" * produced + b"0\r\n\r\n"
    await url.settled()
    assert [exchange.request.path for exchange in url.exchanges] == ["/quick"] * 5 + ["/flood"]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_flood_after_its_client_left_does_not_starve_another_client(
    function_url: FunctionUrlFactory, kind: str
) -> None:
    """E4: chunks that are dropped obey the same rule: others are served while an endless handler runs on."""
    produced = 0
    stop = False

    def endless() -> Iterator[bytes]:
        nonlocal produced
        while not stop:
            produced += 1
            yield b"x"

    async def async_endless() -> AsyncIterator[bytes]:
        for chunk in endless():
            yield chunk

    async def handler(event: Any, context: Any) -> dict[str, Any]:
        if event["rawPath"] == "/quick":
            return {"body": iter([b"quick"])}
        return {"body": async_endless() if kind == "async" else endless()}

    url = await function_url(handler)
    async with connect(url) as greedy:
        await greedy.request("GET", "/flood")
        await greedy.read_head()
        greedy.reset()
    for _ in range(3):
        before = produced
        assert (await fetch(url, target="/quick")).body == b"quick"
        assert produced >= before
    stop = True
    await url.settled()

    flood = next(each.transcript for each in url.exchanges if each.request.path == "/flood")
    assert f"{flood.handler} {flood.delivery.kind}" == "ended client_gone"
    assert flood.chunk_count + flood.dropped_chunks == produced
