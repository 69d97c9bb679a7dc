"""Web servers of a few lines, to be run in processes of their own by `web(…)`."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from apptheory_emulator import WebFunction, web

__all__ = ["NODE", "PYTHON", "UVICORN", "serving"]

PYTHON = '''
"""Gates are opened by requests, so nothing here sleeps."""

import asyncio
import gzip
import json
import os
import sys

from aiohttp import web

gates = asyncio.Semaphore(0)
gone = asyncio.Event()
written = 0


async def echo(request):
    found = {
        "method": request.method,
        "target": request.raw_path,
        "headers": dict(request.headers),
        "body": (await request.read()).hex(),
        "pid": os.getpid(),
        "env": {name: os.environ.get(name) for name in ("PORT", "STAGE", "AWS_LAMBDA_FUNCTION_NAME", "TZ")},
    }
    response = web.Response(text=json.dumps(found), content_type="application/json", status=203)
    response.headers.add("set-cookie", "a=1")
    response.headers.add("set-cookie", "b=2")
    response.headers.add("x-a", "1")
    response.headers.add("x-a", "2")
    response.headers["keep-alive"] = "timeout=5"
    return response


async def stream(request):
    response = web.StreamResponse(headers={"content-type": "text/plain"})
    await response.prepare(request)
    for number in range(int(request.query.get("count", 3))):
        if number:
            await gates.acquire()
        await response.write(b"part %d\\n" % number)
    return response


async def opens(request):
    gates.release()
    return web.Response(text="opened")


async def die(request):
    if "late" in request.query:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await gates.acquire()
    os._exit(7)


async def leave(request):
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"first")
    try:
        await asyncio.Event().wait()
    finally:
        gone.set()


async def was_left(request):
    await gone.wait()
    return web.Response(text="gone")


async def flood(request):
    global written
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(200):
        await response.write(b"x" * 100_000)
        written += 100_000
    return response


async def flooded(request):
    return web.Response(text=str(written))


async def status(request):
    location = {"location": "/echo"}
    return web.Response(status=int(request.match_info["status"]), text="body", headers=location)


async def packed(request):
    return web.Response(body=gzip.compress(b"hello"), headers={"content-encoding": "gzip"})


async def empty(request):
    return web.Response(status=int(request.query.get("status", 200)), headers={"content-type": "text/plain"})


app = web.Application()
for path, handler in {
    "/": echo, "/echo": echo, "/stream": stream, "/open": opens, "/die": die, "/leave": leave, "/left": was_left,
    "/flood": flood, "/flooded": flooded, "/empty": empty, "/packed": packed, "/status/{status}": status, "/{rest:.*}": echo,
}.items():
    app.router.add_route("*", path, handler)
print("serving", flush=True)
print("a line on stderr", file=sys.stderr, flush=True)
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None, handler_cancellation=True)
'''

UVICORN = """
import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

gate = asyncio.Event()


@asynccontextmanager
async def lifespan(app):
    yield {"db": "open"}


app = FastAPI(lifespan=lifespan)


async def tokens():
    yield "token 0\\n"
    await gate.wait()
    yield "token 1\\n"


@app.get("/")
async def ready():
    return "ready"


@app.get("/chat")
async def chat():
    return StreamingResponse(tokens(), media_type="text/plain")


@app.get("/open")
async def opens():
    gate.set()
    return "opened"
"""

NODE = """
const http = require("node:http");
let open;
const gate = new Promise((resolve) => { open = resolve; });
const server = http.createServer(async (request, response) => {
  if (request.url === "/open") { open(); response.end("opened"); return; }
  if (request.url === "/") { response.end("ready"); return; }
  response.writeHead(201, { "content-type": "text/plain", "set-cookie": ["a=1", "b=2"] });
  response.write("token 0\\n");
  await gate;
  if (request.url === "/dies") process.exit(3);
  response.end("token 1\\n");
});
server.listen(process.env.PORT, "127.0.0.1");
"""


@asynccontextmanager
async def serving(
    folder: Path, source: str = PYTHON, *, name: str = "server.py", command: Any = None, **options: Any
) -> AsyncIterator[WebFunction]:
    """Give the function of a server whose source is written to `folder`, and end it."""
    (folder / name).write_text(source)
    function = web(command or [sys.executable, name], cwd=folder, **options)
    try:
        yield function
    finally:
        await function.aclose()
