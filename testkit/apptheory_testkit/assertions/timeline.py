"""When the chunks of one response came: what assertions on time and the report read."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.seconds import SECONDS_DIGITS, render_seconds
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit.rendering.chunks import render_chunk, render_count
from apptheory_testkit.snapshots.text import escape

__all__ = ["Gap", "TimedChunk", "Timeline", "seconds_between"]

_SHOWN = 10  # chunks that a failure shows
_ENDS = 3  # of them, on each end of a longer response


@dataclass(frozen=True, slots=True)
class TimedChunk:
    """One chunk: its number in the capture, its bytes, and when it was made and taken (seconds from the request)."""

    index: int
    data: bytes
    produced_at: float | None = None
    delivered_at: float | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """The seconds between two consecutive chunks with bytes."""

    seconds: float
    before: TimedChunk
    after: TimedChunk

    def __str__(self) -> str:
        return (
            f"{render_seconds(self.seconds)}, from chunk {self.before.index} at {_moment(self.before)} "
            f"to chunk {self.after.index} at {_moment(self.after)}"
        )


@dataclass(frozen=True, slots=True)
class Timeline:
    """A response as its chunks came; `full` are those with bytes."""

    transcript: Transcript
    chunks: tuple[TimedChunk, ...]

    @classmethod
    def of(cls, transcript: Transcript, chunks: Sequence[bytes]) -> "Timeline":
        """Put times to the chunks that were captured."""
        # Over HTTP the empty ones have left no chunk, but a record.
        records = [record for record in transcript.chunks if record.size or not all(chunks)]
        pairs = zip_longest(chunks, records[: len(chunks)])
        timed = (
            TimedChunk(index, chunk or b"", *((record.produced_at, record.delivered_at) if record else ()))
            for index, (chunk, record) in enumerate(pairs)
        )
        return cls(transcript, tuple(timed))

    @property
    def full(self) -> list[TimedChunk]:
        """The chunks with bytes."""
        return [chunk for chunk in self.chunks if chunk.data]

    @property
    def has_times(self) -> bool:
        """Whether it was noted when everything happened."""
        return self.transcript.started_at is not None and all(each.produced_at is not None for each in self.chunks)

    def need_times(self) -> None:
        """Raise UsageError for a response without times."""
        __tracebackhide__ = True  # the test's own line is the one that matters
        if not self.has_times:
            raise UsageError(
                "this response has no times: they are taken in virtual time only. Mark the test "
                '`@pytest.mark.streaming(clock="virtual")`'
            )

    @property
    def largest_gap(self) -> Gap | None:
        """The longest time without bytes between two chunks; None with fewer than two or without times."""
        gaps = (
            Gap(seconds_between(before.produced_at, after.produced_at), before, after)
            for before, after in pairwise(self.full)
            if before.produced_at is not None and after.produced_at is not None
        )
        return max(gaps, key=lambda gap: gap.seconds, default=None) if self.has_times else None

    def chunk_at(self, offset: int) -> TimedChunk:
        """Give the chunk that holds this byte of the body."""
        for chunk in self.chunks:
            offset -= len(chunk.data)
            if offset < 0:
                return chunk
        raise IndexError("the body ends before this byte")

    def happened(self, *, around: Collection[int] = (), text: bool = False) -> str:
        """Give what happened when, in few lines: the first and last chunks, those in `around`, the end."""
        lines = [*self._chunk_lines(around, text), *self._ending()]
        return ("What happened when:\n" if self.has_times else "What happened:\n") + "".join(
            f"  {line}\n" for line in lines
        )

    def _chunk_lines(self, around: Collection[int], text: bool) -> Iterator[str]:
        last = -1
        for index in _shown(len(self.chunks), around):
            if index > last + 1:
                yield f"… {render_count(index - last - 1, 'more chunk')}"
            yield _chunk_line(self.chunks[index], text)
            last = index

    def _ending(self) -> Iterator[str]:
        transcript = self.transcript
        if not self.chunks:
            yield "no chunk came"
        if transcript.dropped_chunks:
            yield f"{render_count(transcript.dropped_chunks, 'more chunk')} dropped"
        at = "" if transcript.ended_at is None else f" at {render_seconds(transcript.ended_at)}"
        yield f"the end{at}; handler: {transcript.handler}; delivery: {transcript.delivery}"
        if transcript.error is not None:
            yield f"{'late ' if transcript.error.late else ''}error: {escape(str(transcript.error))}"
        yield from (f"note: {escape(note)}" for note in transcript.notes)


def seconds_between(start: float, end: float) -> float:
    """Give the time between two moments, without the noise of floats."""
    return round(end - start, SECONDS_DIGITS)


def _moment(chunk: TimedChunk) -> str:
    return "an unknown time" if chunk.produced_at is None else render_seconds(chunk.produced_at)


def _chunk_line(chunk: TimedChunk, text: bool) -> str:
    made = "" if chunk.produced_at is None else f" at {_moment(chunk)}"
    late = chunk.delivered_at is not None and chunk.produced_at is not None and chunk.delivered_at > chunk.produced_at
    taken = f", delivered at {render_seconds(chunk.delivered_at or 0)}" if late else ""
    shown = f"  {render_chunk(chunk.data)}" if text and chunk.data else ""
    return f"chunk {chunk.index}{made}: {render_count(len(chunk.data), 'byte')}{taken}{shown}"


def _shown(count: int, around: Iterable[int]) -> list[int]:
    if count <= _SHOWN:
        return list(range(count))
    near = {index + step for index in around for step in (-1, 0, 1)}
    return sorted({*range(_ENDS), *(near & set(range(count))), *range(count - _ENDS, count)})
