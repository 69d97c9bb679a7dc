"""Gives the chunks of a recording at their times, on the running loop or on a thread that waits."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator

from apptheory_testkit.recordings.model import Ended, RecordedCut, Recording

__all__ = ["moment_after", "play", "play_blocking", "wait_until"]

NANOSECONDS = 1_000_000_000


async def play(
    recording: Recording, *, failure: BaseException | None = None, began: float | None = None
) -> AsyncIterator[bytes]:
    """Give each chunk when it is due, counted from `began` on the loop's clock, or from now.

    A recording that was cut ends in `failure`, a RecordedCut unless another is given.
    """
    start = asyncio.get_running_loop().time() if began is None else began
    for chunk in recording.chunks:
        await wait_until(moment_after(start, chunk.at))
        yield chunk.data
    await wait_until(moment_after(start, recording.ended_at))
    _end(recording, failure)


def play_blocking(recording: Recording, *, failure: BaseException | None = None) -> Iterator[bytes]:
    """Give the same to a thread: it sleeps until each chunk is due."""
    start = time.monotonic()
    for chunk in recording.chunks:
        _sleep_until(moment_after(start, chunk.at))
        yield chunk.data
    _sleep_until(moment_after(start, recording.ended_at))
    _end(recording, failure)


def moment_after(began: float, seconds: float) -> float:
    """Add in whole nanoseconds; a clock that rounds up, as virtual time does, must not land one behind."""
    nanoseconds = round(began * NANOSECONDS) + round(seconds * NANOSECONDS)
    moment = nanoseconds / NANOSECONDS
    return moment if math.ceil(moment * NANOSECONDS) <= nanoseconds else math.nextafter(moment, 0.0)


async def wait_until(moment: float) -> None:
    """Wait for a moment of the running loop's clock; its timers may be early by their resolution."""
    loop = asyncio.get_running_loop()
    while loop.time() < moment:
        reached = loop.create_future()
        timer = loop.call_at(moment, _reach, reached)
        try:
            await reached
        finally:
            timer.cancel()


def _reach(reached: "asyncio.Future[None]") -> None:
    if not reached.done():
        reached.set_result(None)


def _sleep_until(moment: float) -> None:
    rest = moment - time.monotonic()
    if rest > 0:
        time.sleep(rest)


def _end(recording: Recording, failure: BaseException | None) -> None:
    if recording.ended is Ended.CUT:
        raise failure or RecordedCut(f"the recorded stream was cut behind {len(recording.chunks)} chunks")
