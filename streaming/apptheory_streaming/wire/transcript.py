"""What happened to one response, taken at the write boundary: one value for every path."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryOutcome, HandlerOutcome
from apptheory_streaming.wire.seconds import render_seconds

__all__ = ["ChunkRecord", "Event", "EventKind", "HandlerError", "LateMutation", "Transcript"]


class EventKind(StrEnum):
    """What can stand in the event log before the outcomes, beside chunks, in its order (rule F5)."""

    FINALIZED = "finalized"
    SUBSTITUTED = "substituted"
    COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the log: what, after how many chunks, and when (seconds from the request, None without a clock)."""

    kind: EventKind
    after_chunks: int
    at: float | None = None


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """One chunk: its number from 0, its size in bytes, when it was written and when the sink took it.

    Times are seconds from the request; None without a clock, and `delivered_at` is None for a
    chunk that the sink never took.
    """

    index: int
    size: int
    produced_at: float | None = None
    delivered_at: float | None = None


@dataclass(frozen=True, slots=True)
class LateMutation:
    """A change of the head after it was final (rule F3).

    `field` is `status`, `header` or `cookie`; `after_chunk` is the number of the chunk produced
    last (-1: before chunk 0); `where` is `file:line` of the code that did it, or None for a head
    that is not one of our own types.
    """

    field: str
    name: str | None
    old: object
    new: object
    after_chunk: int
    where: str | None = None

    def __str__(self) -> str:
        what = self.field if self.name is None else f"{self.field} {self.name!r}"
        when = "before chunk 0" if self.after_chunk < 0 else f"after chunk {self.after_chunk}"
        place = "" if self.where is None else f", at {self.where}"
        return f"{what} changed from {_shown(self.old)} to {_shown(self.new)} {when}{place}"


@dataclass(frozen=True, slots=True)
class HandlerError:
    """Why a handler failed: the code (E1), the message, the exception itself, and whether it came late.

    `late` means after the first chunk was produced.  Two errors are equal when code, message and
    type of exception are.
    """

    code: str
    message: str
    exception: BaseException = field(compare=False)
    late: bool = False
    type_name: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.type_name}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One response from finalization to its two outcomes.

    `chunk_count` and `body_bytes` count what went to the sink, `dropped_chunks` what came after
    the client had left or where HTTP allows no body.  `buffered` says that the answer went in one
    piece: a value, or a stream that was collected (rule R0).  `chunks` may stop early where a front keeps
    only the first records.

    All times are seconds from the request.  `started_at` alone is the moment of the request on its
    clock, and no part of equality: two runs are equal whenever they were (rule D1).
    """

    request_id: str
    head: Head | None
    events: tuple[Event, ...]
    chunks: tuple[ChunkRecord, ...]
    chunk_count: int
    body_bytes: int
    dropped_chunks: int = 0
    buffered: bool = False
    error: HandlerError | None = None
    late_mutations: tuple[LateMutation, ...] = ()
    notes: tuple[str, ...] = ()
    handler: HandlerOutcome = field(default_factory=HandlerOutcome)
    delivery: DeliveryOutcome = field(default_factory=DeliveryOutcome)
    started_at: float | None = field(default=None, compare=False)
    ended_at: float | None = None

    @property
    def stream_error_code(self) -> str | None:
        """The code of a late error; None for an early one and for none (rule E3)."""
        return self.error.code if self.error is not None and self.error.late else None

    def log(self) -> Iterator[str]:
        """Give the event log in order, one line an event (rule F5)."""
        chunks = iter(self.chunks)
        position = 0
        for event in self.events:
            while position < event.after_chunks and (record := next(chunks, None)) is not None:
                yield _chunk_line(record)
                position += 1
            yield f"{event.kind}{_at(event.at)}"
        for record in chunks:
            yield _chunk_line(record)
        if self.chunk_count > len(self.chunks):
            yield f"… {self.chunk_count - len(self.chunks)} more chunks"
        yield f"handler: {self.handler}"
        yield f"delivery: {self.delivery}"

    def head_final_before_first_chunk(self) -> bool:
        """Whether the log has the order of rule F5: finalized, [substituted], [committed], chunks.

        Chunks without `committed` break it too: they would have left before the head.
        """
        kinds = [event.kind for event in self.events]
        in_order = kinds == [kind for kind in EventKind if kind in kinds]
        before_chunks = all(event.after_chunks == 0 for event in self.events)
        head_left_first = EventKind.COMMITTED in kinds or self.chunk_count == 0
        return EventKind.FINALIZED in kinds and in_order and before_chunks and head_left_first


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)


def _chunk_line(record: ChunkRecord) -> str:
    return f"chunk {record.index}: {record.size} bytes{_at(record.produced_at)}"


def _at(seconds: float | None) -> str:
    return "" if seconds is None else f" at {render_seconds(seconds)}"
