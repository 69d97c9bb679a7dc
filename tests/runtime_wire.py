"""A runtime as it is on the wire: requests written byte by byte to a real Runtime API, answers read back."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from apptheory_emulator.workers.runtime_api import RuntimeAnswer, RuntimeApi
from apptheory_streaming.wire.runtime_api import InvocationRequest
from raw_http import WAIT_SECONDS, RawConnection, RawResponse, connect

__all__ = [
    "NEXT",
    "STREAMING",
    "chunked",
    "document",
    "invocation",
    "invoked",
    "read_all",
    "response_path",
    "running_api",
    "runtime_of",
    "within",
]

NEXT = "/2018-06-01/runtime/invocation/next"
STREAMING = (("Lambda-Runtime-Function-Response-Mode", "streaming"), ("Transfer-Encoding", "chunked"))


def response_path(request_id: str = "req-1", kind: str = "response") -> str:
    """The path of an answer."""
    return f"/2018-06-01/runtime/invocation/{request_id}/{kind}"


def invocation(request_id: str = "req-1", payload: bytes = b"{}", **fields: Any) -> InvocationRequest:
    """An invocation with a deadline in the year 2027."""
    return InvocationRequest(request_id=request_id, deadline_ms=1_800_000_000_000, payload=payload, **fields)


def chunked(pieces: Iterable[bytes], trailers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A chunked body, one chunk a piece."""
    frames = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece]
    lines = [f"{name}: {value}\r\n".encode() for name, value in trailers]
    return b"".join([*frames, b"0\r\n", *lines, b"\r\n"])


async def within(awaitable: Any) -> Any:
    """Wait for something that must happen; fails instead of hanging."""
    async with asyncio.timeout(WAIT_SECONDS):
        return await awaitable


@asynccontextmanager
async def running_api() -> AsyncIterator[RuntimeApi]:
    """Serve a Runtime API inside the block; after it, nothing may be left."""
    api = RuntimeApi()
    await api.start()
    before = asyncio.all_tasks()
    try:
        yield api
    finally:
        await within(api.close())
        assert asyncio.all_tasks() <= before


@asynccontextmanager
async def runtime_of(api: RuntimeApi) -> AsyncIterator[RawConnection]:
    """Connect to the API as a runtime does."""
    async with connect(f"http://{api.address}") as connection:
        yield connection


async def invoked(
    api: RuntimeApi, runtime: RawConnection, request: InvocationRequest | None = None
) -> "asyncio.Task[RuntimeAnswer]":
    """Let the runtime fetch an invocation; gives the task that waits for its answer."""
    await runtime.request("GET", NEXT)
    answer = asyncio.create_task(api.invoke(request or invocation()))
    assert (await runtime.read_response()).status == 200
    return answer


async def read_all(answer: RuntimeAnswer) -> bytes:
    """Read a body to its end."""
    return b"".join([piece async for piece in answer.body])


def document(response: RawResponse) -> Any:
    """The JSON of an answer of the API."""
    assert response.head.value("content-type") == "application/json"
    return json.loads(response.body)
