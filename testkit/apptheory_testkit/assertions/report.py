"""One report of how a response came: what was measured, and what the advice on streams makes of it."""

from collections.abc import Iterator

from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.seconds import render_seconds
from apptheory_testkit.assertions.advice import advise
from apptheory_testkit.assertions.buffering import find_holds
from apptheory_testkit.assertions.cadence import Cadence
from apptheory_testkit.assertions.chunk_sizes import render_size
from apptheory_testkit.assertions.streaming import body_limit, made_at_once, media_type_of, size_range
from apptheory_testkit.assertions.timeline import Timeline
from apptheory_testkit.rendering.chunks import is_binary, render_count
from apptheory_testkit.snapshots.text import escape

__all__ = ["render_report"]

_NO_TIMES = "unknown, without times"


def render_report(timeline: Timeline) -> str:
    """Give the report as text; it needs no times, and says more with them."""
    rows = [*_rows(timeline)]
    width = max(len(label) for label, _ in rows) + 2
    advice = [f"  * {line}" for line in advise(timeline)] or ["  nothing"]
    return "".join(f"{line}\n" for line in (*(f"{label:{width}}{value}" for label, value in rows), "advice", *advice))


def _rows(timeline: Timeline) -> Iterator[tuple[str, str]]:
    transcript = timeline.transcript
    status = "no head" if transcript.head is None else str(transcript.head.status)
    yield "response", f"{status} {media_type_of(timeline)}".strip() + f", {transcript.request_id}"
    yield "first chunk", _first(timeline)
    yield "duration", _NO_TIMES if transcript.ended_at is None else render_seconds(transcript.ended_at)
    yield "chunks", _chunks(timeline)
    yield "sizes", _sizes(timeline)
    yield "cadence", _cadence(timeline)
    yield "incremental", _incremental(timeline)
    yield "held back", _held(timeline)
    yield "handler", str(transcript.handler)
    yield "delivery", str(transcript.delivery)
    if transcript.error is not None:
        yield "late error" if transcript.error.late else "error", escape(str(transcript.error))
    yield "limits", _limits(timeline)


def _first(timeline: Timeline) -> str:
    if not timeline.chunks:
        return "none"
    at = timeline.chunks[0].produced_at
    return _NO_TIMES if at is None else f"{render_seconds(at)} after the request"


def _chunks(timeline: Timeline) -> str:
    count, full = len(timeline.chunks), len(timeline.full)
    empty = f", {count - full} of them empty" if full < count else ""
    dropped = timeline.transcript.dropped_chunks
    lost = f", {dropped} more dropped" if dropped else ""
    return f"{count}{empty}{lost}"


def _sizes(timeline: Timeline) -> str:
    sizes = [len(chunk.data) for chunk in timeline.full]
    if not sizes:
        return "no bytes"
    kind = "binary" if is_binary(b"".join(chunk.data for chunk in timeline.full)) else "text"
    least, most = render_size(min(sizes)), render_size(max(sizes))
    spread = f"{least} to {most}" if min(sizes) < max(sizes) else least if len(sizes) == 1 else f"{least} each"
    return f"{spread}, {render_size(sum(sizes))} of {kind} in all; advised are {size_range(timeline)}"


def _cadence(timeline: Timeline) -> str:
    if len(timeline.full) <= 1:
        return "none, with fewer than two chunks"
    gap = timeline.largest_gap
    return _NO_TIMES if gap is None else f"{Cadence.of(gap.seconds)}, largest gap {gap}"


def _incremental(timeline: Timeline) -> str:
    if len(timeline.full) <= 1:
        return f"no, {render_count(len(timeline.full), 'chunk')} with bytes"
    if not timeline.has_times:
        return _NO_TIMES
    if made_at_once(timeline):
        return f"no, all was made at {render_seconds(timeline.full[0].produced_at or 0)}"
    return "yes"


def _held(timeline: Timeline) -> str:
    if not timeline.has_times:
        return _NO_TIMES
    holds = find_holds(timeline)
    if not holds:
        return "nothing"
    longest = max(holds, key=lambda hold: hold.seconds)
    more = f"; and {len(holds) - 1} more" if len(holds) > 1 else ""
    return f"{longest}{more}"


def _limits(timeline: Timeline) -> str:
    transcript = timeline.transcript
    what, number = body_limit(transcript)
    size = f"{_percent(transcript.body_bytes, number.value)} of {render_size(number.value)} ({what})"
    if transcript.ended_at is None:
        return size
    longest = AWS_NUMBERS["function timeout"].value
    return f"{size}, {_percent(transcript.ended_at, longest)} of {longest} s"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %"
