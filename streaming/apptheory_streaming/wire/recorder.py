"""Takes down a transcript while a response happens."""

from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryOutcome, HandlerOutcome
from apptheory_streaming.wire.transcript import (
    ChunkRecord,
    Event,
    EventKind,
    HandlerError,
    LateMutation,
    Transcript,
)

__all__ = ["TranscriptRecorder"]

# Microseconds: the moment of a timer is a float, so what a clock says may be some nanoseconds off,
# and by others in a run that begins later (rule D1).
_DIGITS = 6


class TranscriptRecorder:
    """Counts every chunk; keeps a record of the first `keep` of them (None: of all).

    A front that serves for days passes a number, so that a response of a million small chunks
    costs it no memory.
    """

    def __init__(self, request_id: str, *, keep: int | None = None, started_at: float | None = None) -> None:
        """Begin the transcript of the request with this id; times are taken on the clock of `started_at`."""
        self.request_id = request_id
        self.head: Head | None = None
        self.error: HandlerError | None = None
        self.chunk_count = 0
        self.body_bytes = 0
        self.delivered_bytes = 0
        self.dropped_chunks = 0
        self.buffered = False
        self.notes: list[str] = []
        self._keep = keep
        self._started_at = started_at
        self._events: list[Event] = []
        self._written: list[tuple[int, float | None]] = []
        self._delivered: list[float | None] = []

    def event(self, kind: EventKind, at: float | None) -> None:
        """Put an event into the log, behind the chunks so far."""
        self._events.append(Event(kind, self.chunk_count, self._since(at)))

    def chunk(self, size: int, produced_at: float | None) -> None:
        """Count a chunk that went to the sink."""
        self.chunk_count += 1
        self.body_bytes += size
        if self._keep is None or len(self._written) < self._keep:
            self._written.append((size, produced_at))

    def delivered(self, at: float | None) -> None:
        """Say that the sink took every chunk written so far."""
        self.delivered_bytes = self.body_bytes
        missing = len(self._written) - len(self._delivered)
        if missing:
            self._delivered.extend([at] * missing)

    def taken(self, at: float | None) -> None:
        """Say that the oldest chunk that was not delivered is: the client has it, and perhaps not the next."""
        if len(self._delivered) < len(self._written):
            self._delivered.append(at)

    def note(self, text: str) -> None:
        """Add something that a reader of the log should know."""
        self.notes.append(text)

    def finish(
        self,
        handler: HandlerOutcome,
        delivery: DeliveryOutcome,
        *,
        late_mutations: tuple[LateMutation, ...] = (),
        ended_at: float | None = None,
    ) -> Transcript:
        """Give the transcript as one value, with its times in seconds from the request."""
        return Transcript(
            request_id=self.request_id,
            head=self.head,
            events=tuple(self._events),
            chunks=self._records(),
            chunk_count=self.chunk_count,
            body_bytes=self.body_bytes,
            dropped_chunks=self.dropped_chunks,
            buffered=self.buffered,
            error=self.error,
            late_mutations=late_mutations,
            notes=tuple(self.notes),
            handler=handler,
            delivery=delivery,
            started_at=self._started_at,
            ended_at=self._since(ended_at),
        )

    def _records(self) -> tuple[ChunkRecord, ...]:
        missing = len(self._written) - len(self._delivered)
        delivered = [*self._delivered, *[None] * missing]
        return tuple(
            ChunkRecord(index, size, self._since(produced_at), self._since(delivered[index]))
            for index, (size, produced_at) in enumerate(self._written)
        )

    def _since(self, at: float | None) -> float | None:
        return None if at is None else round(at - (self._started_at or 0.0), _DIGITS)
