"""A server that answers each case of the score card wrongly, in a way in which an emulator might."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from apptheory_emulator.score.cases.heads import COOKIES
from apptheory_streaming.wire.events.function_url import FunctionUrl, function_url_event
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["WRONG_ANSWERS", "broken_endpoint"]

TEXT = ("content-type: text/plain; charset=utf-8",)
MIB = 1024 * 1024
REQUEST_ID = "req-1"
LETTERS = b"abcdefghij"


@dataclass(slots=True)
class Visit:
    """A request, and the connection that it came on."""

    request: HttpRequest
    writer: asyncio.StreamWriter
    query: Mapping[str, str]
    serial: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        """The case that the handler would answer with."""
        return self.request.path.split("/")[2]

    async def head(self, status: int, headers: Sequence[str] = TEXT) -> None:
        """Send a head, and a body in chunks to come."""
        lines = [f"HTTP/1.1 {status} Told", *headers]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        await self.writer.drain()

    async def frame(self, data: bytes) -> None:
        """Send a chunk; the last one is empty."""
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self.writer.drain()

    async def answer(self, status: int, body: bytes = b"", headers: Sequence[str] = TEXT) -> None:
        """Send an answer in one chunk, with its end."""
        await self.head(status, [*headers, "transfer-encoding: chunked"])
        if body:
            await self.frame(body)
        await self.frame(b"")

    async def chunks(self, *, at_once: int) -> None:
        """Send the first of the chunks that were asked for as they are made, and the others together at the end."""
        count, size = int(self.query["count"]), int(self.query["size"])
        pause = float(self.query["ms"]) / 1000
        made = [LETTERS[each : each + 1] * size for each in range(count)]
        await self.head(200, [*TEXT, "transfer-encoding: chunked"])
        for data in made[:at_once]:
            await self.frame(data)
        await asyncio.sleep(pause * (count - 1))
        for data in made[at_once:]:
            await self.frame(data)
        await self.frame(b"")


Answer = Callable[[Visit], Awaitable[None]]


def fixed(status: int, body: bytes = b"", headers: Sequence[str] = TEXT) -> Answer:
    """The same answer to all."""
    return lambda visit: visit.answer(status, body, headers)


def collected(at_once: int) -> Answer:
    """Chunks that wait for each other."""
    return lambda visit: visit.chunks(at_once=at_once)


def with_event(change: Callable[[dict[str, Any]], object]) -> Answer:
    """The event, with one thing in it that is wrong."""

    async def answer(visit: Visit) -> None:
        url = FunctionUrl(url_id="score", domain="score.example")
        made = function_url_event(visit.request, url, request_id=REQUEST_ID, epoch_ms=1_760_000_000_000, trace_id="t")
        event = json.loads(json.dumps(made))
        change(event)
        headers = ("content-type: application/json", f"x-amzn-requestid: {REQUEST_ID}")
        await visit.answer(200, json.dumps(event).encode(), headers)

    return answer


def in_context(name: str, value: object) -> Answer:
    """The event, with another value in its context."""
    return with_event(lambda event: event["requestContext"].__setitem__(name, value))


async def answers_one_after_the_other(visit: Visit) -> None:
    async with visit.serial:
        await visit.chunks(at_once=1)


async def fails_for_one_cut(visit: Visit) -> None:
    """Right, but for the cut between the fourth and the fifth NUL."""
    first, _, second = visit.query["pieces"].partition(".")
    decoded = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4))
    right = second and not decoded.endswith(bytes(4))
    await visit.answer(201 if right else 500, b"AB", (*TEXT, "x-color: red"))


async def sends_a_body_with_no_content(visit: Visit) -> None:
    await visit.head(204, ["x-empty: kept"])
    visit.writer.write(b"body")


async def answers_head_with_a_body(visit: Visit) -> None:
    lines = [f"set-cookie: {cookie}" for cookie in COOKIES]
    await visit.head(200, [*TEXT, *lines, "content-length: 3"])
    visit.writer.write(b"two")


async def keeps_the_length(visit: Visit) -> None:
    await visit.head(200, [*TEXT, "content-length: 4"])
    visit.writer.write(b"made")


async def is_cut(visit: Visit) -> None:
    await visit.head(200, [*TEXT, "transfer-encoding: chunked"])
    await visit.frame(b"before")


async def stops_the_handler(visit: Visit) -> None:
    if visit.name == "left":
        await visit.answer(200, b"not finished")
        return
    await visit.head(200, [*TEXT, "transfer-encoding: chunked"])
    await visit.frame(b"first")


LOST_HEAD = fixed(200, b"", ("content-type: application/octet-stream",))
PROBLEM = fixed(500, b'{"status":500}', ("content-type: application/problem+json",))
MADE = ("content-type: text/plain", "x-color: red")
WRONG_CONTEXT = b'{"request_id":"1","arn":"function-arn","remaining_ms":-1795221589473}'

WRONG_ANSWERS: dict[str, Answer] = {
    "first-byte": collected(0),
    "each-chunk": collected(1),
    "small-chunks": collected(0),
    "head": fixed(200, b"made", (*TEXT, "x-color: red")),
    "cookies": fixed(200, b"two", (*TEXT, f"set-cookie: {', '.join(COOKIES)}")),
    "no-status": PROBLEM,
    "plain": fixed(200, b"plain"),
    "typed": fixed(200, b"<p>", ("content-type: application/octet-stream",)),
    "length": keeps_the_length,
    "empty": LOST_HEAD,
    "empty-end": LOST_HEAD,
    "no-content": sends_a_body_with_no_content,
    "many-values": fixed(200, b"many", (*TEXT, "x-many: two")),
    "long-head": fixed(200, b"long", (*TEXT, f"x-long: {'x' * 4096}")),
    "head-request": answers_head_with_a_body,
    "prelude-apart": fixed(200, b'{"statusCode":201}' + bytes(8) + b"AB"),
    "prelude-with-nuls": PROBLEM,
    "prelude-in-two": PROBLEM,
    "nuls-with-body": fixed(201, b"B", MADE),
    "prelude-with-body": fixed(201, b"", MADE),
    "prelude-cuts": fails_for_one_cut,
    "prelude-bytes": fixed(201, b"AB"),
    "no-delimiter": fixed(200, b"hello"),
    "bad-prelude": fixed(200, b"{no json" + bytes(8) + b"AB"),
    "binary": fixed(200, bytes(range(256)).decode("latin-1").encode(), ("content-type: image/png",)),
    "nuls": fixed(200, b"b" + bytes(8) + b"c"),
    "lines": fixed(200, b"".join(b"line %04d\n" % (n ^ 1) for n in range(1000))),
    "large-body": fixed(200, b"".join(LETTERS[n : n + 1] * MIB for n in range(6))),
    "pace": fixed(200, b"".join(LETTERS[n : n + 1] * MIB for n in range(10))),
    "event-shape": with_event(lambda event: event.update(version="1.0")),
    "event-absent": with_event(lambda event: event.update(cookies=None)),
    "event-no-nulls": with_event(lambda event: event["requestContext"].update(authentication=None)),
    "event-path": with_event(lambda event: event.update(rawPath="/score/event/a b/c/d/é")),
    "event-query": with_event(lambda event: event["queryStringParameters"].update(a="two")),
    "event-headers": with_event(lambda event: event["headers"].update({"x-twice": "one"})),
    "event-cookies": with_event(lambda event: event["headers"].pop("cookie")),
    "event-text-body": with_event(lambda event: event.update(isBase64Encoded=True)),
    "event-binary-body": with_event(lambda event: event.update(body="�")),
    "event-time": in_context("timeEpoch", 1_760_000_000),
    "event-domain": in_context("domainPrefix", "other"),
    "request-id": in_context("requestId", "another"),
    "context": fixed(200, WRONG_CONTEXT),
    "request-4mb": fixed(413, b"too large"),
    "request-too-large": fixed(200, b"%d bytes" % (6 * MIB + 1024)),
    "early-error": fixed(200, b"Traceback (most recent call last)"),
    "late-error": is_cut,
    "client-leaves": stops_the_handler,
    "side-by-side": answers_one_after_the_other,
    "runtime-dies": fixed(200, b"before"),
}
"""Each case of a URL, and an answer with which it does not hold."""


@asynccontextmanager
async def broken_endpoint(answer: Answer) -> AsyncIterator[str]:
    """Serve one answer to every request; gives the URL."""
    serial = asyncio.Lock()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(task := asyncio.ensure_future(_serve(answer, reader, writer, serial)))
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(
    answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serial: asyncio.Lock
) -> None:
    try:
        request = await _request(reader)
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        await answer(Visit(request, writer, query, serial))
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the client left
    finally:
        writer.close()


async def _request(reader: asyncio.StreamReader) -> HttpRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head[:-4].split("\r\n")
    method, target, _ = first.split(" ")
    length = re.search(r"^content-length: (\d+)$", head.replace("\r", ""), re.MULTILINE | re.IGNORECASE)
    parts = urlsplit(target)
    pairs = [line.partition(": ") for line in lines]
    return HttpRequest(
        method=method,
        path=parts.path,
        query=parts.query,
        headers=tuple((name, value) for name, _, value in pairs),
        body=await reader.readexactly(int(length[1])) if length else b"",
    )
