"""The server process: a raw aiohttp handler and three emulated functions that send the same chunks.

Run as a script.  Prints one line of JSON, contender name to port, and serves until its standard
input ends, which it does when the process that started it is gone, however that came about.
Every contender answers GET /{size}x{count} with so many chunks of that size.
"""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from apptheory_emulator.config import FunctionConfig, LateErrors
from apptheory_emulator.server import Emulator
from apptheory_streaming import HttpResponseStream, StreamingResponse, streamify_response
from apptheory_streaming.handlers import Handler
from apptheory_streaming.wire.limits import DEFAULT_TIMEOUT_SECONDS

HOST = "127.0.0.1"
RAW = "raw aiohttp"
OCTETS = {"content-type": "application/octet-stream"}


def wanted(path: str) -> tuple[bytes, int]:
    """Give the chunk and how often to send it."""
    size, _, count = path.removeprefix("/").partition("x")
    return b"x" * int(size), int(count)


def sync_chunks(path: str) -> Iterator[bytes]:
    chunk, count = wanted(path)
    for _ in range(count):
        yield chunk


async def async_chunks(path: str) -> AsyncIterator[bytes]:
    chunk, count = wanted(path)
    for _ in range(count):
        yield chunk


async def raw_aiohttp(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers=OCTETS)
    await response.prepare(request)
    async for chunk in async_chunks(request.path):
        await response.write(chunk)
    await response.write_eof()
    return response


async def async_generator(event: dict[str, Any], context: Any) -> StreamingResponse:
    return StreamingResponse(async_chunks(event["rawPath"]), headers=OCTETS)


def sync_generator(event: dict[str, Any], context: Any) -> StreamingResponse:
    return StreamingResponse(sync_chunks(event["rawPath"]), headers=OCTETS)


@streamify_response
async def streamified(event: dict[str, Any], response_stream: HttpResponseStream, context: Any) -> None:
    out = HttpResponseStream.from_(response_stream, {"statusCode": 200, "headers": OCTETS})
    async for chunk in async_chunks(event["rawPath"]):
        await out.write(chunk)
    await out.end()


CONTENDERS: dict[str, Handler] = {
    "emulator, async generator": async_generator,
    "emulator, sync generator": sync_generator,
    "emulator, streamify": streamified,
}
# As `apptheory-emulate` serves them, its timeout included; but a handler that fails must spoil the run.
FUNCTIONS = tuple(
    FunctionConfig(name=target.__name__, target=target, timeout=DEFAULT_TIMEOUT_SECONDS, late_errors=LateErrors.ABORT)
    for target in CONTENDERS.values()
)
logging.getLogger("apptheory_emulator").setLevel(logging.ERROR)  # it says that on AWS no late error cuts a body


@asynccontextmanager
async def serve_raw() -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/{path:.*}", raw_aiohttp)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def serve() -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    async with serve_raw() as raw_port, Emulator(FUNCTIONS, host=HOST) as emulator:
        served = zip(CONTENDERS, emulator.functions, strict=True)
        ports = {RAW: raw_port} | {name: urlsplit(each.url).port for name, each in served}
        loop.add_reader(sys.stdin, stop.set)
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        await stop.wait()
        loop.remove_reader(sys.stdin)


if __name__ == "__main__":
    asyncio.run(serve())
