"""W5, W6: CSV as bytes, written and read: one list of cases, whole, byte by byte and at every cut."""

import csv
import io
import sqlite3
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import InvalidResponse, UsageError
from apptheory_streaming.wire.csv_decoder import CsvDecoder
from csv_cases import QUOTED, READ, REFUSED, VALUES, Order, Point, decode, encode
from ndjson_cases import pieces_of

STREAMS = {**{name: stream for name, (stream, _) in READ.items()}, **{name: case[0] for name, case in REFUSED.items()}}

fields = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.text('",\r\na ', max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Rows of the same number of fields."""
    width = draw(st.integers(1, 4))
    return draw(st.lists(st.lists(fields, min_size=width, max_size=width), max_size=5))


def outcome(pieces: list[bytes], **options: Any) -> tuple[list[list[str]], str]:
    """The same for each way to cut a stream."""
    rows, error = decode(pieces, **options)
    return rows, str(error)


def each_byte(stream: bytes) -> list[bytes]:
    """Every byte, with an empty piece behind it."""
    return [piece for at in range(len(stream)) for piece in (stream[at : at + 1], b"")]


# -- written ------------------------------------------------------------------------------------


def test_d12_the_header_comes_once() -> None:
    """D12, W5: not once a row."""
    rows = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "c"}]

    assert encode(rows) == b"id,name\r\n1,a\r\n2,b\r\n3,c\r\n"


@pytest.mark.parametrize(
    ("rows", "stream"),
    [
        ([Order(1, "Ada"), Order(2, "Bo", paid=False)], b"id,customer,paid\r\n1,Ada,True\r\n2,Bo,False\r\n"),
        ([Point(1, 2), Point(3, 4)], b"x,y\r\n1,2\r\n3,4\r\n"),
        ([(1, 2), [3, 4]], b"1,2\r\n3,4\r\n"),
        ([{"a": 1, "b": 2}, {"b": 4, "a": 3}], b"a,b\r\n1,2\r\n3,4\r\n"),
        ([{"a": 1, "b": 2}, {"a": 3}, {}], b"a,b\r\n1,2\r\n3,\r\n,\r\n"),
        ([{"x": 1, "y": 2}, Point(3, 4), (5, 6)], b"x,y\r\n1,2\r\n3,4\r\n5,6\r\n"),
        ([{"a,b": 1, 'c"': 2}], b'"a,b","c"""\r\n1,2\r\n'),
        ([{"a": ""}, {"a": None}], b'a\r\n""\r\n""\r\n'),
        ([], b""),
    ],
    ids=["dataclasses", "named tuples", "sequences", "any order", "missing", "mixed", "names", "one empty", "no rows"],
)
def test_w5_a_row_is_a_dataclass_a_mapping_or_a_sequence(rows: list[object], stream: bytes) -> None:
    """W5, D12: names come from the first row; a sequence has none."""
    assert encode(rows) == stream


@pytest.mark.parametrize(
    ("rows", "options", "stream"),
    [
        ([{"a": 1, "b": 2}], {"columns": ["b", "a"]}, b"b,a\r\n2,1\r\n"),
        ([{"a": 1}], {"columns": ("a", "b")}, b"a,b\r\n1,\r\n"),
        ([(1, 2)], {"columns": ["a", "b"]}, b"a,b\r\n1,2\r\n"),
        ([], {"columns": ["a", "b"]}, b"a,b\r\n"),
        ([], {"columns": ["a", "b"], "header": False}, b""),
        ([{"a": 1, "b": 2}], {"header": False}, b"1,2\r\n"),
        ([("a;b", "c,d")], {"delimiter": ";"}, b'"a;b";c,d\r\n'),
        ([("a b", 1)], {"delimiter": "\t"}, b"a b\t1\r\n"),
    ],
    ids=["order", "missing", "sequences", "no rows", "no rows, no header", "no header", "semicolon", "tab"],
)
def test_w5_columns_header_and_delimiter(rows: list[object], options: dict[str, Any], stream: bytes) -> None:
    """W5: the columns that are given decide."""
    assert encode(rows, **options) == stream


@pytest.mark.parametrize(("value", "text"), VALUES.values(), ids=VALUES)
def test_w5_a_value_is_its_text(value: object, text: str) -> None:
    """W5: without quotes where none are needed."""
    assert encode([(value, "x")]) == f"{text},x\r\n".encode()


