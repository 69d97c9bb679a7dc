"""The explanation of two lists of chunks: first what kind of difference it is, then where."""

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_testkit.rendering.chunk_diff import ChunkList, diff_chunks


class Counted(bytes):
    """A chunk that counts how often chunks are compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return bytes.__eq__(self, other)

    __hash__ = bytes.__hash__


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def numbers(count: int, *, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


def test_a_page_with_one_wrong_chunk() -> None:
    """The whole explanation, as a reader sees it."""
    got = [b"<html>", b"<h1>", "Grüße".encode(), b"</h1>", b"<p>", b"\x89PNG\x00", b"</p>", b"</html>"]
    expected = [b"<html>", b"<h1>", "Grüsse".encode(), b"</h1>", b"<p>", b"\x89PNG\x01", b"</html>", b"\n"]

    assert text(diff_chunks(got, expected)) == dedent(
        r"""
        chunk 2 differs at byte 4
          got 8 chunks (+), expected 8 chunks (-)
            0  '<html>'
            1  '<h1>'
          - 2  'Grüsse'
          + 2  'Grüße'
            3  '</h1>'
            4  '<p>'
          - 5  hex 89 50 4e 47 01
          + 5  hex 89 50 4e 47 00
          + 6  '</p>'
            7  '</html>'
          - 7  '\n'
        """
    ).removeprefix("\n")


def test_equal_lists_need_no_explanation() -> None:
    assert diff_chunks([b"a", b""], [b"a", b""]) == []


@pytest.mark.parametrize(
    ("got", "expected", "verdict"),
    [
        ([b"ab", b"c"], [b"a", b"bc"], "same bytes, chunk boundaries moved"),
        ([b"abc"], [b"a", b"b", b"c"], "same bytes, chunk boundaries moved"),
        ([b"a", b"", b"b"], [b"a", b"b"], "same bytes, empty chunks differ"),
        ([], [b""], "same bytes, empty chunks differ"),
        ([b"a", b"bcd"], [b"a", b"bxd"], "chunk 1 differs at byte 1"),
        (["Grüße".encode()], ["Grüsse".encode()], "chunk 0 differs at byte 4"),
        ([b"a", b"bc"], [b"a", b"bcd"], "chunk 1 differs at byte 2, where it ends"),
        ([b"a", b"bcd"], [b"a", b"b"], "chunk 1 differs at byte 1, where the expected one ends"),
        ([b"a", b"b"], [b"a", b"b", b"c"], "chunk 2 is missing"),
        ([b"b", b"c"], [b"a", b"b", b"c"], "chunk 0 is missing"),
        ([b"a"], [b"a", b"b", b"c"], "chunks 1 to 2 are missing"),
        ([], [b"a"], "chunk 0 is missing"),
        ([b"a", b"x", b"b"], [b"a", b"b"], "chunk 1 is not expected"),
        ([b"a", b"a", b"a"], [b"a"], "chunks 1 to 2 are not expected"),
        ([b"x", *numbers(5000)], numbers(5000), "chunk 0 is not expected"),
    ],
)
def test_the_first_line_names_the_first_difference(got: list[bytes], expected: list[bytes], verdict: str) -> None:
    assert diff_chunks(got, expected)[0] == verdict


def test_equal_chunks_far_from_a_difference_are_counted_and_left_out() -> None:
    got = numbers(50)
    expected = [*got[:20], b"no", *got[21:24], b"no", *got[25:]]

    assert text(diff_chunks(got, expected)[2:]) == (
        "    … 18 equal chunks\n"
        "    18  '18'\n"
        "    19  '19'\n"
        "  - 20  'no'\n"
        "  + 20  '20'\n"
        "    21  '21'\n"
        "    22  '22'\n"
        "    23  '23'\n"
        "  - 24  'no'\n"
        "  + 24  '24'\n"
        "    25  '25'\n"
        "    26  '26'\n"
        "    … 23 equal chunks\n"
    )


def test_numbers_are_those_of_the_list_the_chunk_is_in() -> None:
    """After a chunk too many the two count differently."""
    rows = diff_chunks([b"new", b"a", b"b", b"x"], [b"a", b"b", b"y"])[2:]

    assert rows == ["  + 0  'new'", "    1  'a'", "    2  'b'", "  - 2  'y'", "  + 3  'x'"]


def test_two_long_chunks_are_shown_where_they_differ() -> None:
    """Their beginnings are the same, and would say nothing."""
    minus, plus = diff_chunks([b"a" * 5000 + b"got" + b"z" * 99], [b"a" * 5000 + b"want" + b"z" * 99])[2:]

    assert minus == f"  - 0  … 4976 bytes … '{'a' * 24}want{'z' * 68}' … 31 more bytes"
    assert plus == f"  + 0  … 4976 bytes … '{'a' * 24}got{'z' * 69}' … 30 more bytes"


def test_a_block_of_many_chunks_is_shortened() -> None:
    rows = diff_chunks([b"same"], [b"same", *numbers(100)])[2:]

    assert rows[0] == "      0  'same'"
    assert rows[1:9] == [f"  -   {number + 1}  '{number}'" for number in range(8)]
    assert rows[9:] == ["  - … 92 more"]


def test_the_whole_explanation_is_bounded() -> None:
    lines = diff_chunks(numbers(1000), numbers(1000, start=5000))

    assert len(lines) == 63
    assert lines[-1] == "    … more differences"


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        pytest.param([b"a", b"b"] * 5000, [b"b", b"a"] * 5000, id="two alternating"),
        pytest.param([b"a", b"b"] * 5000, [b"b", b"a"] * 4000, id="two alternating, fewer expected"),
        pytest.param([b"a"] * 10_000, [b"a"] * 9000, id="all the same, fewer expected"),
        pytest.param(numbers(10_000), numbers(10_000, start=1), id="one too few at the start"),
        pytest.param(numbers(10_000), numbers(10_000, start=10_000), id="nothing in common"),
        pytest.param(numbers(10_000), [b"%d" % (number // 2) for number in range(10_000)], id="each twice"),
    ],
)
def test_ten_thousand_chunks_take_no_quadratic_work(got: list[bytes], expected: list[bytes]) -> None:
    """A chunk is compared a few times, not once with every other."""
    Counted.comparisons = 0
    lines = diff_chunks([Counted(chunk) for chunk in got], [Counted(chunk) for chunk in expected])

    assert lines
    assert Counted.comparisons < 10 * (len(got) + len(expected))


def test_chunks_of_a_megabyte_are_compared_by_halves() -> None:
    """A byte-by-byte loop over this would be felt."""
    long = bytes(1_000_000)

    assert diff_chunks([long + b"a"], [long + b"b"])[0] == "chunk 0 differs at byte 1000000"


chunks = st.lists(st.binary(max_size=3), max_size=12)


@settings(deadline=None)
@given(chunks, chunks)
def test_the_rows_account_for_every_difference(got: list[bytes], expected: list[bytes]) -> None:
    """Taking the - rows for the expected list and the + rows for the one got, the rest is equal."""
    lines = diff_chunks(got, expected)
    minus = {int(line.split()[1]) for line in lines[2:] if line.startswith("  - ") and "…" not in line}
    plus = {int(line.split()[1]) for line in lines[2:] if line.startswith("  + ") and "…" not in line}
    shortened = any("more" in line for line in lines)

    assert (lines == []) == (got == expected)
    assert shortened or (
        [chunk for index, chunk in enumerate(got) if index not in plus]
        == [chunk for index, chunk in enumerate(expected) if index not in minus]
    )


def test_a_list_of_chunks_is_a_list_like_any_other() -> None:
    """Users compare, slice and join it without knowing its type."""
    chunks_of_a_capture = ChunkList([b"a", b"b"])

    assert chunks_of_a_capture == [b"a", b"b"]
    assert type(chunks_of_a_capture[:1]) is list
    assert b"".join(chunks_of_a_capture) == b"ab"
