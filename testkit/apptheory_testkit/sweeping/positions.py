"""The moments of a response at which a sweep disturbs it."""

from dataclasses import dataclass

from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.faults.plan import Moment, Seconds

__all__ = ["Position", "positions_of"]

LEAST_WAIT_SECONDS = 1e-5
"""A handler that waits for less is not disturbed in it: times are kept in microseconds."""


@dataclass(frozen=True, slots=True)
class Position:
    """A moment, and where that is in words."""

    at: Moment
    where: str


def positions_of(capture: StreamCapture) -> list[Position]:
    """Give every event of an undisturbed response, in order: before the first chunk, after each, and in each wait.

    A wait is where virtual time passed until the next chunk, or the end, came; a response in real
    time has none.
    """
    transcript = capture._transcript  # noqa: SLF001 - reading it as a test does would be looking at its problems
    chunks = transcript.chunks[: len(capture.chunks)]
    came = [*(chunk.produced_at for chunk in chunks), transcript.ended_at]
    had = [None if transcript.started_at is None else 0.0, *(chunk.delivered_at for chunk in chunks)]
    positions: list[Position] = []
    for number, (before, after) in enumerate(zip(had, came, strict=True)):
        last = " (the last)" if number == len(chunks) else ""
        where = f"after chunk {number - 1}{last}" if number else "before the first chunk"
        wait = _wait(before, after, where)
        if number == 0:  # the head is final at the end of it
            positions += [*wait, Position(0, where)]
        else:
            positions += [Position(number, where), *wait]
    return positions


def _wait(before: float | None, after: float | None, where: str) -> list[Position]:
    if before is None or after is None or after - before < LEAST_WAIT_SECONDS:
        return []
    return [Position(Seconds((before + after) / 2), f"in the wait {where}")]
