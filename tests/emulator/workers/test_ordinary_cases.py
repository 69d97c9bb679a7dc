"""What ordinary functions do and a local tool easily gets wrong: each from a runtime's bytes to an HTTP client's."""

import asyncio
import json
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory, WorkerFunction, worker
from light_workers import light_worker, open_gate
from raw_http import RawResponse, connect, fetch
from runtime_clients import node
from token_gate import token_gate

pytestmark = pytest.mark.streaming(clock="real")

NODE = """
    import { once } from "node:events";
    const { HttpResponseStream, streamifyResponse } = awslambda;
    const cases = {
      "/no-cookies": async (stream) => {
        const out = HttpResponseStream.from(stream, { statusCode: 201, headers: { "content-type": "text/plain" } });
        out.write("made");
        out.end();
      },
      "/no-head": async (stream) => {
        stream.write("plain");
        stream.end();
      },
      "/throws": async (stream) => {
        const out = HttpResponseStream.from(stream, { statusCode: 200, headers: { "content-type": "text/plain" } });
        out.write("before");
        throw new Error("late failure");
      },
      "/time": async (stream, event, context) => {
        const out = HttpResponseStream.from(stream, { headers: { "content-type": "application/json" } });
        out.write(JSON.stringify({
          remaining: context.getRemainingTimeInMillis(),
          deadline: Date.now() + context.getRemainingTimeInMillis(),
          arn: context.invokedFunctionArn,
        }));
        out.end();
      },
      "/event": async (stream, event) => {
        const out = HttpResponseStream.from(stream, { headers: { "content-type": "application/json" } });
        out.write(JSON.stringify(event));
        out.end();
      },
      "/held": async (stream, event) => {
        const answer = await fetch(event.queryStringParameters.gate);
        stream.write(`${await answer.text()} ${process.pid}`);
        stream.end();
      },
    };
    export const handler = streamifyResponse(async (event, stream, context) => {
      await cases[event.rawPath](stream, event, context);
    });
    export const value = async () => ({ hello: "world" });
"""

PYTHON = """
    import json, os, time
    from apptheory_streaming import StreamingResponse

    def answer(document):
        return StreamingResponse(iter([json.dumps(document)]), headers={"content-type": "application/json"})

    def failing():
        yield "before"
        raise ValueError("late failure")

    def handler(event, context):
        match event["rawPath"]:
            case "/no-cookies":
                return StreamingResponse(iter(["made"]), status=201, headers={"content-type": "text/plain"})
            case "/no-head":
                return iter(["plain"])
            case "/throws":
                return StreamingResponse(failing(), headers={"content-type": "text/plain"})
            case "/time":
                remaining = context.get_remaining_time_in_millis()
                deadline = time.time() * 1000 + remaining
                return answer({"remaining": remaining, "deadline": deadline, "arn": context.invoked_function_arn})
            case "/event":
                return answer(event)
            case "/held":
                return held(event["queryStringParameters"]["gate"])

    def held(gate):
        from urllib.request import urlopen
        yield f"{urlopen(gate).read().decode()} {os.getpid()}"

    def value(event, context):
        return {"hello": "world"}
"""

KINDS = ["node", "python"]


def function(kind: str, folder: Path, name: str = "handler", **options: Any) -> WorkerFunction:
    """A function in one of our runtimes."""
    if kind == "node":
        node()
    file, code = {"node": ("index.mjs", NODE), "python": ("app.py", PYTHON)}[kind]
    (folder / file).write_text(dedent(code))
    return worker(f"{file}:{name}", cwd=folder, **options)


def sending(folder: Path, *pieces: bytes) -> WorkerFunction:
    """A runtime that sends these bytes, an HTTP chunk each."""
    return light_worker(folder, f'PRELUDE = b""\n\ndef handler(event):\n    yield from {list(pieces)!r}\n')


def plain(response: RawResponse) -> tuple[int, str | None, bytes, bool]:
    """Status, content type, body, and whether it was cut."""
    return response.status, response.head.value("content-type"), response.body, response.cut


@pytest.mark.parametrize("kind", KINDS)
async def test_1_a_head_without_cookies(function_url: FunctionUrlFactory, tmp_path: Path, kind: str) -> None:
    """R6: status and headers count, and there are no cookies."""
    response = await fetch(await function_url(function(kind, tmp_path)), target="/no-cookies")

    assert plain(response) == (201, "text/plain", b"made", False)
    assert response.head.values("set-cookie") == []


@pytest.mark.parametrize("kind", KINDS)
async def test_2_no_head_at_all(function_url: FunctionUrlFactory, tmp_path: Path, kind: str) -> None:
    """F2: 200 and application/octet-stream."""
    response = await fetch(await function_url(function(kind, tmp_path)), target="/no-head")

    assert plain(response) == (200, "application/octet-stream", b"plain", False)


