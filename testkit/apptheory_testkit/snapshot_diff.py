"""Two snapshots side by side: first what kind of difference it is, then where."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from apptheory_testkit.rendering import render_count
from apptheory_testkit.snapshot_text import read_payload

__all__ = ["diff_snapshots"]

_BLOCK = re.compile(
    r"--- (?P<noun>chunk|event|body|unfinished)(?: \d+)?(?:  \+(?P<gap>[\d.]+) s)?"
    r"(?:, taken (?P<taken>[\d.]+) s later)?(?:  (?P<kind>.*))?"
)
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
    parts += _blocks(got.blocks, expected.blocks)
    if got.end != expected.end:
        parts.append("how it ended differs")
    if not parts and got.end_at != expected.end_at:
        parts.append("the same, ended at another time")
    return "; ".join(parts) or "the text of the snapshot differs"


def _blocks(got: list[_Block], expected: list[_Block]) -> Iterator[str]:
    if _contents(got) == _contents(expected):
        yield from _times(got, expected)
        return
    ours, theirs = _bytes(got), _bytes(expected)
    if ours is not None and theirs is not None:
        if b"".join(ours) == b"".join(theirs):
            same = list(filter(None, ours)) == list(filter(None, theirs))
            yield "same bytes, empty chunks differ" if same else "same bytes, boundaries moved"
            return
        if _one_line_end(ours) == _one_line_end(theirs):
            yield f"same text, line ends differ: {_first(got, expected)}"
            return
    yield _first(got, expected)


def _contents(blocks: list[_Block]) -> list[tuple[str, str, list[str]]]:
    return [(block.noun, block.kind, block.lines) for block in blocks]


def _bytes(blocks: list[_Block]) -> list[bytes] | None:
    every = [block.data for block in blocks]
    known = [data for data in every if data is not None]
    return known if len(known) == len(every) else None


def _one_line_end(chunks: list[bytes]) -> bytes:
    return b"".join(chunks).replace(b"\r\n", b"\n").replace(b"\r", b"\n")


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
    return f"{'later' if seconds > 0 else 'earlier'} by {abs(seconds):.6f}".rstrip("0").rstrip(".") + " s"


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
