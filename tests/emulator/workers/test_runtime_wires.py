"""Answers as the runtime clients write them on the wire, whole, and cut at every byte."""

import asyncio
import itertools
import json
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_emulator.workers.runtime_api import RuntimeApi
from apptheory_emulator.workers.runtime_connection import RuntimeConnection
from apptheory_streaming.errors import RuntimeExit, RuntimeFailure
from apptheory_streaming.wire.runtime_api import ReportedError
from runtime_wire import chunked, invocation, invoked, response_path, running_api, runtime_of, within

pytestmark = pytest.mark.streaming(clock="real")

INTEGRATION = "application/vnd.awslambda.http-integration-response"
PRELUDE = b'{"statusCode":200,"headers":{"content-type":"text/plain"}}'
NULS = bytes(8)
REPORT = ReportedError("TypeError", "boom mid", ("TypeError: boom mid", "    at handler (index.mjs:3:9)"))
TRAILERS = (
    ("Lambda-Runtime-Function-Error-Type", REPORT.error_type),
    ("Lambda-Runtime-Function-Error-Body", REPORT.trailer()),
)
POLL = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9101\r\n\r\n"


def head(*lines: str) -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"POST {response_path()} HTTP/1.1", *lines, "", ""]).encode()


NODE_HEAD = head(
    "Lambda-Runtime-Function-Response-Mode: streaming",
    "Trailer: Lambda-Runtime-Function-Error-Type",
    "Trailer: Lambda-Runtime-Function-Error-Body",
    f"Content-Type: {INTEGRATION}",
    "Transfer-Encoding: chunked",
    "Host: 127.0.0.1:9101",
    "Connection: keep-alive",
)
PYTHON = head(
    "Host: 127.0.0.1:9101",
    "User-Agent: aws-lambda-python/3.11.7-4.2.2",
    "Accept: */*",
    "content-type: application/json",
    "content-length: 11",
)
GO_HEAD = head(
    "Host: 127.0.0.1:9101",
    "User-Agent: aws-lambda-go/go1.24.0",
    "Transfer-Encoding: chunked",
    f"Content-Type: {INTEGRATION}",
    "Trailer: Lambda-Runtime-Function-Error-Type,Lambda-Runtime-Function-Error-Body",
    "Accept-Encoding: gzip",
)
DOTNET_HEAD = head(
    "Host: 127.0.0.1:9101",
    "User-Agent: aws-lambda-dotnet/2.0.0",
    f"Content-Type: {INTEGRATION}",
    "Lambda-Runtime-Function-Response-Mode: streaming",
    "Transfer-Encoding: chunked",
    "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
)


@dataclass(frozen=True)
class Answer:
    """What came of an answer."""

    content_type: str
    streaming: bool
    body: bytes
    error: ReportedError | None = None


WIRES = {
    "python": (PYTHON + b'{"ok":true}', Answer("application/json", False, b'{"ok":true}')),
    "node": (
        NODE_HEAD + chunked([PRELUDE, NULS, b"a", b"b"]),
        Answer(INTEGRATION, True, PRELUDE + NULS + b"ab"),
    ),
    "node from and end": (NODE_HEAD + chunked([]), Answer(INTEGRATION, True, b"")),
    "node that throws": (
        NODE_HEAD + chunked([PRELUDE, NULS, b"a"], TRAILERS),
        Answer(INTEGRATION, True, PRELUDE + NULS + b"a", REPORT),
    ),
    "node that throws before a write": (NODE_HEAD + chunked([], TRAILERS), Answer("", True, b"", REPORT)),
    "go": (GO_HEAD + chunked([PRELUDE + NULS + b"a", b"b"]), Answer(INTEGRATION, True, PRELUDE + NULS + b"ab")),
    "go that panics": (
        GO_HEAD + chunked([PRELUDE + NULS], TRAILERS),
        Answer(INTEGRATION, True, PRELUDE + NULS, REPORT),
    ),
    ".net": (DOTNET_HEAD + chunked([PRELUDE + NULS, b"ab"]), Answer(INTEGRATION, True, PRELUDE + NULS + b"ab")),
    "no content type": (head("Transfer-Encoding: chunked") + chunked([b"a"]), Answer("", True, b"a")),
}


class Wire(asyncio.Transport):
    """Takes what the connection writes.

    A transport in memory, for a socket would need a loop turn or more for each of the thousands of
    cuts, and the kernel would join what was cut.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.paused = False
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


async def answer_of(pieces: Iterable[bytes]) -> tuple[Answer, bytes]:
    """Give the pieces to a connection that has an invocation; gives the answer, and what the runtime gets for it."""
    api, wire = RuntimeApi(), Wire()
    connection = RuntimeConnection(api)
    connection.connection_made(wire)
    connection.data_received(POLL)
    waiting = asyncio.create_task(api.invoke(invocation()))
    await asyncio.sleep(0)
    delivered = len(wire.sent)
    for piece in pieces:
        connection.data_received(piece)
    try:
        return await outcome(waiting), bytes(wire.sent[delivered:])
    finally:
        connection.connection_lost(None)
        await api.close()


async def outcome(waiting: "asyncio.Task[object]") -> Answer:
    """Read an answer to its end."""
    content_type, streaming, body, error = "", True, b"", None
    try:
        answer = await waiting
        content_type, streaming = answer.content_type, answer.streaming  # type: ignore[attr-defined]
        async for piece in answer.body:  # type: ignore[attr-defined]
            body += piece
    except RuntimeFailure as failure:
        error = ReportedError(failure.error_type, str(failure), failure.stack_trace, failure.code)
    return Answer(content_type, streaming, body, error)


def is_accepted(reply: bytes) -> bool:
    """Whether the runtime got its 202, and nothing more."""
    return reply.startswith(b"HTTP/1.1 202 Accepted\r\n") and reply.endswith(b'\r\n\r\n{"status":"OK"}\n')


@pytest.mark.parametrize(("wire", "expected"), WIRES.values(), ids=WIRES)
async def test_an_answer_of_each_client_over_a_socket(wire: bytes, expected: Answer) -> None:
    """The client sends it at once, and its next poll on the same connection."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.send(wire + POLL)

        assert await within(outcome(answer)) == expected
        assert (await runtime.read_response()).status == 202
        await within(api.idle())