HEAD = b'{"statusCode": 203, "headers": {"content-type": "text/plain"}, "cookies": ["a=1; Path=/", "b=2"]}'
NULS = bytes(8)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((HEAD + NULS, b"A", b"B"), id="3-prelude-and-nuls-in-one-chunk"),
        pytest.param((HEAD[:20], HEAD[20:], NULS, b"AB"), id="4-prelude-in-two-chunks"),
        pytest.param((HEAD, NULS + b"A", b"B"), id="5-nuls-and-first-bytes-in-one-chunk"),
        pytest.param((HEAD, NULS[:3], NULS[3:] + b"AB"), id="5-nuls-in-two-chunks"),
        pytest.param((HEAD + NULS + b"AB",), id="everything-in-one-chunk"),
    ],
)
async def test_a_head_in_any_chunks(
    function_url: FunctionUrlFactory, tmp_path: Path, pieces: tuple[bytes, ...]
) -> None:
    """W6: the borders of chunks say nothing; no byte is lost."""
    response = await fetch(await function_url(sending(tmp_path, *pieces)))

    assert plain(response) == (203, "text/plain", b"AB", False)
    assert response.head.values("set-cookie") == ["a=1; Path=/", "b=2"]


async def test_6_a_head_of_sixty_kilobytes(function_url: FunctionUrlFactory, tmp_path: Path) -> None:
    """It is no body, and no error."""
    headers = {f"x-{number}": "v" * 1000 for number in range(60)}
    head = json.dumps({"statusCode": 200, "headers": headers}).encode()
    response = await fetch(await function_url(sending(tmp_path, head + NULS, b"body")))

    assert (response.status, response.body) == (200, b"body")
    assert {name: response.head.value(name) for name in headers} == headers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("late_errors", "cut"), [("aws", False), ("abort", True)])
async def test_7_a_handler_that_throws_in_its_stream(
    function_url: FunctionUrlFactory, tmp_path: Path, kind: str, late_errors: str, cut: bool
) -> None:
    """E3: the response ends at once, cleanly as on AWS or cut; its runtime's connection serves the next request."""
    url = await function_url(function(kind, tmp_path, concurrency=1), late_errors=late_errors)

    for _ in range(2):
        response = await fetch(url, target="/throws")
        assert plain(response) == (200, "text/plain", b"before", cut)
    assert plain(await fetch(url, target="/no-head")) == (200, "application/octet-stream", b"plain", False)


@pytest.mark.parametrize("kind", KINDS)
async def test_8_the_deadline_and_the_name_of_the_function(
    function_url: FunctionUrlFactory, tmp_path: Path, kind: str
) -> None:
    """Milliseconds since 1970, so that what remains is no more than the timeout, and a whole ARN."""
    url = await function_url(function(kind, tmp_path, name="handler"), timeout=60)
    began = time.time() * 1000
    seen = json.loads((await fetch(url, target="/time")).body)

    assert 0 < seen["remaining"] <= 60_000
    assert began < seen["deadline"] <= time.time() * 1000 + 60_001
    arn, partition, service, region, account, what, name = seen["arn"].split(":")
    assert (arn, partition, service, what) == ("arn", "aws", "lambda", "function")
    assert region
    assert len(account) == 12
    assert name


async def test_8_the_deadline_on_the_wire(function_url: FunctionUrlFactory, tmp_path: Path) -> None:
    """The header of the Runtime API is an epoch in milliseconds, as a whole number."""
    raw = """
        import os, socket
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        api = socket.create_connection((host, int(port)))
        api.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        answer = b""
        while b"\\r\\n\\r\\n" not in answer:
            answer += api.recv(65536)
        lines = answer.decode().split("\\r\\n")
        found = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        body = found["lambda-runtime-deadline-ms"] + " " + found["lambda-runtime-invoked-function-arn"]
        path = "/2018-06-01/runtime/invocation/" + found["lambda-runtime-aws-request-id"] + "/response"
        api.sendall(f"POST {path} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}".encode())
        api.recv(65536)
        api.recv(65536)
    """
    url = await function_url(light_worker(tmp_path, raw), timeout=60)
    began = time.time_ns() // 1_000_000
    deadline, arn = (await fetch(url)).body.decode().split()

    assert began < int(deadline) <= time.time_ns() // 1_000_000 + 60_000
    assert arn.startswith("arn:aws:lambda:")


@pytest.mark.parametrize("kind", KINDS)
async def test_10_a_value_without_a_status_code(function_url: FunctionUrlFactory, tmp_path: Path, kind: str) -> None:
    """R0: 200 and the JSON itself, on URLs of both modes."""
    target = function(kind, tmp_path, name="value")
    for mode in ("BUFFERED", "RESPONSE_STREAM"):
        response = await fetch(await function_url(target, invoke_mode=mode))

        assert (response.status, response.head.value("content-type")) == (200, "application/json")
        assert json.loads(response.body) == {"hello": "world"}


