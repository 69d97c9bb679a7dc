"""InvokeWithResponseStream, as boto3 calls it: each chunk as it is produced, and how it ended."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from urllib3.exceptions import ProtocolError

from apptheory_emulator.config import FunctionConfig
from apptheory_streaming import AppError, StreamingResponse, html_stream
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.wire.limits import Limits
from lambda_api import EventStream, LambdaApi, control_port, lambda_functions, log_of
from light_workers import until

pytestmark = pytest.mark.streaming(clock="real")

MIB = 1024 * 1024
PRELUDE = b'{"statusCode":200,"headers":{"content-type":"application/octet-stream"},"cookies":[]}' + bytes(8)


class Gates:
    """A handler whose every chunk waits for the test."""

    def __init__(self, *chunks: str | bytes | BaseException) -> None:
        self.chunks = chunks
        self.open = [asyncio.Event() for _ in chunks]

    async def handler(self, event: Any, context: Any) -> AsyncIterator[Any]:
        for chunk, gate in zip(self.chunks, self.open, strict=True):
            await gate.wait()
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    def let_go(self, *numbers: int) -> None:
        """Let these go on."""
        for number in numbers:
            self.open[number].set()


async def test_each_chunk_comes_before_the_next_is_produced() -> None:
    """The prelude is part of the payload; an empty chunk commits the head, and sends nothing (R3)."""
    gates = Gates("", "one", b"two", "", "three")
    async with control_port(gates.handler) as api:
        gates.let_go(0)
        events = await api.stream()
        assert await events.chunk() == PRELUDE
        for number, chunk in ((1, b"one"), (2, b"two")):
            gates.let_go(number)
            assert await events.chunk() == chunk
        gates.let_go(3, 4)
        assert await events.rest() == [{"PayloadChunk": {"Payload": b"three"}}, {"InvokeComplete": {}}]

    response = events.response
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert response["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    assert response["ResponseMetadata"]["RequestId"] == api.exchanges[0].transcript.request_id


async def test_a_late_error_stands_in_invoke_complete() -> None:
    """E3: the chunks so far stay, and code and document of the error come at the end."""
    gates = Gates("begun", ValueError("no more"))
    async with control_port(gates.handler) as api:
        gates.let_go(0)
        events = await api.stream()
        assert await events.chunk() == PRELUDE
        assert await events.chunk() == b"begun"
        gates.let_go(1)
        (complete,) = await events.rest()

    fields = complete["InvokeComplete"]
    assert set(fields) == {"ErrorCode", "ErrorDetails"}
    assert fields["ErrorCode"] == "ValueError"
    details = json.loads(fields["ErrorDetails"])
    assert (details["errorType"], details["errorMessage"]) == ("ValueError", "no more")


async def test_an_early_error_is_invoke_complete_alone() -> None:
    """E2b: nothing of a response is sent."""
    gates = Gates(ValueError("at once"))
    gates.let_go(0)
    async with control_port(gates.handler) as api:
        payload, complete = await api.payload()

    assert (payload, complete["ErrorCode"]) == (b"", "ValueError")


async def test_an_early_error_with_a_code_answers_an_http_event() -> None:
    """E2: the response stands for the error, so the invocation has not failed."""
    gates = Gates(AppError("app.conflict", "twice"))
    gates.let_go(0)
    async with control_port(gates.handler) as api:
        payload, complete = await api.payload(Payload=b'{"httpMethod": "GET"}')

    head, body = payload.split(bytes(8))
    assert (json.loads(head)["statusCode"], json.loads(body)["error"]["code"]) == (409, "app.conflict")
    assert complete == {}


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
async def test_a_timeout_stands_in_invoke_complete(late: bool) -> None:
    """E5: the client knows of it, and the chunks so far stay."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        if late:
            yield "begun"
        await asyncio.Event().wait()

    async with control_port(handler, timeout=0.05) as api:
        payload, complete = await api.payload()

    assert payload == (PRELUDE + b"begun" if late else b"")
    assert complete["ErrorCode"] == "Sandbox.Timedout"
    assert json.loads(complete["ErrorDetails"])["errorMessage"].endswith(" Error: Task timed out after 0.05 seconds")


async def test_a_late_exit_stands_in_invoke_complete() -> None:
    """E3b."""

    def handler(event: Any, context: Any) -> Iterator[str]:
        yield "begun"
        sys.exit(1)

    async with control_port(handler) as api:
        payload, complete = await api.payload()

    assert (payload, complete["ErrorCode"]) == (PRELUDE + b"begun", "Runtime.ExitError")


async def test_a_stream_beyond_its_limit_stands_in_invoke_complete() -> None:
    """L3: what has come stays."""

    def handler(event: Any, context: Any) -> Iterator[bytes]:
        yield b"a" * 10
        yield b"b" * 10

    async with control_port(handler, limits=Limits(max_buffered_bytes=1, max_streamed_bytes=15)) as api:
        payload, complete = await api.payload()

    assert (payload, complete["ErrorCode"]) == (PRELUDE + b"a" * 10, "Function.ResponseSizeTooLarge")


async def test_a_value_comes_as_one_chunk() -> None:
    """R0: a buffered answer has no prelude."""

    async def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 201, "body": "hi"}

    async with control_port(handler) as api:
        payload, complete = await api.payload()

    assert (payload, complete) == (b'{"statusCode": 201, "body": "hi"}', {})


