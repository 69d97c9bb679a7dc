"""W5: the name of a file in a header."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming.errors import FrameInjection, InvalidResponse
from apptheory_streaming.wire.content_disposition import content_disposition


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("orders.csv", 'attachment; filename="orders.csv"'),
        ("my orders.csv", 'attachment; filename="my orders.csv"'),
        ("Aufträge €.csv", "attachment; filename=\"Auftr_ge _.csv\"; filename*=UTF-8''Auftr%C3%A4ge%20%E2%82%AC.csv"),
        ('a "b".csv', "attachment; filename=\"a _b_.csv\"; filename*=UTF-8''a%20%22b%22.csv"),
        ("100%25.csv", "attachment; filename=\"100%25.csv\"; filename*=UTF-8''100%2525.csv"),
        ("what?.csv", "attachment; filename=\"what_.csv\"; filename*=UTF-8''what%3F.csv"),
        ("a;b=c.csv", 'attachment; filename="a;b=c.csv"'),
    ],
)
def test_w5_a_name_is_quoted(name: str, value: str) -> None:
    """W5: beyond ASCII it is there a second time."""
    assert content_disposition(name) == value
    assert content_disposition(name, inline=True) == value.replace("attachment", "inline", 1)


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x1f", "\x7f"], ids=repr)
def test_w5_control_characters_are_refused(character: str) -> None:
    """W5, R5: FrameInjection names the character and its place."""
    with pytest.raises(FrameInjection, match=re.escape(f"{character!r} (position 2)")):
        content_disposition(f"ab{character}c")


@pytest.mark.parametrize("name", ["", "../a", "/etc/passwd", "a\\b", None, 5, b"a"], ids=repr)
def test_w5_a_name_is_no_path(name: object) -> None:
    """W5: a client saves under it."""
    with pytest.raises(InvalidResponse, match="a file name is text without"):
        content_disposition(name)  # type: ignore[arg-type]


@given(st.text(min_size=1))
def test_w5_no_name_breaks_out_of_its_header(name: str) -> None:
    """W5: the header is one line of ASCII, and gives the name back."""
    try:
        value = content_disposition(name)
    except InvalidResponse:
        return
    found = re.fullmatch(
        r"attachment; filename=\"([ -!#-\[\]-~]+)\"(?:; filename\*=UTF-8''([\w.%~-]+))?", value, re.ASCII
    )
    assert found is not None
    assert (unquote(found[2]) if found[2] else found[1]) == name.encode("utf-8", "replace").decode()
