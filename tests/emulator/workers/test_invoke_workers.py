"""The Invoke APIs over workers: our runtimes for Python and Node, and one that sends what a test wants."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator import WorkerFunction, worker
from lambda_api import control_port, log_of
from light_workers import light_worker, open_gate
from runtime_clients import node

pytestmark = pytest.mark.streaming(clock="real")

PYTHON = """
from apptheory_streaming import html_stream

def handler(event, context):
    kind = event["kind"]
    if kind == "value":
        print("a line of", kind)
        return {"custom": context.client_context.custom, "arn": context.invoked_function_arn}
    if kind == "early":
        raise LookupError("early")
    return html_stream(body(kind), status=201)

def body(kind):
    yield "<p>"
    if kind == "late":
        raise LookupError("late")
    yield "</p>"
"""
NODE = """
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.kind === "early") throw new TypeError("early");
  const type = "text/html; charset=utf-8";
  const out = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "content-type": type } });
  out.write("<p>");
  if (event.kind === "late") throw new TypeError("late");
  out.write("</p>");
  out.end();
});
export const value = async (event, context) => {
  console.log("a line of value");
  return { custom: context.clientContext.custom, arn: context.invokedFunctionArn };
};
"""


def python(folder: Path, name: str = "handler") -> WorkerFunction:
    """The handlers in our Python runtime."""
    (folder / "app.py").write_text(PYTHON)
    return worker("python", "app.py:handler", cwd=folder, name="chat", memory=512)


def in_node(folder: Path, name: str = "handler") -> WorkerFunction:
    """The same in our Node runtime."""
    node()
    (folder / "app.mjs").write_text(NODE)
    return worker("node", f"app.mjs:{name}", cwd=folder, name="chat", memory=512)


RUNTIMES = pytest.mark.parametrize(
    ("runtime", "error"), [(python, "LookupError"), (in_node, "TypeError")], ids=["python", "node"]
)


@RUNTIMES
async def test_a_stream_of_a_worker_comes_with_its_prelude(runtime: Any, error: str, tmp_path: Path) -> None:
    """By both operations; how a runtime cuts its bytes is its own affair (W7)."""
    async with control_port(runtime(tmp_path)) as api:
        payload, complete = await api.payload(Payload=b'{"kind": "stream"}')
        response, whole = await api.invoke(Payload=b'{"kind": "stream"}')

    head, body = payload.split(bytes(8))
    assert json.loads(head) == {
        "statusCode": 201,
        "headers": {"content-type": "text/html; charset=utf-8"},
        "cookies": [],
    }
    assert (body, complete) == (b"<p></p>", {})
    assert whole == payload
    assert "FunctionError" not in response


@RUNTIMES
async def test_errors_of_a_worker(runtime: Any, error: str, tmp_path: Path) -> None:
    """E2b, E3: what the runtime reports is the document; a late one is in InvokeComplete."""
    async with control_port(runtime(tmp_path)) as api:
        early, early_payload = await api.invoke(Payload=b'{"kind": "early"}')
        nothing, early_complete = await api.payload(Payload=b'{"kind": "early"}')
        late_payload, late_complete = await api.payload(Payload=b'{"kind": "late"}')

    document = json.loads(early_payload)
    assert early["FunctionError"] == "Unhandled"
    assert (document["errorType"], document["errorMessage"]) == (error, "early")
    assert any("app." in line for line in document["stackTrace"])
    assert (nothing, early_complete["ErrorCode"]) == (b"", error)
    assert late_payload.split(bytes(8))[1] == b"<p>"
    assert late_complete["ErrorCode"] == error
    assert json.loads(late_complete["ErrorDetails"])["errorMessage"] == "late"


@RUNTIMES
async def test_a_value_of_a_worker_and_its_log(runtime: Any, error: str, tmp_path: Path) -> None:
    """The runtime gets client context and ARN; the tail has what was printed, up to REPORT."""
    async with control_port(runtime(tmp_path, "value")) as api:
        response, payload = await api.invoke(
            "chat:live", Payload=b'{"kind": "value"}', LogType="Tail", ClientContext="eyJjdXN0b20iOiB7ImsiOiAxfX0="
        )

    assert json.loads(payload) == {
        "custom": {"k": 1},
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:chat:live",
    }
    lines = log_of(response["LogResult"]).splitlines()
    request_id = response["ResponseMetadata"]["RequestId"]
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert "a line of value" in lines[1]
    assert lines[2] == f"END RequestId: {request_id}"
    assert lines[3].startswith(f"REPORT RequestId: {request_id}\t")
    assert "Memory Size: 512 MB" in lines[3]


async def test_a_stream_without_a_prelude_gets_none(tmp_path: Path) -> None:
    """Its bytes are its own: by both operations what the runtime has sent, and not a head made up for it."""
    code = """
        HEADERS = "Content-Type: text/plain\\r\\nTransfer-Encoding: chunked\\r\\n"
        HEADERS += "Lambda-Runtime-Function-Response-Mode: streaming\\r\\n"
        PRELUDE = b""

        def handler(event):
            yield b"as "
            yield b"it is"
    """
    async with control_port(light_worker(tmp_path, code)) as api:
        payload, complete = await api.payload()
        _, whole = await api.invoke()

    assert (payload, complete, whole) == (b"as it is", {}, b"as it is")


async def test_chunks_of_a_worker_come_while_it_waits(tmp_path: Path) -> None:
    """The first chunk is there before the second is written; the log is only complete at the end."""
    code = """
        def handler(event):
            yield b"one"
            gate("second")
            print("between", flush=True)
            yield b"two"
    """
    async with open_gate(tmp_path) as gate, control_port(light_worker(tmp_path, code)) as api:
        events = await api.stream(LogType="Tail")
        prelude, first = await events.chunk(), await events.chunk()
        await gate.reached()
        gate.let_go("second")
        *chunks, complete = await events.rest()

    assert (prelude.endswith(bytes(8)), first) == (True, b"one")
    assert b"".join(each["PayloadChunk"]["Payload"] for each in chunks) == b"two"
    assert "\nbetween\n" in log_of(complete["InvokeComplete"]["LogResult"])


async def test_a_worker_that_ends(tmp_path: Path) -> None:
    """E3b: AWS's type and words, early and late; the next invocation has another worker."""
    code = """
        import os

        def handler(event):
            if event == "late":
                yield b"one"
            if event:
                os._exit(3)
            yield b"alive"
    """
    async with control_port(light_worker(tmp_path, code)) as api:
        early, payload = await api.invoke(Payload=b'"early"', LogType="Tail")
        _, late = await api.payload(Payload=b'"late"')
        _, alive = await api.invoke(Payload=b'""')

    request_id = early["ResponseMetadata"]["RequestId"]
    assert json.loads(payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: exit status 3",
    }
    assert "Error Type: Runtime.ExitError" in log_of(early["LogResult"])
    assert late["ErrorCode"] == "Runtime.ExitError"
    assert alive.endswith(b"alive")