async def test_an_empty_stream_keeps_its_head() -> None:
    """F6."""

    async def handler(event: Any, context: Any) -> Any:
        return html_stream(iter(()), status=202)

    async with control_port(handler) as api:
        payload, complete = await api.payload()

    assert json.loads(payload.removesuffix(bytes(8)))["statusCode"] == 202
    assert complete == {}


async def test_a_large_chunk_comes_in_several_frames() -> None:
    """No frame is larger than 1 MiB, and not a byte is lost."""
    data = bytes(range(256)) * 4096 * 3 + b"end"

    async def handler(event: Any, context: Any) -> Any:
        return StreamingResponse([data])

    async with control_port(handler) as api:
        *chunks, _ = await (await api.stream()).rest()

    sizes = [len(each["PayloadChunk"]["Payload"]) for each in chunks[1:]]
    assert sizes == [MIB, MIB, MIB, 3]
    assert b"".join(each["PayloadChunk"]["Payload"] for each in chunks) == PRELUDE + data


async def test_the_log_comes_at_the_end() -> None:
    gates = Gates("one", ValueError("late"))
    gates.let_go(0, 1)
    async with control_port(gates.handler) as api:
        _, complete = await api.payload(LogType="Tail")

    assert set(complete) == {"ErrorCode", "ErrorDetails", "LogResult"}
    assert log_of(complete["LogResult"]).startswith("START RequestId: ")


async def test_a_dry_run_runs_nothing() -> None:
    gates = Gates("never")
    async with control_port(gates.handler) as api:
        events = await api.stream(InvocationType="DryRun")
        rest = await events.rest()

    assert (events.response["StatusCode"], rest, api.exchanges) == (204, [], [])


async def test_refusals_come_before_any_frame() -> None:
    """As exceptions, which SDKs raise at the call and not while they read."""
    gates = Gates("never")
    known: dict[str, dict[str, Any]] = {
        "ResourceNotFoundException": {"name": "nobody"},
        "InvalidRequestContentException": {"Payload": b"{"},
        "RequestTooLargeException": {"Payload": b'"' + b"a" * 6 * MIB + b'"'},
    }
    async with control_port(gates.handler) as api:
        for name, arguments in known.items():
            with pytest.raises(getattr(api.client.exceptions, name)):
                await api.stream(**arguments)
        with pytest.raises(ClientError, match="InvalidParameterValueException"):
            await api.stream(InvocationType="Event")


async def many(api: LambdaApi, gates: list[Gates]) -> list[EventStream]:
    return [await api.stream(f"f{number}") for number in range(len(gates))]


async def test_streams_run_side_by_side() -> None:
    """In any order, each with its own chunks."""
    gates = [Gates(f"first {number}", f"second {number}") for number in range(3)]
    configs = [FunctionConfig(name=f"f{number}", target=each.handler) for number, each in enumerate(gates)]
    for each in gates:
        each.let_go(0)
    async with lambda_functions(*configs) as api:
        streams = await many(api, gates)
        for number in (2, 0, 1):
            assert [await streams[number].chunk() for _ in range(2)] == [PRELUDE, f"first {number}".encode()]
        for number in (1, 2, 0):
            gates[number].let_go(1)
            assert await streams[number].chunk() == f"second {number}".encode()
            assert await streams[number].rest() == [{"InvokeComplete": {}}]


@pytest.mark.parametrize(("policy", "handler"), [("continue", "ended"), ("cancel", "cancelled")])
async def test_a_client_that_goes_away(policy: str, handler: str) -> None:
    """E4: the handler runs on to its end, as on AWS, or is cancelled."""
    gates = Gates("one", "two")
    gates.let_go(0)
    async with control_port(gates.handler, on_disconnect=OnDisconnect(policy)) as api:
        events = await api.stream()
        assert await events.chunk() == PRELUDE
        events.close()
        if policy == "continue":
            gates.let_go(1)
        await api.server.settled()

    assert str(api.exchanges[0].transcript.handler) == handler


async def test_a_client_that_reads_late_is_told_of_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """E5: also when its connection was full at the deadline."""
    monkeypatch.setattr("apptheory_emulator.front.event_stream_sink.END_SECONDS", 60)
    stopped = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(MIB)
        finally:
            stopped.set()

    async with control_port(handler, timeout=0.2) as api:
        events = await api.stream()
        await stopped.wait()
        *_, complete = await events.rest()

    assert complete["InvokeComplete"]["ErrorCode"] == "Sandbox.Timedout"


async def test_a_client_that_does_not_read_holds_up_no_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """E5: what it has not taken is dropped, and its connection with it, after a while."""
    monkeypatch.setattr("apptheory_emulator.front.event_stream_sink.END_SECONDS", 0.05)

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        while True:
            yield bytes(MIB)

    async with control_port(handler, timeout=0.2) as api:
        host, port = api.server.url.removeprefix("http://").rstrip("/").split(":")
        with socket.create_connection((host, int(port))) as client:
            path = b"/2021-11-15/functions/function/response-streaming-invocations"
            client.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            await until(lambda: bool(api.exchanges))

    transcript = api.exchanges[0].transcript
    assert (str(transcript.handler), str(transcript.delivery)) == ("timed_out", "cut")


async def test_a_stream_that_the_end_of_the_server_cuts_has_no_end() -> None:
    """A client must not take it for whole: no InvokeComplete, and no last HTTP chunk."""
    gates = Gates("one", "never")
    gates.let_go(0)
    async with control_port(gates.handler) as api:
        events = await api.stream()
        assert [await events.chunk() for _ in range(2)] == [PRELUDE, b"one"]
    with pytest.raises(ProtocolError):
        await events.rest()