@pytest.mark.parametrize(("wire", "expected"), WIRES.values(), ids=WIRES)
async def test_an_answer_cut_at_every_byte(wire: bytes, expected: Answer) -> None:
    """W6: chunk borders, header lines, trailers: wherever TCP cuts, the answer is the same."""
    for cut in range(len(wire) + 1):
        answer, reply = await answer_of((wire[:cut], wire[cut:]))

        assert answer == expected, f"cut before byte {cut}"
        assert is_accepted(reply), f"cut before byte {cut}"


@pytest.mark.parametrize(("wire", "expected"), WIRES.values(), ids=WIRES)
async def test_an_answer_byte_by_byte(wire: bytes, expected: Answer) -> None:
    """W6: one byte a segment."""
    answer, reply = await answer_of(wire[at : at + 1] for at in range(len(wire)))

    assert answer == expected
    assert is_accepted(reply)


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=20), max_size=6),
    st.lists(st.integers(0, 600), max_size=6),
    st.booleans(),
    st.sampled_from([NODE_HEAD, GO_HEAD, DOTNET_HEAD]),
)
async def test_any_body_in_any_chunks_and_cuts(chunks: list[bytes], cuts: list[int], fails: bool, lines: bytes) -> None:
    """W6: what the runtime wrote is what comes, in the same bytes, with the error it ended with."""
    wire = lines + chunked(chunks, TRAILERS if fails else ())
    places = sorted({0, *cuts, len(wire)})
    answer, reply = await answer_of(wire[start:end] for start, end in itertools.pairwise(places))

    assert answer.body == b"".join(chunks)
    assert answer.error == (REPORT if fails else None)
    assert is_accepted(reply)


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([NODE_HEAD, PYTHON]), st.integers(0, 200))
async def test_any_bytes_behind_a_head(noise: bytes, lines: bytes, cut: int) -> None:
    """E3b: whatever a broken runtime sends, the invocation ends with an answer or an error of ours."""
    if lines is NODE_HEAD:
        noise = b"x" + noise  # no chunk begins so: without it some noise is a whole body
    whole = lines is PYTHON and len(noise) >= 11
    with nullcontext() if whole else pytest.raises(RuntimeExit, match="the runtime broke its answer off"):
        answer = await within(gone_behind((lines, noise[:cut], noise[cut:])))
        assert answer.body == noise[:11]


async def gone_behind(pieces: Iterable[bytes]) -> Answer:
    """As answer_of, for a runtime whose connection ends behind the pieces."""
    api, wire = RuntimeApi(), Wire()
    connection = RuntimeConnection(api)
    connection.connection_made(wire)
    connection.data_received(POLL)
    waiting = asyncio.create_task(api.invoke(invocation()))
    await asyncio.sleep(0)
    for piece in pieces:
        if not wire.closed:
            connection.data_received(piece)
    connection.connection_lost(None)
    try:
        return await outcome(waiting)
    finally:
        await api.close()


async def test_trailers_of_a_mebibyte() -> None:
    """A long stack trace comes whole."""
    lines = tuple(f"line {number} {'x' * 60}" for number in range(10_000))
    report = ReportedError("Error", "deep", lines)
    assert len(report.trailer()) > 900_000
    trailers = [
        ("Lambda-Runtime-Function-Error-Type", "Error"),
        ("Lambda-Runtime-Function-Error-Body", report.trailer()),
    ]
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.send(NODE_HEAD + chunked([b"a"], trailers))

        assert (await within(outcome(answer))).error == report
        assert (await runtime.read_response()).status == 202


async def test_trailers_of_many_lines_hold_up_nobody() -> None:
    """As many as a mebibyte has room for take a moment; joined line by line, three of them took 50 s."""
    trailers = [("a", "b")] * 200_000

    async def three_answers() -> None:
        for _ in range(3):
            answer = await invoked(api, runtime)
            await runtime.send(NODE_HEAD + chunked([b"x"], trailers))
            assert (await outcome(answer)).body == b"x"
            assert (await runtime.read_response()).status == 202

    async with running_api() as api, runtime_of(api) as runtime:
        await within(three_answers())


@pytest.mark.parametrize("what", ["trailers", "chunk extension", "header", "target"])
async def test_a_head_or_trailers_without_end(what: str) -> None:
    """What is kept until its end has a bound: the connection is closed, the invocation fails."""
    begin = {
        "trailers": NODE_HEAD + b"0\r\nX-Long: ",
        "chunk extension": NODE_HEAD + b"1;x=",
        "header": POLL[:-2] + b"X-Long: ",
        "target": b"GET /",
    }[what]
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.send(begin)
        try:
            for _ in range(100):
                await runtime.send(b"x" * 65536)
        except ConnectionError:
            pass
        if what in ("trailers", "chunk extension"):
            with pytest.raises(RuntimeExit, match="more than 1114112 bytes of headers, trailers or chunk extensions"):
                await within(answer)
        else:
            assert not answer.done()
            answer.cancel()


def test_the_report_is_what_node_sends() -> None:
    """The trailer is base64 of the error's JSON."""
    assert json.loads(REPORT.document())["errorType"] == "TypeError"
