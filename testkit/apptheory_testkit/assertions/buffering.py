"""Who holds chunks back: how long, and between which two points."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import check_duration
from apptheory_streaming.wire.seconds import render_seconds
from apptheory_testkit.assertions.tap import Heard, Tap
from apptheory_testkit.assertions.timeline import TimedChunk, Timeline, seconds_between
from apptheory_testkit.rendering.chunks import render_count, render_lines

__all__ = ["Hold", "assert_not_buffered", "find_holds"]

_TELLING = 4  # bytes of a chunk that are hardly found in a body by chance


@dataclass(frozen=True, slots=True)
class Hold:
    """Chunks `first` to `last` were made from `produced_at` to `produced_until`, and taken together at `delivered_at`.

    Times are seconds from the request.  `at_least`: the bytes of a tap are not in the body, so all
    that is known is that nothing came in between.
    """

    first: int
    last: int
    produced_at: float
    produced_until: float
    delivered_at: float
    at_least: bool = False

    @property
    def seconds(self) -> float:
        """How long the first of them was held."""
        return seconds_between(self.produced_at, self.delivered_at)

    def __str__(self) -> str:
        one = self.first == self.last
        chunks = f"chunk {self.first}" if one else f"chunks {self.first}-{self.last}"
        made = f"produced at {render_seconds(self.produced_at)}"
        how_long = render_seconds(self.seconds)
        if self.produced_until > self.produced_at:
            made = f"produced from {render_seconds(self.produced_at)} to {render_seconds(self.produced_until)}"
            how_long = f"up to {how_long}"
        if self.at_least:
            how_long = f"at least {how_long}" if one else how_long
        held = f"{chunks} {'was' if one else 'were'} held for {how_long}: {made}"
        return f"{held}, {'the next bytes ' if self.at_least else ''}delivered at {render_seconds(self.delivered_at)}"


@dataclass(frozen=True, slots=True)
class _Wait:
    """One chunk on its way: its number, when it was made and when it was taken."""

    index: int
    produced_at: float
    delivered_at: float


def find_holds(timeline: Timeline, tap: Tap | None = None, *, at_most: float = 0.0) -> list[Hold]:
    """Give what was held for longer than `at_most` seconds, from the handler's write on or from a tap on.

    Raises UsageError without times, and for a tap that heard another response.
    """
    __tracebackhide__ = True  # the test's own line is the one that matters
    check_duration("at_most", at_most)
    if tap is not None and not isinstance(tap, Tap):
        raise UsageError(f"buffering is looked for from a Tap() on, or from the handler's writes, not from {tap!r}")
    timeline.need_times()
    if tap is None:
        return _group(_own(timeline), at_most, at_least=False)
    heard = _heard(tap, timeline)
    ends = _located([each.data for _, each in heard], timeline)
    if ends is None:
        return _group(_silences(heard, timeline), at_most, at_least=True)
    return _group(_matched(heard, ends, timeline), at_most, at_least=False)


def assert_not_buffered(timeline: Timeline, tap: Tap | None, at_most: float) -> None:
    """Fail when chunks were held for longer than `at_most` seconds, or never came out."""
    __tracebackhide__ = True
    holds = find_holds(timeline, tap, at_most=at_most)
    if tap is not None:
        _need_bytes(timeline, tap)
    if holds:
        whose = "" if tap is None else " of the tap"
        raise AssertionError(
            f"chunks{whose} were held back:\n"
            + "".join(f"  {line}\n" for line in render_lines(map(str, holds)))
            + "Something between there and the client collects them: hand on each chunk as it comes.\n"
            + timeline.happened()
        )


def _need_bytes(timeline: Timeline, tap: Tap) -> None:
    __tracebackhide__ = True
    heard = [each for each in tap.heard if each.data != b""]
    if not heard:
        raise AssertionError(f"the stream under the tap gave no chunk\n{timeline.happened()}")
    if not timeline.full:
        raise AssertionError(f"nothing of {render_count(len(heard), 'chunk')} came out\n{timeline.happened()}")


def _heard(tap: Tap, timeline: Timeline) -> list[tuple[int, Heard]]:
    """What a tap heard, with numbers and without empty chunks, in seconds from the request."""
    __tracebackhide__ = True
    start, end = timeline.transcript.started_at or 0.0, timeline.transcript.ended_at or 0.0
    if any(each.at is None for each in tap.heard):
        raise UsageError("the tap was read where no virtual time is known, such as on a thread of the handler's own")
    heard = [
        (index, Heard(each.data, seconds_between(start, each.at)))
        for index, each in enumerate(tap.heard)
        if each.at is not None and each.data != b""
    ]
    if any(not 0 <= (each.at or 0) <= end for _, each in heard):
        raise UsageError("the tap did not hear this response, but another one: make a Tap() for each")
    return heard


def _own(timeline: Timeline) -> Iterator[_Wait]:
    """From the write of the handler to the moment when the client's side took it."""
    for chunk in timeline.full:
        if chunk.produced_at is not None and chunk.delivered_at is not None:
            yield _Wait(chunk.index, chunk.produced_at, chunk.delivered_at)


def _matched(heard: list[tuple[int, Heard]], ends: list[int], timeline: Timeline) -> Iterator[_Wait]:
    """From the tap to the delivery of the chunk with the last of the same bytes."""
    for (index, each), end in zip(heard, ends, strict=True):
        delivered_at = timeline.chunk_at(end - 1).delivered_at
        if each.at is not None and delivered_at is not None:
            yield _Wait(index, each.at, delivered_at)


def _silences(heard: list[tuple[int, Heard]], timeline: Timeline) -> Iterator[_Wait]:
    """From the tap to the first bytes that came after: whatever became of the chunk, it is not in earlier ones."""
    for index, each in heard:
        after = next((chunk for chunk in timeline.full if _may_hold(chunk, each)), None)
        if each.at is not None and after is not None and after.delivered_at is not None:
            yield _Wait(index, each.at, after.delivered_at)


def _may_hold(chunk: TimedChunk, heard: Heard) -> bool:
    return chunk.produced_at is not None and heard.at is not None and chunk.produced_at >= heard.at


def _located(heard: list[bytes | None], timeline: Timeline) -> list[int] | None:
    """Where in the body each chunk of a tap ends; None where the wrapper made other bytes of them."""
    chunks = [data for data in heard if data is not None]
    body = b"".join(chunk.data for chunk in timeline.chunks)
    if len(chunks) < len(heard):
        return None
    if b"".join(chunks) != body and any(len(data) < _TELLING for data in chunks):
        return None
    ends, end = [], 0
    for data in chunks:
        start = body.find(data, end)
        if start < 0:
            return None
        end = start + len(data)
        ends.append(end)
    return ends


def _group(waits: Iterable[_Wait], at_most: float, *, at_least: bool) -> list[Hold]:
    """Put neighbours together that were let go at one moment."""
    held = [each for each in waits if seconds_between(each.produced_at, each.delivered_at) > at_most]
    return [_hold(list(run), at_least) for _, run in groupby(held, key=lambda wait: wait.delivered_at)]


def _hold(run: list[_Wait], at_least: bool) -> Hold:
    first, last = run[0], run[-1]
    return Hold(first.index, last.index, first.produced_at, last.produced_at, last.delivered_at, at_least)
