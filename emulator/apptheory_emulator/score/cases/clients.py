"""What becomes of a function whose client leaves, and of two clients at once."""

import asyncio
import uuid
from contextlib import suppress

from apptheory_emulator.score import sources
from apptheory_emulator.score.case import Case, Finding, Grade, Group
from apptheory_emulator.score.cases.streaming import PausedChunks
from apptheory_emulator.score.endpoint import Endpoint
from apptheory_emulator.score.exchange import Exchange, shown_bytes

__all__ = ["CLIENTS"]

POLLS_SECONDS = 0.2
SMALL = 16
FINISHED = b"finished"


async def _leaves(endpoint: Endpoint) -> Finding:
    """Leave in the handler's pause, and ask later whether it went on: it keeps a mark of its end in a file.

    A longer pause is tried where it did not: the request may have been too short to reach it.
    """
    expected = "the handler goes on to its end"
    told = b""
    for pause in endpoint.patience.pauses:
        name = uuid.uuid4().hex
        request = endpoint.http.request("leave", f"id={name}&ms={pause * 1000:g}")
        async with endpoint.http.asking(Exchange(), request) as client:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause / 2):
                    await client.head()
        told = await _mark(endpoint, name, after=2 * pause)
        if told == FINISHED:
            return Finding(holds=True, expected=expected, came=expected)
    return Finding(holds=False, expected=expected, came=f"asked later, it said {shown_bytes(told)}")


async def _mark(endpoint: Endpoint, name: str, *, after: float) -> bytes:
    """Ask until the mark is there or it takes too long; not before the function is free to answer."""
    await asyncio.sleep(after)
    told = b"nothing"
    for _ in range(max(1, round(endpoint.patience.timeout / 4 / POLLS_SECONDS))):
        exchange = await endpoint.http.fetch("left", f"id={name}")
        told = exchange.body if exchange.status == 200 else str(exchange).encode()
        if told != b"not finished":
            break
        await asyncio.sleep(POLLS_SECONDS)
    return told


async def _side_by_side(endpoint: Endpoint) -> Finding:
    """Ask for something short when something long has begun: it is answered before the long one can be over."""
    expected = "the second request is answered before the first"
    came = ""
    for pause in endpoint.patience.pauses:
        chunks, short = PausedChunks(2, SMALL, 2 * pause), PausedChunks(1, SMALL, 0)
        first = asyncio.ensure_future(endpoint.http.fetch("pauses", chunks.query))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(pause / 2)
        second = await endpoint.http.fetch("pauses", short.query)
        took = loop.time() - began
        whole = await first
        if second.body != short.body or whole.body != chunks.body:
            return Finding(holds=False, expected=expected, came=f"{second}; {whole}")
        if took < 2 * pause:
            return Finding(holds=True, expected=expected, came=expected)
        came = f"it was answered {took:.2f} s after the first began, which takes {2 * pause:g} s"
    return Finding(holds=False, expected=expected, came=came)


CLIENTS = (
    Case(
        id="client-leaves",
        group=Group.CLIENT,
        sentence="A client that leaves stops nothing: the function runs on to its end.",
        source=sources.GONE_CLIENT,
        grade=Grade.PROVEN,
        handler="leave",
        check=_leaves,
    ),
    Case(
        id="side-by-side",
        group=Group.CLIENT,
        sentence="Two requests at once are answered side by side.",
        source=sources.SCALING,
        grade=Grade.PROVEN,
        handler="pauses",
        check=_side_by_side,
    ),
)
