"""Recordings made from a recording: other times, other cuts, another end."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import is_count, is_number
from apptheory_testkit.recordings.model import MOST_SECONDS, Ended, Recording, TimedChunk

__all__ = ["check_place", "cut_at", "hurried", "recut", "stalled_at"]

DIGITS = 9
"""Times are whole nanoseconds; what is finer is noise of floats."""


def hurried(recording: Recording, factor: float) -> Recording:
    """Multiply all times by a factor; 0 lets everything come at once."""
    return replace(
        recording,
        head_at=_nanosecond(recording.head_at * factor),
        chunks=tuple(TimedChunk(each.data, _nanosecond(each.at * factor)) for each in recording.chunks),
        ended_at=_nanosecond(recording.ended_at * factor),
    )


def cut_at(recording: Recording, at: int) -> Recording:
    """Let the connection end in the place of chunk `at`, at its time; behind the last chunk: at the end."""
    moment = recording.chunks[at].at if at < len(recording.chunks) else recording.ended_at
    return replace(recording, chunks=recording.chunks[:at], ended=Ended.CUT, ended_at=moment)


def stalled_at(recording: Recording, at: int, seconds: float) -> Recording:
    """Let chunk `at`, and all that follows it, come so many seconds later."""
    if not (is_number(seconds) and 0 <= seconds <= MOST_SECONDS):
        raise UsageError(f"a stall takes seconds, 0 or more and no more than a year has, not {seconds!r}")
    late = tuple(TimedChunk(each.data, _nanosecond(each.at + seconds)) for each in recording.chunks[at:])
    return replace(
        recording, chunks=(*recording.chunks[:at], *late), ended_at=_nanosecond(recording.ended_at + seconds)
    )


def recut(recording: Recording, pieces: Sequence[bytes]) -> Recording:
    """Cut the same body into other pieces; each comes when its last byte had come.

    Raises UsageError for pieces that are not this body.
    """
    if b"".join(pieces) != recording.body:
        raise UsageError("the chunks of a recording can be cut anew, but joined they must be its body")
    ends = list(accumulate(len(each.data) for each in recording.chunks))
    chunks: list[TimedChunk] = []
    source = position = 0
    for piece in pieces:
        position += len(piece)
        while source < len(ends) - 1 and ends[source] < position:
            source += 1
        chunks.append(TimedChunk(piece, recording.chunks[source].at if ends else recording.head_at))
    return replace(recording, chunks=tuple(chunks))


def check_place(recording: Recording, fault: str, at: object) -> int:
    """Give the number of a chunk; raises UsageError for one that never comes: such a fault proves nothing."""
    count = len(recording.chunks)
    if is_count(at) and at <= count:
        return at
    chunks = f"{count} chunk{'' if count == 1 else 's'}"
    raise UsageError(f"{fault}(at={at!r}): at is the number of a chunk, counted from 0; the recording has {chunks}")


def _nanosecond(seconds: float) -> float:
    return round(seconds, DIGITS)
