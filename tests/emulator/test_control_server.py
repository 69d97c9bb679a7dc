"""The control port itself: what is listed, what there is not, and requests that are no good."""

import asyncio
import gzip
import json
import socket
import sys
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.control_server import ControlPort, ControlServer
from lambda_api import LambdaApi, control_port, lambda_client, lambda_functions

pytestmark = pytest.mark.streaming(clock="real")

INVOKE = "2015-03-31/functions/function/invocations"


async def echo(event: Any, context: Any) -> Any:
    return event


async def ask(api: LambdaApi, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
    """Status, headers and JSON of any request."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{api.server.url}{path}", **options) as response,
    ):
        body = await response.read()
        return response.status, response.headers, json.loads(body) if body else None


async def test_functions_are_listed() -> None:
    """With what tools look for; the account is nobody's."""
    configs = [
        FunctionConfig(name="a", target=echo, timeout=2.4, env={"K": "v"}),
        FunctionConfig(name="b", target=echo),
    ]
    async with lambda_functions(*configs) as api:
        first, second = (await api.call("list_functions"))["Functions"]
        alone = await api.call("get_function_configuration", FunctionName="a")

    assert {name: first[name] for name in ("FunctionName", "FunctionArn", "Timeout", "MemorySize", "State")} == {
        "FunctionName": "a",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:a",
        "Timeout": 2,
        "MemorySize": 1024,
        "State": "Active",
    }
    assert (first["Runtime"], first["Handler"]) == (f"python3.{sys.version_info.minor}", "echo")
    assert first["Environment"] == {"Variables": {"K": "v"}}
    assert (second["FunctionName"], second["Timeout"]) == ("b", 900)
    assert {**alone, "ResponseMetadata": None} == {**first, "ResponseMetadata": None}


async def test_a_function_that_is_not_there_is_not_described() -> None:
    async with control_port(echo) as api:
        with pytest.raises(api.client.exceptions.ResourceNotFoundException):
            await api.call("get_function", FunctionName="nobody")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", "2015-03-31/functions"), ("DELETE", "2015-03-31/functions/chat"), ("PUT", INVOKE)],
)
async def test_operations_that_there_are_not(method: str, path: str) -> None:
    async with control_port(echo) as api:
        status, headers, document = await ask(api, method, path)

    assert (status, headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")
    assert document == {"message": f"{method} /{path}: this emulator has no such operation"}
    assert "Server" not in headers


async def test_a_path_may_be_put_behind_the_slash_of_the_url() -> None:
    """The URL ends in a slash as every URL here, and some tools add a path to it that begins with one."""
    async with control_port(echo) as api:
        assert (await ask(api, "POST", f"/{INVOKE}", data=b"1"))[::2] == (200, 1)


REFUSED: dict[str, tuple[dict[str, str], int, str]] = {
    "content type": ({"Content-Type": "text/csv"}, 415, "UnsupportedMediaTypeException"),
    "invocation type": ({"X-Amz-Invocation-Type": "Later"}, 400, "InvalidParameterValueException"),
    "log type": ({"X-Amz-Log-Type": "All"}, 400, "InvalidParameterValueException"),
    "client context": ({"X-Amz-Client-Context": "e30"}, 400, "InvalidRequestContentException"),
}


@pytest.mark.parametrize(("headers", "status", "name"), REFUSED.values(), ids=REFUSED)
async def test_headers_that_cannot_be(headers: dict[str, str], status: int, name: str) -> None:
    async with control_port(echo) as api:
        found, given, document = await ask(api, "POST", INVOKE, data=b"1", headers=headers)

    assert (found, given["x-amzn-ErrorType"], document["Type"]) == (status, name, "User")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/x-www-form-urlencoded", "application/x-amz-json-1.1; charset=x"]
)
async def test_content_types_that_clients_send(content_type: str) -> None:
    """The command curl says that its data are a form."""
    async with control_port(echo) as api:
        given = await ask(api, "POST", INVOKE, data=b'{"a": 1}', headers={"Content-Type": content_type})

    assert given[::2] == (200, {"a": 1})


async def test_a_body_is_the_event_as_it_was_sent() -> None:
    """Nothing is decompressed on the way: a megabyte can be a bomb of gigabytes."""
    async with control_port(echo) as api:
        given = await ask(api, "POST", INVOKE, data=gzip.compress(b"1"), headers={"Content-Encoding": "gzip"})

    assert (given[0], given[1]["x-amzn-ErrorType"]) == (400, "InvalidRequestContentException")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("a%0aINFO%20all%20is%20well%1b[31m/invocations", "application/json"), ("%0a", ""), (INVOKE, "text/\x9bm")],
    ids=["function", "operation", "content type"],
)
async def test_a_request_cannot_write_into_the_log(
    path: str, content_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No line of its own, and nothing that a terminal would obey."""
    async with control_port(echo) as api:
        host, port = api.server.url.removeprefix("http://").rstrip("/").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        target = path if path == INVOKE else f"2015-03-31/functions/{path}"
        head = f"POST /{target} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 4")
        writer.close()

    refused = [record.getMessage() for record in caplog.records if record.name == "apptheory_emulator"]
    assert len(refused) == 1
    assert refused[0].isprintable()


async def test_a_name_that_is_none() -> None:
    async with control_port(echo) as api:
        status, headers, document = await ask(api, "POST", "2015-03-31/functions/a%20b/invocations", data=b"1")

    assert (status, headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert "'a b' at 'functionName'" in document["message"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{",
        b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1024 * 1024 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["half a body", "no chunk", "a megabyte of headers", "TLS"],
)
async def test_broken_requests_harm_nobody_else(request_bytes: bytes) -> None:
    async with control_port(echo) as api:
        host, port = api.server.url.removeprefix("http://").rstrip("/").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request_bytes)
        writer.write_eof()
        answer = b""
        with suppress(ConnectionResetError):  # of what it does not read
            answer = await reader.read()
        writer.close()
        alive = await api.invoke(Payload=b"1")
        await api.server.settled()

    assert answer == b"" or answer.split(maxsplit=2)[1] == b"400"  # aiohttp says HTTP/1.0 where it read no version
    assert alive[1] == b"1"
    assert len(api.exchanges) == 1


async def test_a_port_that_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    """Is an error if it was asked for, and else another is taken and the log says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)):
            await ControlServer([], port=ControlPort(port, required=True)).__aenter__()
        async with ControlServer([], port=ControlPort(port)) as server:
            client = lambda_client(server.url)
            assert (await asyncio.to_thread(client.list_functions))["Functions"] == []
            client.close()

    assert f"port {port} is taken: the control port is another one" in caplog.text
