"""Other ways to cut a body, and the assertion that a parser does not mind."""

from collections.abc import Iterable

import pytest

from apptheory_testkit.rechunk import assert_rechunk_invariant, at_utf8, every_byte, everywhere, rechunk

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
