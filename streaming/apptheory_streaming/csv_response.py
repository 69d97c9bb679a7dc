"""A response of CSV."""

from collections.abc import Iterable, Mapping

from apptheory_streaming.encoded_items import Items, encode_items
from apptheory_streaming.errors import UsageError
from apptheory_streaming.header_presets import CSV_HEADERS, with_preset
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.wire.csv_encoder import CsvEncoder
from apptheory_streaming.wire.head import HeaderInput

__all__ = ["csv_stream"]


def csv_stream(
    rows: Items,
    *,
    status: int = 200,
    headers: HeaderInput | None = None,
    cookies: Iterable[str] = (),
    columns: Iterable[str] | None = None,
    header: bool = True,
    delimiter: str = ",",
) -> StreamingResponse:
    """Stream rows as CSV, a line each (rule W5), with CSV_HEADERS unless `headers` say otherwise.

    A row is a dataclass, a mapping, a named tuple or another sequence.  The header is sent once, in
    the chunk of the first row, or alone where `columns` are given and no row comes; `header=False`
    sends none.  The columns are `columns`, else those of the first row.  Lines end with CRLF,
    values are quoted where RFC 4180 asks for it, None is empty.

    Raises UsageError for options that cannot be; a row that has other columns, or a value without a
    form as text, is InvalidResponse where it stands, behind the rows before it.
    """
    if isinstance(rows, str | bytes | bytearray | memoryview | Mapping):
        raise UsageError(f"csv_stream takes an iterable of rows, sync or async, not one {type(rows).__name__}")
    encoder = CsvEncoder(columns=columns, header=header, delimiter=delimiter)
    body = encode_items(rows, encoder.row, call="csv_stream", finish=encoder.header)
    return StreamingResponse(body, status=status, headers=with_preset(CSV_HEADERS, headers), cookies=cookies)
