"""NDJSON on the wire: its framing, and its batches under a real clock."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import NdjsonReader, StreamingResponse, ndjson_stream
from raw_http import fetch

pytestmark = pytest.mark.streaming(clock="real")


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}], ids=["plain", "its own"])
async def test_e20_there_is_one_transfer_encoding(function_url: FunctionUrlFactory, headers: dict[str, str]) -> None:
    """E20, C18: the server sets it, also where a handler names it; a line is an HTTP chunk."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return ndjson_stream([{"a": 1}, {"a": 2}], headers=headers)

    response = await fetch(await function_url(handler))

    assert response.head.values("transfer-encoding") == ["chunked"]
    assert response.head.value("content-type") == "application/x-ndjson"
    assert response.head.value("cache-control") == "no-cache"
    assert response.frames == [b'{"a":1}\n', b'{"a":2}\n']


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_e09_batches_hold_every_line_once(function_url: FunctionUrlFactory, kind: str) -> None:
    """E09, W1: from a thread and from the loop."""

    async def rows() -> AsyncIterator[Any]:
        for number in range(5000):
            yield {"n": number}

    def handler(event: Any, context: Any) -> StreamingResponse:
        source = ({"n": number} for number in range(5000)) if kind == "sync" else rows()
        return ndjson_stream(source, flush_each=False)

    response = await fetch(await function_url(handler))

    assert [row["n"] for row in NdjsonReader(response.frames)] == list(range(5000))
    assert len(response.frames) < 12
    assert not response.cut
