"""How to test rows that stream, here from a handler that is not async: see README.md beside this file."""

import json
from pathlib import Path

import pytest

from apptheory_testkit import StreamClientFactory

handler = f"{Path(__file__).with_name('export.py')}:handler"  # at home: from export import handler


def test_ndjson_is_one_row_a_chunk(stream_client: StreamClientFactory) -> None:
    """A test that is not async calls `client.sync`."""
    capture = stream_client(handler).sync.get("/orders.ndjson?rows=2")

    assert capture.status == 200
    assert capture.headers == {
        "content-type": ["application/x-ndjson"],
        "cache-control": ["no-cache"],
        "x-accel-buffering": ["no"],
        "content-disposition": ['attachment; filename="orders.ndjson"'],
    }
    capture.assert_headers_finalized_before_first_chunk()
    assert capture.chunks == [
        b'{"id":1,"date":"2025-01-01","customer":"Ada Lovelace","cents":100}\n',
        '{"id":2,"date":"2025-01-02","customer":"Müller & Söhne","cents":137}\n'.encode(),
    ]


def test_csv_has_its_header_once(stream_client: StreamClientFactory) -> None:
    """The header leaves with the first row; commas and quotes inside a value are quoted."""
    capture = stream_client(handler).sync.get("/orders.csv?rows=4")

    assert capture.headers["content-type"] == ["text/csv; charset=utf-8"]
    assert capture.headers["content-disposition"] == ['attachment; filename="orders.csv"']
    assert capture.chunks[0] == b"id,date,customer,cents\r\n1,2025-01-01,Ada Lovelace,100\r\n"
    assert capture.body.count(b"customer") == 1
    assert capture.chunks[2:] == [
        b'3,2025-01-03,"Diddley, Bo",174\r\n',
        b'4,2025-01-04,"The ""Blue"" Note",211\r\n',
    ]


def test_both_exports_hold_the_same_ten_thousand_rows(stream_client: StreamClientFactory) -> None:
    """10 000 rows unless `rows` says otherwise, the same ones in both formats."""
    client = stream_client(handler).sync
    from_ndjson = client.get("/orders.ndjson").ndjson()
    from_csv = client.get("/orders.csv").csv()

    assert len(from_ndjson) == 10_000
    assert from_csv == [{name: str(value) for name, value in row.items()} for row in from_ndjson]


def test_no_rows_are_no_error(stream_client: StreamClientFactory) -> None:
    """An empty export has its head, and CSV its header."""
    client = stream_client(handler).sync

    assert client.get("/orders.ndjson?rows=0").chunks == []
    assert client.get("/orders.csv?rows=0").chunks == [b"id,date,customer,cents\r\n"]


async def test_a_client_may_leave_in_the_middle(stream_client: StreamClientFactory) -> None:
    """Leaving the block is a client that goes away: it has what it took, and the rest is never sent."""
    async with stream_client(handler).stream("GET", "/orders.ndjson?rows=1000000") as live:
        rows = [await anext(live), await anext(live)]

    assert [json.loads(row)["id"] for row in rows] == [1, 2]
    assert live.capture.delivery_outcome == f"client_gone(after {len(b''.join(rows))} bytes)"


@pytest.mark.parametrize("rows", ["-1", "1000001", "ten", "", "1.5"])
def test_a_bad_number_of_rows_is_a_bad_request(stream_client: StreamClientFactory, rows: str) -> None:
    """The handler checks what it was asked for before it returns a stream: later there is no 400."""
    capture = stream_client(handler).sync.get("/orders.csv", params={"rows": rows})

    assert capture.status == 400
    assert capture.json()["error"]["code"] == "app.bad_request"
    assert capture.json()["error"]["message"] == f"rows is a whole number from 0 to 1000000, not {rows!r}."


def test_an_unknown_export_is_not_found(stream_client: StreamClientFactory) -> None:
    assert stream_client(handler).sync.get("/orders.xlsx").status == 404
