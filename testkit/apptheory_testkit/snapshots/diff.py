"""Two snapshots side by side: first what kind of difference it is, then where."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from apptheory_streaming.wire.seconds import render_seconds
from apptheory_streaming.wire.sse_decoder import SseDecoder
from apptheory_testkit.rendering.chunks import render_count
from apptheory_testkit.snapshots.text import read_payload

__all__ = ["diff_snapshots"]

_BLOCK = re.compile(
    r"--- (?P<noun>chunk|event|body|unfinished)(?: \d+)?(?:  \+(?P<gap>[\d.]+) s)?"
    r"(?:, taken (?P<taken>[\d.]+) s later)?(?:  (?P<kind>.*))?"
)
_EVENT_STREAM = re.compile(r"content-type: text/event-stream(?:\s*;.*)?", re.IGNORECASE)
_END_TIME = re.compile(r"  at ([\d.]+) s")
_CONTEXT = 2  # equal lines shown on each side of a difference
_ALIGNED = 400  # lines that differ on each side; alignment takes quadratic time, so it stops here
_SHOWN = 100  # lines shown at all


@dataclass(slots=True)
class _Block:
    """One chunk or event."""

    noun: str
    kind: str
    gap: float | None
    taken: str | None
    lines: list[str] = field(default_factory=list)

    @property
    def data(self) -> bytes | None:
        """The bytes of a chunk, where the snapshot has them."""
        return None if self.noun == "event" else read_payload(self.kind, self.lines)


@dataclass(slots=True)
class _Snapshot:
    """The parts of a snapshot."""

    view: str = ""
    head: list[str] = field(default_factory=list)
    blocks: list[_Block] = field(default_factory=list)
    end_at: str | None = None
    end: list[str] = field(default_factory=list)


def diff_snapshots(got: str, expected: str) -> list[str]:
    """Give the lines that explain how two snapshots differ, + for what was got; none when they are equal."""
    if got == expected:
        return []
    return [_verdict(_read(got), _read(expected)), *_rows(expected.split("\n")[:-1], got.split("\n")[:-1])]


def _read(text: str) -> _Snapshot:
    view, *lines = text.split("\n")
    snapshot = _Snapshot(view)
    part = snapshot.head
    for line in lines:
        block = _BLOCK.fullmatch(line)
        if line.startswith("=== end"):
            found = _END_TIME.search(line)
            snapshot.end_at = found[1] if found else None
            part = snapshot.end
        elif block and part is not snapshot.end:
            gap = block["gap"]
            snapshot.blocks.append(
                _Block(block["noun"], block["kind"] or "", None if gap is None else float(gap), block["taken"])
            )
            part = snapshot.blocks[-1].lines
        else:
            part.append(line)
    return snapshot


def _verdict(got: _Snapshot, expected: _Snapshot) -> str:
    if got.view != expected.view:
        return f"not the same view: got {got.view!r}, expected {expected.view!r}"
    parts = ["head differs"] if got.head != expected.head else []
    parts += _blocks(got, expected)
    if got.end != expected.end:
        parts.append("how it ended differs")
    if not parts and got.end_at != expected.end_at:
        parts.append("the same, ended at another time")
    return "; ".join(parts) or "the text of the snapshot differs"


def _blocks(got: _Snapshot, expected: _Snapshot) -> Iterator[str]:
    if _contents(got.blocks) == _contents(expected.blocks):
        yield from _times(got.blocks, expected.blocks)
        return
    ours, theirs = _events(got), _events(expected)
    same_events = bool(ours) and _contents(ours) == _contents(theirs)
    yield from _other_cuts(got.blocks, expected.blocks, same_events=same_events)
    if same_events:
        yield from _times(ours, theirs)


def _other_cuts(got: list[_Block], expected: list[_Block], *, same_events: bool) -> Iterator[str]:
    ours, theirs = _bytes(got), _bytes(expected)
    if ours is None or theirs is None:
        yield _first(got, expected)
    elif b"".join(ours) == b"".join(theirs):
        same = list(filter(None, ours)) == list(filter(None, theirs))
        yield "same bytes, empty chunks differ" if same else "same bytes, boundaries moved"
    elif _one_line_end(ours) == _one_line_end(theirs):
        same = _lines_ended_alike(ours) == _lines_ended_alike(theirs)
        yield "same text, line ends differ" + (f": {_first(got, expected)}" if same else ", boundaries moved")
    elif same_events:
        yield f"same events, written otherwise: {_first(got, expected)}"
    else:
        yield _first(got, expected)


def _events(snapshot: _Snapshot) -> list[_Block]:
    """Give the events that the chunks of an event stream make, each with the time since the one before; else none."""
    chunks = _bytes(snapshot.blocks)
    if chunks is None or not any(_EVENT_STREAM.fullmatch(line) for line in snapshot.head):
        return []
    decoder, events, since = SseDecoder(), list[_Block](), 0.0
    for block, data in zip(snapshot.blocks, chunks, strict=True):
        since += block.gap or 0
        for event in decoder.feed(data):
            events.append(_Block("event", repr(event), None if block.gap is None else since, block.taken))
            since = 0.0
    events += [_Block("unfinished", repr(event), None, None) for event in decoder.feed(b"\n\n")]
    return events


def _contents(blocks: list[_Block]) -> list[tuple[str, str, list[str]]]:
    return [(block.noun, block.kind, block.lines) for block in blocks]


def _bytes(blocks: list[_Block]) -> list[bytes] | None:
    every = [block.data for block in blocks]
    known = [data for data in every if data is not None]
    return known if len(known) == len(every) else None


def _one_line_end(chunks: list[bytes]) -> bytes:
    return b"".join(chunks).replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _lines_ended_alike(chunks: list[bytes]) -> list[bytes]:
    return [_one_line_end([chunk]) for chunk in chunks]


def _first(got: list[_Block], expected: list[_Block]) -> str:
    """Name the first difference."""
    pairs = zip(_contents(got), _contents(expected), strict=False)
    at = next((index for index, (ours, theirs) in enumerate(pairs) if ours != theirs), min(len(got), len(expected)))
    if at < len(got) and at < len(expected):
        return f"{_named(got, at)} differs"
    more, what = (got, "not expected") if at < len(got) else (expected, "missing")
    if at == len(more) - 1:
        return f"{_named(more, at)} is {what}"
    return f"{more[at].noun}s {at} to {len(more) - 1} are {what}"


def _named(blocks: list[_Block], at: int) -> str:
    noun = blocks[at].noun
    if noun == "body":
        return "the body"
    return "the unfinished event" if noun == "unfinished" else f"{noun} {at}"


def _times(got: list[_Block], expected: list[_Block]) -> Iterator[str]:
    """Compare when the same blocks came."""
    shifts: list[float] = []
    ours = theirs = 0.0
    for mine, other in zip(got, expected, strict=True):
        if (mine.gap is None) != (other.gap is None):
            yield f"same {mine.noun}s, {'without' if mine.gap is None else 'with'} times"
            return
        ours, theirs = ours + (mine.gap or 0), theirs + (other.gap or 0)
        shifts.append(round(ours - theirs, 6))
    at = next((index for index, shift in enumerate(shifts) if shift), None)
    if at is not None:
        since = f" from {got[at].noun} {at} on" if at else ""
        steady = len(set(shifts[at:])) == 1
        yield f"same {got[at].noun}s, {_shift(shifts[at]) if steady else 'at other times'}{since}"
    elif [block.taken for block in got] != [block.taken for block in expected]:
        yield f"same {got[0].noun}s, taken at other times"


def _shift(seconds: float) -> str:
    return f"{'later' if seconds > 0 else 'earlier'} by {render_seconds(abs(seconds))}"


def _rows(expected: list[str], got: list[str]) -> list[str]:
    start = next(
        (index for index, (one, other) in enumerate(zip(expected, got, strict=False)) if one != other),
        min(len(expected), len(got)),
    )
    rows: list[str] = []
    first = max(0, start - _CONTEXT)
    old, new = expected[first:], got[first:]
    if max(len(old), len(new)) > _ALIGNED:
        rows += [f"  - {line}" for line in old[: _SHOWN // 2]]
        rows += [f"  + {line}" for line in new[: _SHOWN // 2]]
        return [*rows, f"    … {render_count(len(old), 'line')} expected from here on, {len(new)} got"]
    for number, group in enumerate(SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT)):
        rows += ["    …"] if first or number else []
        for kind, before, after, begin, end in group:
            if kind == "equal":
                rows += [f"    {line}" for line in old[before:after]]
            else:
                rows += [f"  - {line}" for line in old[before:after]]
                rows += [f"  + {line}" for line in new[begin:end]]
    left_out = len(rows) - _SHOWN
    return [*rows[:_SHOWN], f"    … {render_count(left_out, 'more line')}"] if left_out > 0 else rows
