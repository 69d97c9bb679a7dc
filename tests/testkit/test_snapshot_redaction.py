"""Redaction works on the whole body and is cut back to its chunks."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming.errors import UsageError
from apptheory_testkit.snapshots.redaction import Redaction


@pytest.mark.parametrize(
    ("chunks", "redacted"),
    [
        ([b"a 12 b"], [b"a <n> b"]),
        ([b"a 1", b"2 b"], [b"a <n>", b" b"]),
        ([b"a 1", b"", b"2", b"3 b"], [b"a <n>", b"", b"", b" b"]),
        ([b"a ", b"12", b" b"], [b"a ", b"<n>", b" b"]),
        ([b"1", b"2 3", b"4 5"], [b"<n>", b" <n>", b" <n>"]),
        ("é 1€2".encode().partition(b"\x82"), ["é <n>".encode() + b"\xe2", b"\x82", b"\xac<n>"]),
        ([b"\xff1", b"2\xfe3"], [b"\xff<n>", b"\xfe<n>"]),
        ([], []),
    ],
)
def test_a_match_goes_to_the_chunk_that_it_begins_in(chunks: list[bytes], redacted: list[bytes]) -> None:
    assert Redaction({"<n>": r"\d+"}).chunks(chunks) == redacted


@pytest.mark.parametrize("expression", [r"[0-9a-f]{4}(-[0-9a-f]{2}){3}", r"(\w+)-(\w\w)-(?P<end>[\w-]+)"])
def test_groups_do_not_count(expression: str) -> None:
    """A group that repeats holds its last repeat only: the rest of the id would be left."""
    assert Redaction({"<id>": expression}).text("id 12ab-aa-bb-cc.") == "id <id>."


def test_a_group_named_redact_is_what_is_replaced() -> None:
    """So that what stands around an id can say which it is."""
    rule = Redaction({"<id>": r'("id"):"(?P<redact>[^"]+)"'})

    assert rule.chunks([b'{"id":"a', b'b","to":"ab"}']) == [b'{"id":"<id>', b'","to":"ab"}']
    assert rule.text('"id":"7"') == '"id":"<id>"'


def test_rules_hold_one_after_the_other() -> None:
    """A compiled expression with flags is one too."""
    rule = Redaction({"<x>": re.compile("X+", re.IGNORECASE), "<all>": "a<x>b"})

    assert rule.chunks([b"ax", b"Xb"]) == [b"<all>", b""]


MAPS = r"redact maps what is to stand there to a regular expression, such as {'<id>': r'id-\d+'}"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (["a"], f"{MAPS}, not ['a']"),
        ([], f"{MAPS}, not []"),
        (5, f"{MAPS}, not 5"),
        ("a", f"{MAPS}, not 'a'"),
        ({5: "x"}, f"{MAPS}; 5 is no text that can stand there"),
        ({"a": 5}, f"{MAPS}; 5 is no expression for text"),
        ({"a": re.compile(b"x")}, f"{MAPS}; re.compile(b'x') is no expression for text"),
        (
            {"a": "("},
            "redact: '(' is no regular expression: missing ), unterminated subpattern at position 0",
        ),
    ],
    ids=str,
)
def test_what_is_no_redaction_is_refused(rules: Any, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        Redaction(rules)

    assert str(raised.value) == message


def test_an_empty_match_replaces_nothing() -> None:
    """Which there may be at every place."""
    assert Redaction({"<n>": r"\d*"}).chunks([b"a1", b"b"]) == [b"a<n>", b"b"]


chunk_lists = st.lists(st.text("a1é\n", max_size=6).map(str.encode) | st.binary(max_size=3), max_size=5)


@given(chunk_lists)
def test_the_body_is_redacted_as_a_whole(chunks: list[bytes]) -> None:
    """However it is cut; and there are as many chunks as before."""
    rule = Redaction({"<number>": r"1+", "é": "a"})
    redacted = rule.chunks(chunks)

    assert b"".join(redacted) == rule.chunks([b"".join(chunks)])[0]
    assert len(redacted) == len(chunks)


@given(chunk_lists)
def test_without_a_match_the_chunks_are_as_they_were(chunks: list[bytes]) -> None:
    assert Redaction({"<n>": "nothing like it"}).chunks(chunks) == chunks