async def test_a_worker_that_takes_too_long(tmp_path: Path) -> None:
    """E5: it is killed, and the log says so."""
    code = """
        def handler(event):
            yield b"one"
            gate()
    """
    async with open_gate(tmp_path), control_port(light_worker(tmp_path, code), timeout=1.5) as api:
        payload, complete = await api.payload(LogType="Tail")

    assert payload.endswith(b"one")
    assert complete["ErrorCode"] == "Sandbox.Timedout"
    assert "Task timed out after 1.50 seconds" in json.loads(complete["ErrorDetails"])["errorMessage"]
    assert "Task timed out after 1.50 seconds" in log_of(complete["LogResult"])


async def test_one_more_than_the_workers_is_throttled(tmp_path: Path) -> None:
    """By both operations, before a frame is sent."""
    code = """
        def handler(event):
            gate("held")
            yield b"done"
    """
    async with open_gate(tmp_path) as gate, control_port(light_worker(tmp_path, code, concurrency=1)) as api:
        held = asyncio.ensure_future(api.invoke())
        await gate.reached()
        with pytest.raises(api.client.exceptions.TooManyRequestsException):
            await api.invoke()
        with pytest.raises(api.client.exceptions.TooManyRequestsException):
            await api.stream()
        gate.let_go()
        assert (await held)[1].endswith(b"done")


async def test_what_is_known_of_a_worker(tmp_path: Path) -> None:
    """GetFunction and ListFunctions show the runtime, the handler and the memory."""
    async with control_port(python(tmp_path), timeout=7) as api:
        listed = (await api.call("list_functions"))["Functions"]
        configuration = (await api.call("get_function", FunctionName="chat"))["Configuration"]

    assert listed == [configuration]
    assert configuration["Runtime"].startswith("python3.")
    assert (configuration["Handler"], configuration["Timeout"], configuration["MemorySize"]) == (
        "app.py:handler",
        7,
        512,
    )
