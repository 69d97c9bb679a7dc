"""The chunks of chunks.mjs, from Python."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from apptheory_streaming import StreamingResponse


async def handler(event: dict[str, Any], _context: Any) -> StreamingResponse:
    """Answer with what the path asks for."""
    size, count, *pauses = (int(number) for number in event["rawPath"].removeprefix("/").split("x"))
    chunks = _stamped(size, count, pauses[0] / 1000) if pauses else _same(size, count)
    return StreamingResponse(chunks, headers={"content-type": "application/octet-stream"})


async def _same(size: int, count: int) -> AsyncIterator[bytes]:
    chunk = b"x" * size
    for _ in range(count):
        yield chunk


async def _stamped(size: int, count: int, seconds: float) -> AsyncIterator[bytes]:
    for number in range(count):
        if number:
            await asyncio.sleep(seconds)
        yield (b"%016x" % time.monotonic_ns()).ljust(size, b"x")