@pytest.mark.parametrize("kind", KINDS)
async def test_11_the_event_is_that_of_a_function_url(
    function_url: FunctionUrlFactory, tmp_path: Path, kind: str
) -> None:
    """Milliseconds, HTTP/1.1, the client's own agent, ids, both values of a header, and no key of other formats."""
    headers = [("User-Agent", "curl/8"), ("X-Twice", "one"), ("X-Twice", "two"), ("Cookie", "a=1; b=2")]
    began = time.time() * 1000
    url = await function_url(function(kind, tmp_path))
    event = json.loads((await fetch(url, "POST", "/event?q=1&q=2&e=", headers, b"body")).body)

    context = event["requestContext"]
    assert began - 1000 < context["timeEpoch"] <= time.time() * 1000
    assert context["http"]["protocol"] == "HTTP/1.1"
    assert context["http"]["method"] == "POST"
    assert context["http"]["userAgent"] == "curl/8"
    assert all(isinstance(context[name], str) and context[name] for name in ("accountId", "apiId", "domainName"))
    assert event["headers"]["x-twice"] == "one,two"
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["queryStringParameters"] == {"q": "1,2", "e": ""}
    assert event["version"] == "2.0"
    assert not {"methodArn", "httpMethod", "path", "multiValueHeaders", "resource"} & event.keys()


@pytest.mark.parametrize("kind", KINDS)
async def test_12_two_requests_at_once_run_in_two_processes(
    function_url: FunctionUrlFactory, tmp_path: Path, kind: str
) -> None:
    """Both run before either is let go on, so the second does not wait for the first."""
    url = await function_url(function(kind, tmp_path))
    async with token_gate() as gate:
        target = f"/held?gate={gate.url}"
        requests = [asyncio.create_task(fetch(url, target=target)) for _ in range(2)]
        for _ in requests:
            await gate.asked()
        gate.give("a", "b")
        bodies = [(await request).body.decode().split() for request in requests]

    (first, one), (second, other) = bodies
    assert {first, second} == {"a", "b"}
    assert one != other


SPLIT = HEAD + NULS + b"\0\0one\0\0\0\0\0\0\0\0two\r\n\0"


async def test_every_split_of_head_nuls_and_body_gives_the_same_response(
    function_url: FunctionUrlFactory, tmp_path: Path
) -> None:
    """W6: whole, byte by byte, and cut in two at every place."""
    code = f"""
        whole = {SPLIT!r}
        PRELUDE = b""

        def handler(event):
            place = event["rawPath"][1:]
            if place == "bytes":
                yield from (bytes([byte]) for byte in whole)
            else:
                yield from (whole[:int(place)], whole[int(place):])
    """
    url = await function_url(light_worker(tmp_path, code, concurrency=1))
    async with connect(url) as connection:
        for place in ("bytes", *range(len(SPLIT))):
            await connection.request("GET", f"/{place}")
            response = await connection.read_response()
            assert plain(response) == (203, "text/plain", SPLIT.partition(NULS)[2], False), place
            assert response.head.values("set-cookie") == ["a=1; Path=/", "b=2"], place


async def test_bytes_of_the_socket_cut_at_every_place_give_the_same_response(
    function_url: FunctionUrlFactory, tmp_path: Path
) -> None:
    """The same for what a runtime writes to its socket: head of the request, sizes of chunks, and trailers."""
    code = f"""
        import os, sys
        pieces = [{HEAD!r}, {NULS!r}, b"AB"]
        wire = b"".join(b"%x\\r\\n%s\\r\\n" % (len(piece), piece) for piece in pieces) + b"0\\r\\n\\r\\n"

        def respond(self, request_id, chunks, *, headers, prelude):
            (path,) = chunks
            head = f"POST /2018-06-01/runtime/invocation/{{request_id}}/response HTTP/1.1\\r\\nHost: x\\r\\n{{headers}}\\r\\n"
            whole = head.encode() + wire
            place = int(path)
            self.socket.sendall(whole[:place])
            os.sched_yield()
            self.socket.sendall(whole[place:])
            self.answer()

        def handler(event):
            yield event["rawPath"][1:]

        sys.modules["__main__"].Api.respond = respond
    """
    url = await function_url(light_worker(tmp_path, code, concurrency=1))
    async with connect(url) as connection:
        for place in range(480):
            await connection.request("GET", f"/{place}")
            assert plain(await connection.read_response()) == (203, "text/plain", b"AB", False), place


async def test_the_first_byte_is_there_while_the_handler_waits(
    function_url: FunctionUrlFactory, tmp_path: Path
) -> None:
    """A prelude and its first byte in one chunk go on at once, over HTTP too."""
    code = """
        def handler(event):
            yield b"first"
            gate()
            yield b" second"
    """
    async with open_gate(tmp_path) as gate:
        url = await function_url(light_worker(tmp_path, code))
        async with connect(url) as connection:
            await connection.request("GET")
            await connection.read_head()
            assert await connection.read_frame() == b"first"
            await gate.reached()
            gate.let_go()
            assert await connection.read_frame() == b" second"
            assert await connection.read_frame() is None
