"""Rule L3 over HTTP: a burst that takes no time, then a fixed rate, on the loop's own clock."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.pacing import Pacing

MIB = 1024 * 1024
ENDLESS = aiohttp.ClientTimeout(total=None)


async def tens(event: Any, context: Any) -> AsyncIterator[bytes]:
    for number in range(5):
        yield bytes([48 + number]) * 10


async def arrivals(url: str, *, version: aiohttp.HttpVersion = aiohttp.HttpVersion11) -> list[tuple[float, int]]:
    """When bytes of the body came, and how many, pieces of one moment together."""
    clock = asyncio.get_running_loop()
    seen: dict[float, int] = {}
    async with aiohttp.ClientSession(timeout=ENDLESS, version=version) as session, session.get(url) as response:
        began = clock.time()
        async for piece in response.content.iter_any():
            moment = round(clock.time() - began, 3)
            seen[moment] = seen.get(moment, 0) + len(piece)
    return list(seen.items())


async def test_l3_the_burst_takes_no_time_and_the_rest_leaves_at_the_rate(function_url: FunctionUrlFactory) -> None:
    url = await function_url(tens, pace=Pacing(burst=20, rate=10))

    assert await arrivals(url) == [(0, 20), (1, 10), (2, 10), (3, 10)]
    await url.settled()
    assert [chunk.delivered_at for chunk in url.exchanges[0].transcript.chunks] == [0, 0, 1, 2, 3]


async def test_l3_time_in_which_the_handler_sent_nothing_is_not_saved_up(function_url: FunctionUrlFactory) -> None:
    async def late(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"x" * 10
        await asyncio.sleep(60)
        yield b"x" * 10
        yield b"x" * 10

    url = await function_url(late, pace=Pacing(burst=0, rate=10))

    assert await arrivals(url) == [(1, 10), (62, 10), (63, 10)]


async def test_l3_a_large_chunk_leaves_in_slices_and_stays_one_frame(function_url: FunctionUrlFactory) -> None:
    """The client of AWS sees 2 MiB a second, not nothing for seconds and then all of it."""

    async def large(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"x" * (10 * MIB)

    url = await function_url(large, pace="aws")

    seen = await arrivals(url)

    assert sum(size for at, size in seen if at == 0) == 6 * MIB
    assert seen[-1][0] == 2
    assert len(seen) == 1 + 4 * MIB // (64 * 1024)
    await url.settled()
    assert url.exchanges[0].transcript.chunk_count == 1


@pytest.mark.parametrize("version", [aiohttp.HttpVersion10, aiohttp.HttpVersion11], ids=["1.0", "1.1"])
async def test_l3_the_body_is_whole_in_every_http_version(
    function_url: FunctionUrlFactory, version: aiohttp.HttpVersion
) -> None:
    url = await function_url(tens, pace=Pacing(burst=7, rate=1000))

    async with aiohttp.ClientSession(timeout=ENDLESS, version=version) as session, session.get(url) as response:
        assert await response.read() == b"".join(bytes([48 + number]) * 10 for number in range(5))


async def test_l3_a_sync_handler_is_held_too_and_errors_come_after_what_was_written(
    function_url: FunctionUrlFactory,
) -> None:
    def fails(event: Any, context: Any) -> Any:
        yield b"x" * 10
        yield b"y" * 10
        raise ValueError("no more")

    url = await function_url(fails, pace=Pacing(burst=0, rate=5))

    assert await arrivals(url) == [(2, 10), (4, 10)]


async def test_e4_a_client_may_leave_in_the_middle_of_a_wait(function_url: FunctionUrlFactory) -> None:
    url = await function_url(tens, pace=Pacing(burst=10, rate=1), on_disconnect="cancel")

    async with aiohttp.ClientSession(timeout=ENDLESS) as session:
        response = await session.get(url)
        assert await response.content.readexactly(10) == b"0" * 10
        response.close()
    await url.settled()

    transcript = url.exchanges[0].transcript
    assert (str(transcript.handler), transcript.delivery.kind) == ("cancelled", "client_gone")


async def test_without_a_pace_nothing_is_held(function_url: FunctionUrlFactory) -> None:
    assert await arrivals(await function_url(tens)) == [(0, 50)]


async def test_a_pace_that_does_not_exist_is_wrong_use(function_url: FunctionUrlFactory) -> None:
    with pytest.raises(UsageError, match="pace must be 'aws' or 'api-gateway', not 'gcp'"):
        await function_url(tens, pace="gcp")