@pytest.mark.parametrize(("text", "cell"), QUOTED.values(), ids=QUOTED)
def test_w5_quotes_are_those_of_rfc_4180(text: str, cell: bytes) -> None:
    """W5: around commas, quotes and line ends; a quote inside is two."""
    assert encode([(text, "x")]) == cell + b",x\r\n"


@dataclass
class Empty:
    pass


@dataclass
class Late:
    """Has a field that somebody has to set."""

    id: int
    total: int = field(init=False)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"a": 1}, {"a": 1, "b": 2}], r"row 2 of the CSV has the column 'b', which is none of a$"),
        ([Point(1, 2), Order(1, "Ada")], r"row 2 of the CSV has the column 'id', which is none of x, y$"),
        ([(1, 2), (3,)], r"row 2 of the CSV has 1 values, not 2$"),
        ([{"a": 1}, (1, 2)], r"row 2 of the CSV has 2 values, not 1$"),
        ([(1, 2), {"a": 1, "b": 2}], r"row 2 of the CSV has names, but the columns of the rows before it have none$"),
        ([()], r"row 1 of the CSV has 0 values, not one or more$"),
        ([{}], r"row 1 of the CSV has 0 values, not one or more$"),
        ([Empty()], r"row 1 of the CSV has 0 values, not one or more$"),
        (["text"], r"row 1 of the CSV is of type str; a row is a dataclass, a mapping or a sequence$"),
        ([b"bytes"], r"row 1 of the CSV is of type bytes; "),
        ([7], r"row 1 of the CSV is of type int; "),
        ([None], r"row 1 of the CSV is of type NoneType; "),
        ([Order], r"row 1 of the CSV is of type type; "),
        ([{1: 2}], r"row 1 of the CSV has a column whose name is of type int, not text$"),
        ([{"tags": ["a"]}], r"row 1 of the CSV holds a value of type list in column 'tags'; make text of it$"),
        ([(1, {})], r"row 1 of the CSV holds a value of type dict in column 1; make text of it$"),
        ([(1, b"x")], r"row 1 of the CSV holds a value of type bytes in column 1; make text of it$"),
        ([(1, object())], r"row 1 of the CSV holds a value of type object in column 1; make text of it$"),
        ([(10**5000, 1)], r"row 1 of the CSV holds a number in column 0 that has no text: Exceeds the limit"),
        ([Late(1)], r"row 1 of the CSV has no value for its field 'total'$"),
        ([("\ud800", 1)], r"row 1 of the CSV holds text without a UTF-8 form"),
        ([{"\ud800": 1}], r"the header of the CSV holds text without a UTF-8 form"),
    ],
    ids=lambda value: None if isinstance(value, list) else value,
)
def test_w5_what_is_no_row_is_refused(rows: list[object], message: str) -> None:
    """W5, D12: InvalidResponse names the row and the column."""
    with pytest.raises(InvalidResponse, match=f"^{message}"):
        encode(rows)


@pytest.mark.parametrize("columns", ["name", [], [1], 7, ("a", None)], ids=repr)
def test_w5_columns_are_names(columns: Any) -> None:
    """W5: UsageError at once; text would be a column a character."""
    with pytest.raises(UsageError, match="columns must be one or more names"):
        encode([], columns=columns)
    with pytest.raises(UsageError, match="columns must differ; 'a' is there twice"):
        encode([], columns=["a", "b", "a"])


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\r", "\n", "\0", "é", None, 5], ids=repr)
def test_w5_a_delimiter_is_one_character(delimiter: Any) -> None:
    """W5: one that stands for itself."""
    with pytest.raises(UsageError, match="delimiter must be one ASCII character"):
        encode([], delimiter=delimiter)


def test_w5_rows_of_a_database_are_sequences() -> None:
    """W5: as `sqlite3` gives them."""
    with sqlite3.connect(":memory:") as connection:
        rows = connection.execute("select 1 as a, 'x,y' as b union select 2, null").fetchall()
    connection.close()

    assert encode(rows, columns=["a", "b"]) == b'a,b\r\n1,"x,y"\r\n2,\r\n'


# -- read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stream", "rows"), READ.values(), ids=READ)
def test_w5_a_stream_is_read_row_by_row(stream: bytes, rows: list[list[str]]) -> None:
    """W5: as RFC 4180 says, and LF alone too."""
    assert outcome([stream]) == (rows, "None")


