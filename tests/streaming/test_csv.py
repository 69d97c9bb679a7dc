"""W5, W6, D12: `csv_stream` and `CsvReader`."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import pytest

from apptheory_streaming import CSV_HEADERS, AppError, CsvReader, FormatError, InvalidResponse, csv_stream
from apptheory_streaming.errors import UsageError
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.rechunking.rechunk import assert_rechunk_invariant
from csv_cases import READ, REFUSED, Order

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

every_kind = pytest.mark.parametrize("kind", ["list", "sync", "async"])


def rows_of(kind: str, *rows: Any) -> Any:
    """A source of rows; an exception among them is raised."""

    def sync() -> Iterator[Any]:
        for row in rows:
            if isinstance(row, Exception):
                raise row
            yield row

    async def with_await() -> AsyncIterator[Any]:
        for row in sync():
            await asyncio.sleep(0)
            yield row

    return {"list": list(rows), "sync": sync(), "async": with_await()}[kind]


async def capture_of(response: Any, **options: Any) -> StreamCapture:
    async def handler(event: Any, context: Any) -> Any:
        return response

    return await stream_client(handler, **options).get("/")


# -- written ------------------------------------------------------------------------------------


@every_kind
async def test_d12_a_row_is_a_chunk_and_the_header_comes_once(kind: str) -> None:
    """D12: in the chunk of the first row; quotes and CRLF are those of RFC 4180."""
    rows = [{"id": 1, "customer": "Diddley, Bo"}, {"id": 2, "customer": 'The "Blue" Note'}, {"id": 3, "customer": None}]

    capture = await capture_of(csv_stream(rows_of(kind, *rows)))

    assert capture.chunks == [b'id,customer\r\n1,"Diddley, Bo"\r\n', b'2,"The ""Blue"" Note"\r\n', b"3,\r\n"]
    assert capture.headers == {"content-type": ["text/csv; charset=utf-8"]}
    assert capture.body.count(b"customer") == 1


@every_kind
async def test_w5_rows_may_be_dataclasses(kind: str) -> None:
    """W5: with the names of their fields."""
    capture = await capture_of(csv_stream(rows_of(kind, Order(1, "Ada"), Order(2, "Bo"))))

    assert capture.csv() == [
        {"id": "1", "customer": "Ada", "paid": "True"},
        {"id": "2", "customer": "Bo", "paid": "True"},
    ]


@every_kind
async def test_w5_without_rows_there_is_the_header_alone(kind: str) -> None:
    """W5: where the columns are given; a stream without columns has nothing to say."""
    assert (await capture_of(csv_stream(rows_of(kind), columns=["a", "b"]))).chunks == [b"a,b\r\n"]
    assert (await capture_of(csv_stream(rows_of(kind)))).chunks == []
    assert (await capture_of(csv_stream(None))).chunks == []


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_w5_an_error_before_the_first_row_is_early(kind: str) -> None:
    """W5, E2: the header does not come before it."""
    error = AppError("app.not_found", "no such table")

    assert (await capture_of(csv_stream(rows_of(kind, error), columns=["a"]))).status == 404
    late = await capture_of(csv_stream(rows_of(kind, {"a": 1}, error)))
    assert (late.chunks, late.stream_error_code) == ([b"a\r\n1\r\n"], "app.not_found")


@every_kind
async def test_d12_a_row_that_does_not_fit_is_an_error_where_it_stands(kind: str) -> None:
    """D12, E3: the rows before it are sent."""
    capture = await capture_of(csv_stream(rows_of(kind, {"a": 1}, {"b": 2}, {"a": 3})))

    assert capture.chunks == [b"a\r\n1\r\n"]
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)
    assert capture.error.message == "row 2 of the CSV has the column 'b', which is none of a"


@every_kind
async def test_d18_ten_thousand_rows_arrive_in_order(kind: str) -> None:
    """D18: as Python's own reader reads them."""
    capture = await capture_of(csv_stream(rows_of(kind, *({"id": n, "text": "a\n" * (n % 3)} for n in range(10_000)))))

    rows = list(csv.DictReader(io.StringIO(capture.text, newline="")))
    assert rows == [{"id": str(n), "text": "a\n" * (n % 3)} for n in range(10_000)]
    assert capture.csv() == rows


@pytest.mark.parametrize("rows", ["a,b", b"a,b", {"a": 1}, bytearray(b"a")], ids=repr)
def test_r1_one_row_is_no_source_of_rows(rows: Any) -> None:
    """R1: text is never a row a character, nor a mapping a row a key."""
    with pytest.raises(UsageError, match=f"csv_stream takes an iterable of rows, .*not one {type(rows).__name__}"):
        csv_stream(rows)
    with pytest.raises(UsageError, match="csv_stream takes an iterable, sync or async, not int"):
        csv_stream(5)  # type: ignore[arg-type]


