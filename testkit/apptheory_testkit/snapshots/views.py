"""A captured response as text: readable, stable, and nothing lost."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import zip_longest

from apptheory_streaming.options import choose
from apptheory_streaming.wire.seconds import render_seconds
from apptheory_streaming.wire.sse_decoder import SseDecoder, SseEvent
from apptheory_streaming.wire.transcript import ChunkRecord, Transcript
from apptheory_testkit.rendering.chunks import render_count
from apptheory_testkit.snapshots.redaction import Redaction
from apptheory_testkit.snapshots.text import escape, render_payload

__all__ = ["SnapshotView", "render_capture"]

_MICROSECONDS = 1_000_000


class SnapshotView(StrEnum):
    """What of a body is shown; the head and how it ended are in each."""

    CHUNKS = "chunks"
    """Every chunk as it was cut, with its time."""
    BODY = "body"
    """All chunks as one, without times."""
    EVENTS = "events"
    """The Server-Sent Events in it, each with the time of the chunk that completed it."""
    TIMING = "timing"
    """Sizes and times of the chunks, without what is in them."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """One chunk after redaction, and when it was made and taken; in microseconds from the request."""

    data: bytes
    at: int | None
    taken_at: int | None


def render_capture(
    transcript: Transcript,
    chunks: Sequence[bytes],
    view: str = "chunks",
    *,
    redact: Mapping[str, str | re.Pattern[str]] | None = None,
) -> str:
    """Give the text of a `.stream` snapshot; `redact` maps replacements to regular expressions.

    Request ids and the lines of code that changed a head late are left out, since neither is the
    response's own.  Raises UsageError for an unknown view and for broken expressions.
    """
    shown = choose(SnapshotView, "view", view)
    redaction = Redaction(redact)
    pieces = _pieces(transcript, redaction.chunks(chunks))
    lines = [
        f"# stream v1, {shown}",
        *_head(transcript, redaction),
        *_VIEWS[shown](pieces),
        *_end(transcript, redaction, pieces, shown),
    ]
    return "".join(f"{line}\n" for line in lines)


def _pieces(transcript: Transcript, chunks: list[bytes]) -> list[_Piece]:
    pairs = zip_longest(chunks, transcript.chunks[: len(chunks)], fillvalue=None)
    return [_piece(data or b"", record) for data, record in pairs]


def _piece(data: bytes, record: ChunkRecord | None) -> _Piece:
    if record is None:
        return _Piece(data, None, None)
    return _Piece(data, _microseconds(record.produced_at), _microseconds(record.delivered_at))


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * _MICROSECONDS)


def _head(transcript: Transcript, redaction: Redaction) -> Iterator[str]:
    head = transcript.head
    if head is None:
        yield "status: none"
        return
    yield f"status: {head.status}"
    for name, values in head.headers.items():
        yield from (_field(name, redaction.text(value)) for value in values)
    yield from (_field("set-cookie", redaction.text(cookie)) for cookie in head.cookies)


def _field(name: str, value: str) -> str:
    return f"{name}: {escape(value)}" if value else f"{name}:"


def _chunks(pieces: list[_Piece]) -> Iterator[str]:
    for index, (piece, title) in enumerate(_titled(pieces)):
        kind, lines = render_payload(piece.data)
        yield f"--- chunk {index}{title}  {kind}"
        yield from lines


def _timing(pieces: list[_Piece]) -> Iterator[str]:
    for index, (piece, title) in enumerate(_titled(pieces)):
        yield f"--- chunk {index}{title}  {len(piece.data)} B"


def _body(pieces: list[_Piece]) -> Iterator[str]:
    kind, lines = render_payload(b"".join(piece.data for piece in pieces))
    yield f"--- body  {kind}"
    yield from lines


def _events(pieces: list[_Piece]) -> Iterator[str]:
    decoder = SseDecoder()
    index, last = 0, 0
    for piece in pieces:
        for event in decoder.feed(piece.data):
            yield f"--- event {index}{_gap(last, piece.at)}"
            yield from _event(event)
            index, last = index + 1, piece.at or 0
    for event in decoder.feed(b"\n\n"):  # to see whether a block was left without its blank line
        yield "--- unfinished  an event that clients discard"
        yield from _event(event)


def _event(event: SseEvent) -> Iterator[str]:
    if event.event != "message":
        yield _field("event", event.event)
    if event.id:
        yield _field("id", event.id)
    if event.retry is not None:
        yield _field("retry", str(event.retry))
    yield from (f"| {escape(line)}" if line else "|" for line in event.data.split("\n"))


def _end(transcript: Transcript, redaction: Redaction, pieces: list[_Piece], view: SnapshotView) -> Iterator[str]:
    title = "=== end"
    end = _microseconds(transcript.ended_at)
    if view is not SnapshotView.BODY and end is not None:
        title += f"  at {_seconds(end)}"
    if view in (SnapshotView.CHUNKS, SnapshotView.TIMING):
        title += f"  {render_count(len(pieces), 'chunk')}"
    if view is not SnapshotView.EVENTS:
        title += f"  {sum(len(piece.data) for piece in pieces)} B"
    yield title
    yield f"handler: {transcript.handler}"
    yield f"delivery: {transcript.delivery}"
    if transcript.dropped_chunks:
        yield f"dropped chunks: {transcript.dropped_chunks}"
    if transcript.error is not None:
        kind = "late error" if transcript.error.late else "error"
        yield _field(kind, redaction.text(str(transcript.error)))
    for mutation in transcript.late_mutations:  # without its line of code, which any edit moves
        yield _field("late mutation", redaction.text(str(replace(mutation, where=None))))
    yield from (_field("note", redaction.text(note)) for note in transcript.notes)


def _titled(pieces: list[_Piece]) -> Iterator[tuple[_Piece, str]]:
    """Each piece with its time, counted from the piece before, so that one that is late moves no other."""
    last = 0
    for piece in pieces:
        title = _gap(last, piece.at)
        if piece.at is not None and piece.taken_at is not None and piece.taken_at > piece.at:
            title += f", taken {_seconds(piece.taken_at - piece.at)} later"
        yield piece, title
        last = piece.at or last


def _gap(last: int, at: int | None) -> str:
    return "" if at is None else f"  +{_seconds(at - last)}"


def _seconds(microseconds: int) -> str:
    return render_seconds(microseconds / _MICROSECONDS)


_VIEWS = {
    SnapshotView.CHUNKS: _chunks,
    SnapshotView.BODY: _body,
    SnapshotView.EVENTS: _events,
    SnapshotView.TIMING: _timing,
}