@pytest.mark.parametrize(("stream", "before", "message"), REFUSED.values(), ids=REFUSED)
def test_w5_what_is_no_csv_has_its_line_and_its_byte(stream: bytes, before: list[list[str]], message: str) -> None:
    """W5: the rows before it are there, and nothing is read after it."""
    assert outcome([stream]) == (before, message)
    decoder = CsvDecoder()
    decoder.feed(stream)
    decoder.close()
    assert (decoder.feed(b"a,b\n"), decoder.close()) == ([], [])


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_w6_every_cut_is_the_same(stream: bytes) -> None:
    """W6: byte by byte, and in two pieces, cut at every byte."""
    whole = outcome([stream])

    assert outcome(each_byte(stream)) == whole
    for at in range(len(stream) + 1):
        assert outcome([stream[:at], stream[at:]]) == whole, f"cut at {at}"


def test_w6_a_row_is_given_with_the_byte_that_completes_it() -> None:
    """W6: any bytes-like piece is taken; a line end inside quotes completes nothing."""
    decoder = CsvDecoder()
    assert decoder.feed(bytearray(b'a,"b\n')) == []
    assert decoder.feed(memoryview(b'c"\r')) == []
    assert decoder.feed(b"\nd,e") == [["a", "b\nc"]]
    assert (decoder.line, decoder.close()) == (3, [["d", "e"]])


def test_w5_what_is_wrong_is_found_where_it_stands() -> None:
    """W5: not at the end of a stream that has none."""
    decoder = CsvDecoder()
    assert decoder.feed(b'a\nb"') == [["a"]]
    assert decoder.error is not None


@pytest.mark.parametrize(
    ("stream", "rows", "message"),
    [
        (b"a,bc\r\nd,ef\n", [["a", "bc"], ["d", "ef"]], "None"),
        (b"a,bcd\n", [], "the row that begins on line 1 is no CSV: it is longer than max_row_bytes=4 (byte 4)"),
        (b'a\n"\n\n\n', [["a"]], "the row that begins on line 2 is no CSV: a quote is not closed (byte 2)"),
        (
            b'a\n"\n\n\nb',
            [["a"]],
            "the row that begins on line 2 is no CSV: it is longer than max_row_bytes=4 (byte 6)",
        ),
        (b"a,,,,\n", [], "the row that begins on line 1 is no CSV: it is longer than max_row_bytes=4 (byte 4)"),
        (b"\xef\xbb\xbfa,bc\n", [["a", "bc"]], "None"),
        (b'"a""', [], "the row that begins on line 1 is no CSV: a quote is not closed (byte 0)"),
    ],
    ids=repr,
)
def test_w5_a_row_may_have_a_limit(stream: bytes, rows: list[list[str]], message: str) -> None:
    """W5, W6: its end does not count, line ends inside quotes do; any cut gives the same."""
    assert outcome([stream], max_row_bytes=4) == (rows, message)
    assert outcome(each_byte(stream), max_row_bytes=4) == (rows, message)
    for at in range(len(stream) + 1):
        assert outcome([stream[:at], stream[at:]], max_row_bytes=4) == (rows, message), f"cut at {at}"


@given(tables(), st.lists(st.integers(0, 100), max_size=6), st.sampled_from([",", ";", "\t"]))
@settings(deadline=None)
def test_w5_what_was_written_is_read(rows: list[list[str]], cuts: list[int], delimiter: str) -> None:
    """W5, W6: a round trip through any cuts; Python's own reader agrees."""
    stream = encode(rows, delimiter=delimiter)

    assert outcome(pieces_of(stream, cuts), delimiter=delimiter) == (rows, "None")
    assert list(csv.reader(io.StringIO(stream.decode(), newline=""), delimiter=delimiter)) == rows


@given(tables(), st.sampled_from(["\r\n", "\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@settings(deadline=None)
def test_w5_what_python_writes_is_read(rows: list[list[str]], line_end: str, quoting: Any) -> None:
    """W5: with either line end, and with quotes everywhere."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=line_end, quoting=quoting, quotechar='"').writerows(
        [[field.replace("\r", "") for field in row] for row in rows]
    )

    expected = [[field.replace("\r", "") for field in row] for row in rows]
    assert outcome([file.getvalue().encode()]) == (expected, "None")


@given(
    st.binary(max_size=40) | st.text('"",\r\na', max_size=20).map(str.encode),
    st.lists(st.integers(0, 40), max_size=4),
    st.none() | st.integers(1, 12),
)
@settings(deadline=None)
def test_w6_no_bytes_depend_on_their_cuts(stream: bytes, cuts: list[int], limit: int | None) -> None:
    """W6: rows, error and its place, also of what is no CSV at all."""
    assert outcome(pieces_of(stream, cuts), max_row_bytes=limit) == outcome([stream], max_row_bytes=limit)
