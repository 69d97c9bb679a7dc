"""W5, W6: NDJSON as bytes, written and read: one list of cases, whole, byte by byte and at every cut."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.ndjson import encode_line
from apptheory_streaming.wire.ndjson_decoder import NdjsonDecoder
from ndjson_cases import NO_JSON, READ, REFUSED, SENT, decode, pieces_of

SHORT = 1000  # bytes of a stream that is cut everywhere
STREAMS = {**{name: stream for name, (stream, _) in READ.items()}, **{name: case[0] for name, case in REFUSED.items()}}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=10,
)


def outcome(pieces: list[bytes], max_line_bytes: int | None = None) -> tuple[list[Any], str, int]:
    """The same for each way to cut a stream."""
    values, error, line = decode(pieces, max_line_bytes)
    return values, str(error), line


def each_byte(stream: bytes) -> list[bytes]:
    """Every byte, with an empty piece behind it."""
    return [piece for at in range(len(stream)) for piece in (stream[at : at + 1], b"")]


# -- written ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("item", "line"), [case[:2] for case in SENT.values()], ids=SENT)
def test_w5_an_item_is_one_json_text_and_one_lf(item: object, line: bytes) -> None:
    """W5, D11, E10: compact, UTF-8, keys as given."""
    assert encode_line(item) == line
    assert line.count(b"\n") == 1


@pytest.mark.parametrize(("item", "why"), NO_JSON.values(), ids=NO_JSON)
def test_w5_what_has_no_json_form_is_refused(item: object, why: str) -> None:
    """W5, D11: InvalidResponse says what it is."""
    with pytest.raises(InvalidResponse, match=f"^an item has no JSON form: .*{why}"):
        encode_line(item)


def test_w5_an_item_that_contains_itself_is_refused() -> None:
    """W5: and one that nests deeper than the interpreter can go."""
    circle: list[object] = []
    circle.append(circle)
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]

    for item in (circle, deep):
        with pytest.raises(InvalidResponse, match="no JSON form"):
            encode_line(item)


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ({"a": 1}, b'{"a":1,"timestamp":1700000000}\n'),
        ({}, b'{"timestamp":1700000000}\n'),
        ({"timestamp": 5, "a": 1}, b'{"timestamp":5,"a":1}\n'),
        ({"timestamp": None}, b'{"timestamp":null}\n'),
    ],
    ids=["an object", "an empty one", "one with its own", "one with null"],
)
def test_e11_a_timestamp_is_added_to_an_object_that_has_none(item: dict[str, Any], line: bytes) -> None:
    """E11: whole seconds, last; the item stays as it is."""
    before = dict(item)

    assert encode_line(item, timestamp=1_700_000_000) == line
    assert item == before


@pytest.mark.parametrize("item", [1, "text", None, [1]], ids=repr)
def test_e11_what_is_no_object_has_no_place_for_a_timestamp(item: object) -> None:
    """E11: a list with a time in it would be another list."""
    with pytest.raises(InvalidResponse, match=f"only an object can have a timestamp.*{type(item).__name__}"):
        encode_line(item, timestamp=1)


# -- read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stream", "values"), READ.values(), ids=READ)
def test_w5_a_stream_is_read_line_by_line(stream: bytes, values: list[Any]) -> None:
    """W5, E12: LF, CRLF, blank lines, lines of any length."""
    got, error, _ = decode([stream])

    assert (got, error) == (values, None)


@pytest.mark.parametrize(("stream", "before", "message"), REFUSED.values(), ids=REFUSED)
def test_w5_a_bad_line_has_its_number_and_its_byte(stream: bytes, before: list[Any], message: str) -> None:
    """W5, E12, E13: the values before it are there, and nothing is read after it."""
    values, error, _ = decode([stream, b"\n7\n"])

    assert (values, str(error)) == (before, message)


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_w6_byte_by_byte_is_the_same(stream: bytes) -> None:
    """W6, E22: with an empty piece after each byte."""
    assert outcome(each_byte(stream[:SHORT])) == outcome([stream[:SHORT]])


@pytest.mark.parametrize("stream", [each for each in STREAMS.values() if len(each) < SHORT])
def test_w6_every_cut_is_the_same(stream: bytes) -> None:
    """W6, E22: in two pieces, cut at every byte."""
    whole = outcome([stream])

    for at in range(len(stream) + 1):
        assert outcome([stream[:at], stream[at:]]) == whole, f"cut at {at}"


@pytest.mark.parametrize(
    ("stream", "values", "message"),
    [
        (b"123\n1234\n12345\n1\n", [123, 1234], "line 3 is longer than max_line_bytes=4 (byte 13)"),
        (b"1234\r\n1\n", [1234, 1], "None"),
        (b"1234\r", [1234], "None"),
        (b"1234", [1234], "None"),
        (b"12345", [], "line 1 is longer than max_line_bytes=4 (byte 4)"),
        (b"1\n1234\r5\n", [1], "line 2 is longer than max_line_bytes=4 (byte 6)"),
        (b"     \n1\n", [], "line 1 is longer than max_line_bytes=4 (byte 4)"),
        (b"\n\n\n\n\n\n1\n", [1], "None"),
        (b"\xff\xff\xff\xff\xff\n", [], "line 1 is longer than max_line_bytes=4 (byte 4)"),
    ],
    ids=repr,
)
def test_w5_a_line_may_have_a_limit(stream: bytes, values: list[Any], message: str) -> None:
    """W5, W6: its end does not count, and any cut gives the same."""
    assert outcome([stream], 4)[:2] == (values, message)
    assert outcome(each_byte(stream), 4) == outcome([stream], 4)
    for at in range(len(stream) + 1):
        assert outcome([stream[:at], stream[at:]], 4) == outcome([stream], 4), f"cut at {at}"


def test_w5_a_line_over_its_limit_is_refused_before_it_has_ended() -> None:
    """W5: an endless line does not fill the memory."""
    decoder = NdjsonDecoder(max_line_bytes=10)
    assert decoder.feed(b"1\n") == [1]
    assert decoder.feed(b"x" * 11) == []
    assert decoder.error is None  # the last byte may have been a CR, for all it knows
    assert decoder.feed(b"x") == []
    assert str(decoder.error) == "line 2 is longer than max_line_bytes=10 (byte 12)"
    assert (decoder.feed(b"\n1\n"), decoder.line) == ([], 2)


@pytest.mark.parametrize("digits", [5_000, 100_000])
def test_w5_what_python_cannot_read_is_an_error_with_its_place(digits: int) -> None:
    """W5: a number of thousands of digits, and brackets deeper than the interpreter goes."""
    for line in (b"1" * digits, b"[" * digits):
        values, error, _ = decode([b"1\n" + line + b"\n"])

        assert values == [1]
        assert str(error).startswith("line 2 is no JSON")


def test_w6_a_value_is_given_with_the_byte_that_completes_it() -> None:
    """W6: LF ends a line at once; any bytes-like piece is taken."""
    decoder = NdjsonDecoder()
    assert decoder.feed(bytearray(b'{"a":1}\r')) == []
    assert decoder.feed(memoryview(b"\n2")) == [{"a": 1}]
    assert decoder.close() == [2]


@given(st.lists(json_values, max_size=5), st.lists(st.integers(0, 300), max_size=6))
@settings(deadline=None)
def test_w5_what_was_written_is_read(items: list[Any], cuts: list[int]) -> None:
    """W5, W6: a round trip through any cuts."""
    stream = b"".join(encode_line(item) for item in items)

    values, error, line = decode(pieces_of(stream, cuts))

    assert (values, error, line) == (items, None, len(items))


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=4), st.none() | st.integers(1, 20))
@settings(deadline=None)
def test_w6_no_bytes_depend_on_their_cuts(stream: bytes, cuts: list[int], limit: int | None) -> None:
    """W6: values, error and its place, also of what is no NDJSON at all."""
    assert outcome(pieces_of(stream, cuts), limit) == outcome([stream], limit)
