"""Exports of any size in a little memory: one row, one chunk, as NDJSON or CSV.

    apptheory-emulate docs/examples/export.py:handler
    curl -N 'http://127.0.0.1:3000/orders.csv?rows=5'
    curl -OJ http://127.0.0.1:3000/orders.ndjson

The handler is not async and its rows come from a plain generator, as from a database cursor.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, TypedDict

from apptheory_streaming import AppError, LambdaContext, StreamingResponse, csv_stream, ndjson_stream

MOST_ROWS = 1_000_000
CUSTOMERS = ("Ada Lovelace", "Müller & Söhne", "Diddley, Bo", 'The "Blue" Note', "東京商店")


class Order(TypedDict):
    id: int
    date: str
    customer: str
    cents: int


def handler(event: dict[str, Any], context: LambdaContext) -> StreamingResponse:
    match event["rawPath"]:
        case "/orders.ndjson":
            return ndjson_stream(orders(row_count(event)), headers=download("orders.ndjson"))
        case "/orders.csv":
            columns = Order.__annotations__  # so that an export without rows has its header too
            return csv_stream(orders(row_count(event)), columns=columns, headers=download("orders.csv"))
        case path:
            raise AppError("app.not_found", f"There is no export {path}.")


def download(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


def row_count(event: dict[str, Any]) -> int:
    parameters: dict[str, str] = event.get("queryStringParameters") or {}
    given = parameters.get("rows", "10000")
    try:
        rows = int(given)
    except ValueError:
        rows = -1
    if not 0 <= rows <= MOST_ROWS:
        raise AppError("app.bad_request", f"rows is a whole number from 0 to {MOST_ROWS}, not {given!r}.")
    return rows


def orders(count: int) -> Iterator[Order]:
    """Stand for a cursor: every row is made when it is asked for."""
    for index in range(count):
        yield {
            "id": index + 1,
            "date": (date(2025, 1, 1) + timedelta(days=index % 365)).isoformat(),
            "customer": CUSTOMERS[index % len(CUSTOMERS)],
            "cents": 100 + index * 37 % 9_900,
        }
