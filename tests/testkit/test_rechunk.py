"""Other ways to cut a body, and the assertion that a parser does not mind."""

import asyncio
import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from itertools import takewhile
from typing import Any

import pytest

from apptheory_streaming.errors import UsageError
from apptheory_testkit import (
    StreamCapture,
    assert_rechunk_invariant,
    at_utf8,
    every_byte,
    everywhere,
    rechunk,
    stream_client,
)

LONG = b"line\n" * 2000


def lines(chunks: Iterable[bytes]) -> list[bytes]:
    return b"".join(chunks).split(b"\n")


def lines_of_each_chunk(chunks: Iterable[bytes]) -> list[bytes]:
    return [line for chunk in chunks for line in chunk.splitlines()]


def test_everywhere_is_every_single_cut() -> None:
    assert list(rechunk(b"abc", everywhere)) == [[b"a", b"bc"], [b"ab", b"c"]]
    assert list(rechunk(b"", everywhere)) == []


def test_every_byte_and_inside_characters() -> None:
    assert rechunk(b"abc", every_byte) == [b"a", b"b", b"c"]
    assert rechunk("aéb".encode(), at_utf8) == [b"a\xc3", b"\xa9b"]


def test_a_seed_gives_the_same_cuts_again() -> None:
    assert rechunk(LONG, seed=1) == rechunk(LONG, seed=1) != rechunk(LONG, seed=2)
    assert b"".join(rechunk(LONG, seed=1)) == LONG


@pytest.mark.parametrize("body", [b"", b"a", b"a\nb", LONG], ids=["empty", "one", "short", "long"])
def test_a_parser_that_does_not_mind_passes(body: bytes) -> None:
    assert_rechunk_invariant(lines, body)


def test_the_failure_names_the_smallest_cut_where_it_is_and_both_results() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_rechunk_invariant(lines_of_each_chunk, b"ab\ncd")

    assert str(raised.value) == (
        "the parser depends on where the body is cut:\n"
        "  cut at byte 1 of 5: 'a' | 'b\\ncd'\n"
        "  whole: [b'ab', b'cd']\n"
        "  cut:   [b'a', b'b', b'cd']\n"
        "Chunks end anywhere: keep what is not complete yet, and go on with it at the next chunk."
    )


def test_the_failure_of_a_long_body_has_one_cut() -> None:
    """Cuts that are not needed for the failure are left out of it."""
    with pytest.raises(AssertionError) as raised:
        assert_rechunk_invariant(lines_of_each_chunk, LONG)

    assert str(raised.value).count("cut at byte") == 1


def test_a_parser_that_raises_at_a_cut_fails() -> None:
    with pytest.raises(AssertionError, match="cut:   raised UnicodeDecodeError"):
        assert_rechunk_invariant(lambda chunks: "".join(chunk.decode() for chunk in chunks), "é".encode())


def capture_of(*chunks: bytes) -> StreamCapture:
    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return stream_client(handler).sync.get()


def last_two(chunks: Iterable[bytes]) -> bytes:
    """Remember one chunk before this one, which is enough as long as there are two."""
    return b"".join(list(chunks)[-2:])


def until_empty(chunks: Iterable[bytes]) -> bytes:
    """Take an empty chunk for the end."""
    return b"".join(takewhile(bool, chunks))


def message(parse: Callable[..., object], body: StreamCapture | bytes) -> str:
    with pytest.raises(AssertionError) as raised:
        assert_rechunk_invariant(parse, body)
    return str(raised.value)


def test_a_capture_is_parsed_as_it_was_cut_too() -> None:
    """R3 and W6: no single cut makes an empty chunk, but this handler did."""
    assert_rechunk_invariant(until_empty, b"onetwo")
    assert_rechunk_invariant(until_empty, capture_of(b"one", b"two"))

    assert message(until_empty, capture_of(b"one", b"", b"two")).startswith(
        "the parser depends on where the body is cut:\n"
        "  cut at byte 3 of 6, with 1 empty chunk: 'one' | 'two'\n"
        "  whole: b'onetwo'\n"
        "  cut:   b'one'\n"
    )


@pytest.mark.parametrize(
    ("chunks", "place"),
    [
        ((b"", b"one"), "cut at byte 0 of 3, with 1 empty chunk: '' | 'one'"),
        ((b"on", b"", b"", b"e"), "cut at byte 2 of 3, with 1 empty chunk: 'on' | 'e'"),
    ],
    ids=["first", "two of them"],
)
def test_an_empty_chunk_is_named_where_it_stands(chunks: tuple[bytes, ...], place: str) -> None:
    """R3: and one is enough for the failure."""
    assert f"  {place}\n" in message(until_empty, capture_of(*chunks))