def test_w5_options_are_checked_at_the_call() -> None:
    """W5: not when the first row comes."""
    with pytest.raises(UsageError, match="delimiter"):
        csv_stream([], delimiter="--")
    with pytest.raises(UsageError, match="columns"):
        csv_stream([], columns=[])


async def test_r5_headers_of_the_handler_win() -> None:
    """R5: in any case, beside the preset."""
    disposition = 'attachment; filename="a.csv"'
    headers = {"Content-Type": "text/csv; header=present", "content-disposition": disposition}
    capture = await capture_of(csv_stream([(1, 2)], status=201, headers=headers, cookies=["a=1"]))

    assert (capture.status, capture.cookies) == (201, ["a=1"])
    assert capture.headers == {
        "content-type": ["text/csv; header=present"],
        "content-disposition": [disposition],
    }
    with pytest.raises(TypeError):
        CSV_HEADERS["content-type"] = "x"  # type: ignore[index]


# -- read ---------------------------------------------------------------------------------------

Outcome = tuple[list[Any], str | None]


def read_sync(chunks: Iterable[Any]) -> Outcome:
    """All rows, and the error that ended them."""
    rows: list[Any] = []
    try:
        for row in CsvReader(chunks, header=False):
            rows.append(row)  # noqa: PERF402 - those before an error count
    except FormatError as error:
        return rows, str(error)
    return rows, None


def read_async(chunks: Iterable[Any]) -> Outcome:
    """The same through `async for`."""

    async def source() -> AsyncIterator[Any]:
        for chunk in chunks:
            yield chunk

    async def main() -> Outcome:
        rows: list[Any] = []
        try:
            async for row in CsvReader(source(), header=False):
                rows.append(row)  # noqa: PERF401
        except FormatError as error:
            return rows, str(error)
        return rows, None

    return asyncio.run(main())


@pytest.mark.parametrize("read", [read_sync, read_async], ids=["for", "async for"])
@pytest.mark.parametrize("name", [*READ, *REFUSED])
def test_w6_every_stream_is_read_whole_and_byte_by_byte(read: Any, name: str) -> None:
    """W5, W6: rows, and one error behind them."""
    stream, rows, message = (*READ[name], None) if name in READ else REFUSED[name]

    assert read([stream]) == (rows, message)
    assert read([stream[at : at + 1] for at in range(len(stream))]) == (rows, message)


def test_w5_rows_go_by_the_names_of_the_header() -> None:
    """W5: a dict each; without rows there are none."""
    assert list(CsvReader('id,name\r\n1,"a\r\nb"\r\n2,é\r\n')) == [
        {"id": "1", "name": "a\r\nb"},
        {"id": "2", "name": "é"},
    ]
    assert list(CsvReader(b"id,name\r\n")) == []
    assert list(CsvReader(b"")) == []
    assert list(CsvReader(b"a;b\n1;2", delimiter=";")) == [{"a": "1", "b": "2"}]


def test_w5_a_header_names_each_column_once() -> None:
    """W5: else a row would lose a value."""
    reader = CsvReader(b"a,b,a\n1,2,3\n")

    with pytest.raises(FormatError, match="the header has the column 'a' twice"):
        next(reader)
    assert list(reader) == []
    assert list(CsvReader(b"a,b,a\n1,2,3\n", header=False)) == [["a", "b", "a"], ["1", "2", "3"]]


def test_w6_a_reader_does_not_depend_on_cuts() -> None:
    """W6: as the testkit's own check for parsers says."""
    assert_rechunk_invariant(CsvReader, 'id,"näme"\r\n1,"a\r\n""b"""\r\n\r\n2,😀\n'.encode())


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "10"], ids=repr)
def test_w5_a_limit_is_a_number_of_bytes(limit: Any) -> None:
    """W5: UsageError says what would work."""
    with pytest.raises(UsageError, match="max_row_bytes must be a whole number from 1, or None"):
        CsvReader([], max_row_bytes=limit)
    with pytest.raises(UsageError, match="delimiter"):
        CsvReader([], delimiter="\n")


def test_w5_a_row_over_its_limit_is_refused() -> None:
    """W5: an open quote does not fill the memory."""
    reader = CsvReader(iter([b'a\n"', *[b"xxxx\n"] * 300]), max_row_bytes=1000)

    with pytest.raises(FormatError, match="line 2 is no CSV: it is longer than max_row_bytes=1000"):
        list(reader)
