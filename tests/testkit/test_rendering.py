"""How a chunk reads in a message: text as text, binary as hex, long ones shortened."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_testkit.rendering.chunks import LONGEST, is_binary, render_chunk, render_count, render_lines


@pytest.mark.parametrize(
    ("chunk", "line"),
    [
        (b"", "''"),
        (b"<h1>", "'<h1>'"),
        ("Grüße 👋".encode(), "'Grüße 👋'"),
        (b"data: hi\n\n", r"'data: hi\n\n'"),
        (b"a\tb\r\n", r"'a\tb\r\n'"),
        (b"it's", '"it\'s"'),
        (rb"back\slash", r"'back\\slash'"),
        (b"\x1b[1mbold", r"'\x1b[1mbold'"),
    ],
)
def test_text_reads_as_text(chunk: bytes, line: str) -> None:
    assert render_chunk(chunk) == line


@pytest.mark.parametrize(
    ("chunk", "line"),
    [
        (b"caf\xc3", r"'caf\xc3'"),
        (b"\xa9 au lait", r"'\xa9 au lait'"),
        (b"\x9f\x91", r"'\x9f\x91'"),
        (b"\x98\x80 and \xf0\x9f", r"'\x98\x80 and \xf0\x9f'"),
        (b"\\udca9 \xc3", r"'\\udca9 \xc3'"),
    ],
)
def test_a_character_that_is_cut_at_an_edge_reads_as_in_a_bytes_literal(chunk: bytes, line: str) -> None:
    assert render_chunk(chunk) == line


@pytest.mark.parametrize(
    ("chunk", "line"),
    [
        (b"\x00\x01", "hex 00 01"),
        (b"\x89PNG\r\n\x1a\n", "hex 89 50 4e 47 0d 0a 1a 0a"),
        (b"\xff", "hex ff"),
        (b"a\xc3b", "hex 61 c3 62"),
        (b"\x80\x80\x80\x80", "hex 80 80 80 80"),
        (b"del\x7f", "hex 64 65 6c 7f"),
    ],
)
def test_binary_reads_as_hex(chunk: bytes, line: str) -> None:
    assert render_chunk(chunk) == line


def test_a_long_text_is_shortened_and_says_how_much_is_missing() -> None:
    assert render_chunk(b"x" * LONGEST) == f"'{'x' * LONGEST}'"
    assert render_chunk(b"x" * (LONGEST + 7)) == f"'{'x' * LONGEST}' … 7 more bytes"


def test_a_long_binary_chunk_is_shortened_and_says_how_much_is_missing() -> None:
    assert render_chunk(b"\xff" * 40) == f"hex {' '.join(['ff'] * 32)} … 8 more bytes"


def test_the_part_about_a_byte_is_shown() -> None:
    """What stands around the difference is worth more than the beginning."""
    line = render_chunk(b"a" * 1000 + b"HERE" + b"b" * 1000, around=1000)

    assert line == f"… 976 bytes … '{'a' * 24}HERE{'b' * 68}' … 932 more bytes"


def test_the_part_about_the_last_byte_fills_the_line() -> None:
    assert render_chunk(b"a" * 199 + b"Z", around=199) == f"… 104 bytes … '{'a' * 95}Z'"


def test_shortening_never_cuts_a_character() -> None:
    """A cut one would look like a difference that is not there."""
    line = render_chunk("é".encode() * 200, around=201)

    assert r"\x" not in line
    assert "é" in line


@settings(deadline=None)
@given(st.text(), st.text())
def test_text_is_never_taken_for_binary_and_reads_back(before: str, after: str) -> None:
    """Short text without control characters comes back from its line, whatever quotes it holds."""
    text = "".join(character for character in f"{before}|{after}" if character.isprintable())[:20]

    assert not is_binary(text.encode())
    assert ast.literal_eval(render_chunk(text.encode())) == text


@settings(deadline=None)
@given(st.text(alphabet="aé€😀", min_size=1), st.data())
def test_a_piece_of_text_is_text_wherever_it_was_cut(text: str, data: st.DataObject) -> None:
    whole = text.encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))

    assert not is_binary(whole[start:end])


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(0, 500))
def test_a_line_is_one_line_and_short(chunk: bytes, around: int) -> None:
    """Whatever the chunk, and whichever byte is asked for."""
    line = render_chunk(chunk, around=around)

    assert len(line.splitlines()) == 1
    assert len(line) < 5 * LONGEST


def test_the_middle_of_a_long_list_of_lines_is_left_out() -> None:
    lines = [f"line {number}" for number in range(100)]

    assert render_lines(lines) == [*lines[:16], "… 76 more lines", *lines[-8:]]


def test_a_list_of_lines_that_would_not_become_shorter_stays_whole() -> None:
    lines = [f"line {number}" for number in range(25)]

    assert render_lines(iter(lines)) == lines


def test_a_number_stands_with_its_noun() -> None:
    assert [render_count(number, "chunk") for number in range(3)] == ["0 chunks", "1 chunk", "2 chunks"]