def test_a_failure_that_needs_two_cuts_has_two() -> None:
    """W6: no single cut shows it, so it is found byte by byte, and all other cuts are left out."""
    text = message(last_two, b"a long line")

    assert text.count("cut at byte") == 2
    assert "more cut" not in text


def test_many_cuts_are_counted() -> None:
    def few(chunks: Iterable[bytes]) -> bool:
        return len(list(chunks)) < 7

    assert "\n  … and 3 more cuts\n" in message(few, b"0123456789")


@pytest.mark.parametrize("installed", [True, False], ids=["with hypothesis", "without hypothesis"])
def test_hypothesis_is_not_needed(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long body is cut at seeded places at least, so a parser that minds any cut is found out."""
    if not installed:
        monkeypatch.setitem(sys.modules, "hypothesis", None)

    assert_rechunk_invariant(lines, LONG)
    assert message(lines_of_each_chunk, LONG).count("cut at byte") == 1


async def numbers(chunks: AsyncIterable[bytes]) -> list[int]:
    return [int(line) for line in b"".join([chunk async for chunk in chunks]).split()]


async def numbers_of_each_chunk(chunks: AsyncIterable[bytes]) -> AsyncIterator[int]:
    async for chunk in chunks:
        await asyncio.sleep(0)  # lets others run, and waits for nothing
        for line in chunk.split():
            yield int(line)


def test_a_parser_may_be_async() -> None:
    """As a coroutine function or an async generator, in a test that is not async."""
    assert_rechunk_invariant(numbers, b"1\n22\n")

    assert "  whole: [1, 22]\n  cut:   [1, 2, 2]\n" in message(numbers_of_each_chunk, b"1\n22\n")


async def test_an_async_parser_runs_inside_a_loop_as_well() -> None:
    assert_rechunk_invariant(numbers, b"1\n22\n")
    assert "  cut:   [1, 2, 2]\n" in message(numbers_of_each_chunk, b"1\n22\n")


async def test_an_async_parser_that_waits_for_something_else_is_refused() -> None:
    async def waits(chunks: AsyncIterable[bytes]) -> None:
        await asyncio.sleep(1)

    async def for_ever(chunks: AsyncIterable[bytes]) -> None:
        while True:  # noqa: ASYNC110 - it waits for nothing, which is the point
            await asyncio.sleep(0)

    for parse in (waits, for_ever):
        with pytest.raises(UsageError, match="parse waits for something besides its chunks, which are all there"):
            assert_rechunk_invariant(parse, b"12")


def test_it_is_said_too_where_no_loop_runs() -> None:
    async def waits(chunks: AsyncIterable[bytes]) -> None:
        await asyncio.sleep(1)

    with pytest.raises(UsageError, match="parse waits for something besides its chunks, which are all there"):
        assert_rechunk_invariant(waits, b"12")


def test_another_error_of_an_async_parser_comes_out() -> None:
    async def fails(chunks: AsyncIterable[bytes]) -> None:
        raise RuntimeError("of the parser")

    with pytest.raises(RuntimeError, match="of the parser"):
        assert_rechunk_invariant(fails, b"12")


@pytest.mark.parametrize("seed", [1.5, True, "1"], ids=repr)
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(UsageError, match=f"seed takes a whole number, not {seed!r}"):
        rechunk(b"abc", seed=seed)


async def test_a_future_is_no_parsed_body() -> None:
    def parse(chunks: Iterable[bytes]) -> object:
        return asyncio.get_running_loop().create_future()

    with pytest.raises(UsageError, match="parse gave a Future, which needs a loop"):
        assert_rechunk_invariant(parse, b"12")


def test_what_a_parser_raises_for_the_whole_body_comes_out() -> None:
    """That is no matter of cuts."""
    with pytest.raises(ValueError, match="invalid literal"):
        assert_rechunk_invariant(lambda chunks: int(b"".join(chunks)), b"no number")


@pytest.mark.parametrize("body", ["text", ["a", "b"], None], ids=repr)
def test_what_is_no_body_is_refused(body: Any) -> None:
    with pytest.raises(UsageError, match=f"a body is bytes or a capture, not {type(body).__name__}"):
        assert_rechunk_invariant(lines, body)
    with pytest.raises(UsageError, match="a body is bytes or a capture, not"):
        rechunk(body, everywhere)


def test_what_is_no_parser_and_no_way_is_refused() -> None:
    with pytest.raises(UsageError, match="takes a parser, called with chunks, not 'lines'"):
        assert_rechunk_invariant("lines", b"a")  # type: ignore[arg-type]
    for way, seed in (("everywhere", None), (None, None), (everywhere, 1)):
        with pytest.raises(UsageError, match="rechunk takes one of a way"):
            rechunk(b"a", way, seed=seed)  # type: ignore[call-overload]
