"""Two lists of chunks side by side: first what kind of difference it is, then where."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice

from apptheory_testkit.rendering.chunks import render_chunk, render_count

__all__ = ["ChunkList", "diff_chunks"]

_CONTEXT = 2  # equal chunks shown on each side of a difference
_BLOCK = 8  # chunks shown of one side of a block that differs
_ROWS = 60  # rows shown at all
_ALIGNED = 200  # chunks that differ on each side; alignment takes quadratic time, so it stops here

_Block = tuple[range, range]
"""The chunks got and the chunks expected in one place, where they differ."""


class ChunkList(list[bytes]):
    """The chunks of a capture: a list like any other, by which the pytest plugin knows to explain."""


def diff_chunks(got: Sequence[bytes], expected: Sequence[bytes]) -> list[str]:
    """Give the lines that explain how two lists differ; none when they are equal."""
    if list(got) == list(expected):
        return []
    blocks = _differences(got, expected)
    rows = _rows(got, expected, blocks)
    return [
        _verdict(got, expected, blocks),
        f"  got {render_count(len(got), 'chunk')} (+), expected {render_count(len(expected), 'chunk')} (-)",
        *islice(rows, _ROWS),
        *("    … more differences" for _ in islice(rows, 1)),
    ]


def _differences(got: Sequence[bytes], expected: Sequence[bytes]) -> list[_Block]:
    """Where the lists differ, once their equal beginnings and ends are set aside."""
    start = _common(got, expected)
    end = _common(got[start:][::-1], expected[start:][::-1])
    ours, theirs = range(start, len(got) - end), range(start, len(expected) - end)
    if max(len(ours), len(theirs)) <= _ALIGNED:
        return list(_aligned(got, expected, ours, theirs))
    if len(ours) == len(theirs):
        return [(one, one) for one in _singles(ours) if got[one.start] != expected[one.start]]
    return [(ours, theirs)]


def _aligned(got: Sequence[bytes], expected: Sequence[bytes], ours: range, theirs: range) -> Iterator[_Block]:
    pieces = [expected[index] for index in theirs], [got[index] for index in ours]
    for kind, before, after, start, end in SequenceMatcher(None, *pieces, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if after - before == end - start:
            yield from zip(_singles(ours[start:end]), _singles(theirs[before:after]), strict=True)
        else:
            yield ours[start:end], theirs[before:after]


def _singles(chunks: range) -> Iterator[range]:
    return (range(index, index + 1) for index in chunks)


def _verdict(got: Sequence[bytes], expected: Sequence[bytes], blocks: list[_Block]) -> str:
    if b"".join(got) == b"".join(expected):
        same = list(filter(None, got)) == list(filter(None, expected))
        return "same bytes, empty chunks differ" if same else "same bytes, chunk boundaries moved"
    ours, theirs = blocks[0]
    if ours and theirs:
        return f"chunk {ours[0]} differs{_first_byte(got[ours[0]], expected[theirs[0]])}"
    if theirs:
        return f"{_named(theirs)} missing"
    return f"{_named(ours)} not expected"


def _first_byte(got: bytes, expected: bytes) -> str:
    at = _common_bytes(got, expected)
    if at == len(got):
        return f" at byte {at}, where it ends"
    if at == len(expected):
        return f" at byte {at}, where the expected one ends"
    return f" at byte {at}"


def _named(chunks: range) -> str:
    return f"chunk {chunks[0]} is" if len(chunks) == 1 else f"chunks {chunks[0]} to {chunks[-1]} are"


def _rows(got: Sequence[bytes], expected: Sequence[bytes], blocks: list[_Block]) -> Iterator[str]:
    width = len(str(max(len(got), len(expected)) - 1))
    seen = 0
    for number, (ours, theirs) in enumerate(blocks):
        yield from _equal_rows(got, range(seen, ours.start), width, after=_CONTEXT if number else 0)
        at = _common_bytes(got[ours[0]], expected[theirs[0]]) if len(ours) == len(theirs) == 1 else 0
        yield from _block_rows("-", expected, theirs, width, at)
        yield from _block_rows("+", got, ours, width, at)
        seen = ours.stop
    yield from _equal_rows(got, range(seen, len(got)), width, before=0)


def _equal_rows(
    got: Sequence[bytes], equal: range, width: int, *, after: int = _CONTEXT, before: int = _CONTEXT
) -> Iterator[str]:
    """Only those next to a difference; a lone one between them is not worth leaving out."""
    left_out = len(equal) - after - before
    if left_out <= 1:
        after, left_out = len(equal), 0
    yield from (_row(" ", index, got[index], width) for index in equal[:after])
    if left_out:
        yield f"    … {left_out} equal chunks"
        yield from (_row(" ", index, got[index], width) for index in equal[len(equal) - before :])


def _block_rows(sign: str, chunks: Sequence[bytes], block: range, width: int, at: int) -> Iterator[str]:
    yield from (_row(sign, index, chunks[index], width, at) for index in block[:_BLOCK])
    if len(block) > _BLOCK:
        yield f"  {sign} … {len(block) - _BLOCK} more"


def _row(sign: str, index: int, chunk: bytes, width: int, at: int = 0) -> str:
    return f"  {sign} {index:>{width}}  {render_chunk(chunk, around=at)}"


def _common(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """How many items at the beginning are equal."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _common_bytes(one: bytes, other: bytes) -> int:
    """How many bytes at the beginning are equal, by halves: a chunk may be a megabyte."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low
