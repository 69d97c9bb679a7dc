"""The control port of the command: where it is, what it serves, and that stdout keeps the ready line alone."""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from emulate_command import emulate, run_to_end
from lambda_api import EventStream, lambda_client, log_of

pytestmark = pytest.mark.streaming(clock="real")

HANDLER = """
def handler(event, context):
    print("answering", flush=True)
    yield "to "
    yield event["name"] if "name" in event else event["rawPath"]
"""


ASK = """
import boto3

client = boto3.client("lambda")  # which finds its endpoint by itself
print(client.invoke(FunctionName="chat", Payload=b'{"name": "Ada"}')["Payload"].read().split(bytes(8))[1].decode())
"""
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "chat.py").write_text(HANDLER)
    return tmp_path


def invoke(url: str) -> tuple[Any, bytes]:
    """Invoke the function, for its whole answer."""
    client = lambda_client(url)
    try:
        response = client.invoke(FunctionName="chat", Payload=b'{"name": "Ada"}', LogType="Tail")
        return response, response["Payload"].read()
    finally:
        client.close()


@pytest.mark.parametrize("place", [(), ("--in-process",)], ids=["worker", "in process"])
async def test_an_sdk_reaches_the_function_of_the_command(folder: Path, place: tuple[str, ...]) -> None:
    """By both operations, beside its URL; the ready line says where, and stdout carries nothing else."""
    async with emulate("chat.py:handler", *place, "--port", "0", "--ready-json", cwd=folder) as command:
        ready = await command.ready()
        response, payload = await asyncio.to_thread(invoke, ready["control_url"])
        client = lambda_client(ready["control_url"])
        stream = await asyncio.to_thread(
            client.invoke_with_response_stream, FunctionName="function", Payload=b'{"name": "Ada"}'
        )
        *chunks, complete = await EventStream(stream).rest()
        client.close()
        finished = await command.stop()

    assert payload.split(bytes(8))[1] == b"to Ada"
    assert "REPORT RequestId: " in log_of(response["LogResult"])
    assert b"".join(each["PayloadChunk"]["Payload"] for each in chunks) == payload
    assert complete == {"InvokeComplete": {}}
    assert (finished.code, finished.stdout) == (0, "")
    assert f"Invoke APIs on {ready['control_url']}" in finished.stderr
    assert "POST /2015-03-31/functions/chat/invocations" in finished.stderr


async def test_an_sdk_in_a_command_finds_the_functions_by_itself(folder: Path) -> None:
    """By `exec`, which sets AWS_ENDPOINT_URL_LAMBDA."""
    (folder / "ask.py").write_text(ASK)

    finished = await run_to_end("exec", "chat.py:handler", "--", sys.executable, "ask.py", cwd=folder, env=ACCOUNT)

    assert (finished.code, finished.stdout) == (0, "to Ada\n"), finished.stderr


async def test_the_control_port_that_was_asked_for(folder: Path) -> None:
    """It is that one, or the command ends with one line that says why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = await run_to_end("chat.py:handler", "--port", "0", "--control-port", str(port), cwd=folder)
    async with emulate(
        "chat.py:handler", "--port", "0", "--control-port", str(port), "--ready-json", cwd=folder
    ) as command:
        ready = await command.ready()

    assert (refused.code, refused.stdout) == (1, "")
    assert "cannot listen on the control port: " in refused.stderr
    assert "Traceback" not in refused.stderr
    assert ready["control_url"] == f"http://127.0.0.1:{port}/"


async def test_the_control_port_is_on_this_machine_alone(folder: Path) -> None:
    """Whatever address the function is served on."""
    async with emulate("chat.py:handler", "--host", "0.0.0.0", "--port", "0", "--ready-json", cwd=folder) as command:
        ready = await command.ready()

    assert ready["functions"][0]["url"].startswith("http://0.0.0.0:")
    assert ready["control_url"].startswith("http://127.0.0.1:")
