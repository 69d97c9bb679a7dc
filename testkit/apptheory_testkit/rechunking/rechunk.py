"""Other ways to cut a body into chunks, for people who test a parser of streams."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, TypeVar, overload

from apptheory_streaming.errors import UsageError
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.rechunking.parsing import Parse, parse_chunks
from apptheory_testkit.rendering.chunks import render_chunk, render_count

__all__ = ["EXHAUSTIVE_BYTES", "assert_rechunk_invariant", "at_utf8", "every_byte", "everywhere", "rechunk"]

EXHAUSTIVE_BYTES = 4096
"""Up to this size every single cut is tried; a longer body is cut at seeded places."""

_SEEDS = 64  # ways to cut a long body, besides those that hypothesis thinks of
_EXAMPLES = 100
_MOST_CUTS = 8  # of one example: a parser that fails, fails with few
_SHRINKS = 400  # runs of the parser that may go into a smaller failure
_SHOWN_CUTS = 3
_SHOWN_RESULT = 400
_AROUND = 24

Cut = TypeVar("Cut")


def everywhere(body: bytes) -> Iterator[list[bytes]]:
    """Give each way to cut the body in two, from the front."""
    for at in range(1, len(body)):
        yield [body[:at], body[at:]]


def every_byte(body: bytes) -> list[bytes]:
    """Cut between any two bytes."""
    return [body[at : at + 1] for at in range(len(body))]


def at_utf8(body: bytes) -> list[bytes]:
    """Cut inside every character that has more than one byte in UTF-8, before each of its later bytes."""
    return _pieces(body, [at for at in range(1, len(body)) if body[at] & 0xC0 == 0x80])


@overload
def rechunk(body: bytes, way: Callable[[bytes], Cut]) -> Cut:  # noqa: D418 - each public definition says what it is
    """Cut a body in a named way."""


@overload
def rechunk(body: bytes, *, seed: int) -> list[bytes]:  # noqa: D418
    """Cut a body at places that follow from a seed."""


def rechunk(body: bytes, way: Callable[[bytes], Any] | None = None, *, seed: int | None = None) -> Any:
    """Cut a body: `everywhere`, `every_byte`, `at_utf8`, or at places that follow from a seed.

    `everywhere` gives an iterator of lists of chunks, one for each single cut; the others give one
    list.  Joined, the chunks are the body again.  Raises UsageError for anything else.
    """
    if (way is None) == (seed is None) or not (way is None or callable(way)):
        raise UsageError("rechunk takes one of a way (everywhere, every_byte, at_utf8) and seed=…")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise UsageError(f"seed takes a whole number, not {seed!r}")
    body = _bytes(body)
    return _pieces(body, _seeded(body, seed)) if way is None else way(body)


def assert_rechunk_invariant(parse: Parse, body: StreamCapture | bytes) -> None:
    """Fail when a parser makes something else of the body as soon as it is cut elsewhere.

    `parse` takes an iterable of chunks and gives anything that compares; an iterator is read to
    its end.  It may be async, and then reads them by `async for`.  Up to `EXHAUSTIVE_BYTES` every
    single cut is tried, beyond that seeded ones, and by hypothesis if it is installed; always byte
    by byte, inside characters, and as captured.  What the parser raises for the whole body comes
    out; raises UsageError for what is no parser or no body.
    """
    __tracebackhide__ = True  # the test's own line is the one that matters
    if not callable(parse):
        raise UsageError(f"assert_rechunk_invariant takes a parser, called with chunks, not {parse!r}")
    whole = body.body if isinstance(body, StreamCapture) else _bytes(body)
    expected = parse_chunks(parse, [whole])
    captured = body.chunks if isinstance(body, StreamCapture) else [whole]
    cuts = _find(parse, whole, captured, expected)
    if cuts is not None:
        cuts = _smallest(parse, whole, cuts, expected)
        raise AssertionError(_message(whole, cuts, expected, _try(parse, _pieces(whole, cuts))))


def _find(parse: Parse, body: bytes, captured: list[bytes], expected: object) -> list[int] | None:
    """Find cuts that change the result, those with few of them first."""
    ways = everywhere(body) if len(body) <= EXHAUSTIVE_BYTES else _seeded_ways(body)
    for chunks in ways:
        if _differs(parse, chunks, expected):
            return _cuts(chunks)
    if len(body) > EXHAUSTIVE_BYTES and find_spec("hypothesis") is not None:
        found = _find_by_hypothesis(parse, body, expected)
        if found is not None:
            return found
    for chunks in (captured, at_utf8(body), every_byte(body)):
        if _differs(parse, chunks, expected):
            return _cuts(chunks)
    return None


def _find_by_hypothesis(parse: Parse, body: bytes, expected: object) -> list[int] | None:
    """Let hypothesis look for cuts; the same ones each time, whatever the clock of the test does."""
    import hypothesis  # noqa: PLC0415  # optional, and slow to import
    from hypothesis import strategies  # noqa: PLC0415

    places = strategies.sets(strategies.integers(1, len(body) - 1), min_size=1, max_size=_MOST_CUTS)
    found: list[list[int]] = []

    def look(cuts: set[int]) -> None:
        if _differs(parse, _pieces(body, sorted(cuts)), expected):
            found.append(sorted(cuts))
            raise AssertionError

    settings = hypothesis.settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        verbosity=hypothesis.Verbosity.quiet,
        suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
        phases=[hypothesis.Phase.generate],  # the smallest is found below, as for the other ways
    )
    try:
        settings(hypothesis.given(places)(look))()
    except AssertionError:
        if not found:
            raise
    return found[0] if found else None


def _seeded_ways(body: bytes) -> Iterator[list[bytes]]:
    return (_pieces(body, _seeded(body, seed)) for seed in range(_SEEDS))


def _seeded(body: bytes, seed: int | None) -> list[int]:
    """Choose places: sometimes few, sometimes many."""
    chosen = random.Random(seed)  # noqa: S311  # repeatable, and no secret
    places = range(1, len(body))
    return sorted(chosen.sample(places, min(len(places), chosen.randint(1, max(1, len(places) // 16)))))


def _pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *cuts, len(body)]
    return [body[start:end] for start, end in pairwise(edges)] if body else []


def _cuts(chunks: list[bytes]) -> list[int]:
    """The places where chunks were cut; an empty one gives the same place twice."""
    places, at = [], 0
    for chunk in chunks[:-1]:
        at += len(chunk)
        places.append(at)
    return places


def _smallest(parse: Parse, body: bytes, cuts: list[int], expected: object) -> list[int]:
    """Leave out cuts, half of them first, as long as the result is still another one."""
    tries, size = 0, len(cuts) // 2
    while size and tries < _SHRINKS:
        at = 0
        while at < len(cuts) and tries < _SHRINKS:
            fewer = cuts[:at] + cuts[at + size :]
            tries += 1
            if fewer and _differs(parse, _pieces(body, fewer), expected):
                cuts = fewer
            else:
                at += size
        size = min(size // 2, len(cuts))
    return cuts


class _Raised:
    """What stands for the result of a parser that raised."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __repr__(self) -> str:
        return f"raised {type(self._error).__name__}: {self._error}"


