"""A response of NDJSON, and a writer of its lines for handlers that write."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from apptheory_streaming.batching import make_batching
from apptheory_streaming.encoded_items import Items, encode_items
from apptheory_streaming.header_presets import NDJSON_HEADERS, with_preset
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.wire.head import HeaderInput
from apptheory_streaming.wire.ndjson import encode_line

__all__ = ["FLUSH_BYTES", "FLUSH_SECONDS", "NdjsonWriter", "ndjson_stream"]

FLUSH_BYTES = 8192
FLUSH_SECONDS = 0.1

_Written_co = TypeVar("_Written_co", covariant=True)


def ndjson_stream(
    items: Items,
    *,
    status: int = 200,
    headers: HeaderInput | None = None,
    cookies: Iterable[str] = (),
    flush_bytes: int = FLUSH_BYTES,
    flush_interval: float | None = FLUSH_SECONDS,
    flush_each: bool = True,
    timestamp: bool = False,
) -> StreamingResponse:
    """Stream items as NDJSON, a line each (rule W5), with NDJSON_HEADERS unless `headers` say otherwise.

    Each line is a chunk.  Without `flush_each`, lines wait for each other: a chunk is sent once it
    has `flush_bytes` bytes, or `flush_interval` seconds after its first line, or at the end; None
    for the interval leaves size and end.  `timestamp` adds the whole seconds since 1970 to items
    that have no `timestamp`.  Text, bytes and a mapping in the place of the items are one item.

    Raises UsageError for options that cannot work; an item without a JSON form is InvalidResponse
    where it stands, behind the lines before it.
    """
    batching = make_batching(flush_bytes, flush_interval)
    one = isinstance(items, str | bytes | bytearray | memoryview | Mapping)
    body = encode_items((items,) if one else items, _encoder(timestamp=timestamp), call="ndjson_stream")
    return StreamingResponse(
        body,
        status=status,
        headers=with_preset(NDJSON_HEADERS, headers),
        cookies=cookies,
        batching=None if flush_each else batching,
    )


class _Output(Protocol[_Written_co]):
    def write(self, data: bytes, /) -> _Written_co: ...


class NdjsonWriter(Generic[_Written_co]):
    """Writes items as lines to anything with a `write` for bytes, such as an HttpResponseStream.

    A line is one write, made at the call, so any number of tasks and threads may write at once
    (rule W1).  What the output's own `write` gives is given back: await it where it can be awaited.
    """

    def __init__(self, output: _Output[_Written_co], *, timestamp: bool = False) -> None:
        """Write to `output`; `timestamp` is that of `ndjson_stream`."""
        self._output = output
        self._encode = _encoder(timestamp=timestamp)

    def write(self, item: Any) -> _Written_co:
        """Write the line of an item; raises InvalidResponse, and writes nothing, for one without a JSON form."""
        return self._output.write(self._encode(item))


def _encoder(*, timestamp: bool) -> Any:
    if timestamp:
        return lambda item: encode_line(item, timestamp=int(time.time()))
    return encode_line