def _try(parse: Parse, chunks: list[bytes]) -> object:
    try:
        return parse_chunks(parse, chunks)
    except Exception as error:  # noqa: BLE001  # it parses the whole body, so any error is a difference
        return _Raised(error)


def _differs(parse: Parse, chunks: list[bytes], expected: object) -> bool:
    return bool(_try(parse, chunks) != expected)


def _message(body: bytes, cuts: list[int], expected: object, got: object) -> str:
    times = Counter(cuts)
    places = [f"  {_cut(at, times[at], len(body))}: {_place(body, at)}\n" for at in sorted(times)[:_SHOWN_CUTS]]
    if len(times) > _SHOWN_CUTS:
        places.append(f"  … and {render_count(len(times) - _SHOWN_CUTS, 'more cut')}\n")
    return (
        "the parser depends on where the body is cut:\n" + "".join(places) + f"  whole: {_shown(expected)}\n"
        f"  cut:   {_shown(got)}\n"
        "Chunks end anywhere: keep what is not complete yet, and go on with it at the next chunk."
    )


def _cut(at: int, times: int, size: int) -> str:
    """A place with several cuts has empty chunks between them, and so has each end with one."""
    empty = times - (0 < at < size)
    return f"cut at byte {at} of {size}" + (f", with {render_count(empty, 'empty chunk')}" if empty else "")


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise UsageError(f"a body is bytes or a capture, not {type(body).__name__}")


def _place(body: bytes, at: int) -> str:
    before, after = body[max(0, at - _AROUND) : at], body[at : at + _AROUND]
    return f"{render_chunk(before)} | {render_chunk(after)}"


def _shown(result: object) -> str:
    text = repr(result)
    return text if len(text) <= _SHOWN_RESULT else f"{text[:_SHOWN_RESULT]}… ({len(text)} characters)"
