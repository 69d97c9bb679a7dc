"""Several functions on one port, by their host names."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apptheory_emulator import Emulator, Exchange, FunctionConfig
from raw_http import RawResponse, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")


def function(name: str) -> FunctionConfig:
    """A function that says its name and its event's domain."""
    return FunctionConfig(
        name=name, target=lambda event, context: [name, event["requestContext"]["domainName"], context.function_name]
    )


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Two functions, each on a port of its own."""
    async with Emulator([function("chat"), function("Export")], shutdown_seconds=0) as emulator:
        yield emulator


async def fetch_from(url: str, host: str) -> RawResponse:
    """Ask the port of a URL for a host."""
    async with connect(url) as client:
        await client.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return await client.read_response()


async def asked(url: str, host: str) -> Any:
    """The status and the answer of a request for a host."""
    response = await fetch_from(url, host)
    return response.status, json.loads(response.body)


async def test_each_function_is_on_every_port_by_its_host_name(emulator: Emulator) -> None:
    """Host names know no case and may end in a dot; any other host is that of the port's own function."""
    chat, export = (each.url for each in emulator.functions)
    port = chat.rsplit(":", 1)[1].strip("/")

    for url in (chat, export):
        for host in ("chat.lambda-url.localhost", f"CHAT.Lambda-URL.localhost.:{port}"):
            assert await asked(url, host) == (200, ["chat", "chat.lambda-url.localhost", "chat"])
        host = f"export.lambda-url.localhost:{port}"
        assert await asked(url, host) == (200, ["Export", "Export.lambda-url.localhost", "Export"])
    for host in (f"127.0.0.1:{port}", "localhost", "lambda-url.localhost", "chat.example"):
        assert (await asked(chat, host))[1][0] == "chat"
        assert (await asked(export, host))[1][0] == "Export"


async def test_an_absolute_target_wins_over_the_host(emulator: Emulator) -> None:
    """RFC 9112, section 3.2.2; one that names no function of ours is that of the port, whatever Host says."""
    chat, export = "chat.lambda-url.localhost", "export.lambda-url.localhost"
    named = {f"http://{export}": "Export", f"HTTP://a@{export}:80": "Export", "http://127.0.0.1:80": "chat"}
    for authority, name in named.items():
        async with connect(emulator.functions[0].url) as client:
            host = chat if name == "Export" else export
            await client.send(f"GET {authority}/path HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            response = await client.read_response()

        assert (response.status, json.loads(response.body)[0]) == (200, name)


async def test_a_name_that_no_function_has_gets_what_aws_says_of_an_unknown_url(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """403 with a null message; the log has the request."""
    caplog.set_level("INFO")

    response = await fetch_from(emulator.functions[0].url, "other.lambda-url.localhost")

    assert (response.status, response.body) == (403, b'{"Message":null}')
    assert response.head.value("content-type") == "application/json"
    assert response.head.value("x-amzn-ErrorType") == "AccessDeniedException"
    assert any(message.endswith("GET / 403 handler=not_called") for message in caplog.messages)


async def test_of_two_functions_of_one_name_the_host_is_the_first() -> None:
    """Both have their port."""
    one, two = (FunctionConfig(name="same", target=lambda event, context, number=number: number) for number in (1, 2))
    async with Emulator([one, two], shutdown_seconds=0) as emulator:
        for url, answer in zip((each.url for each in emulator.functions), (1, 2), strict=True):
            assert await asked(url, "same.lambda-url.localhost") == (200, 1)
            assert await asked(url, "127.0.0.1") == (200, answer)


@pytest.mark.parametrize("first", [0, 1])
async def test_settled_waits_for_the_handlers_of_every_function(first: int) -> None:
    """Of two of one name too, in either order: a handler may run on when its client has its response (E6)."""
    gates = [asyncio.Event(), asyncio.Event()]
    heard: asyncio.Queue[Exchange] = asyncio.Queue()
    configs = [FunctionConfig(name="same", target=runs_on(gate)) for gate in gates]
    async with Emulator(configs, shutdown_seconds=0, on_exchange=heard.put_nowait) as emulator:
        for function in emulator.functions:
            assert (await fetch(function.url, "HEAD")).status == 200
        settled = asyncio.create_task(emulator.settled())

        gates[first].set()
        await heard.get()
        for _ in range(10):  # in which `settled` could come to its end
            await asyncio.sleep(0)
        assert not settled.done()
        gates[1 - first].set()
        await settled

        assert heard.qsize() == 1


def runs_on(gate: asyncio.Event) -> Callable[..., Any]:
    """A handler that is not over with its head."""

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"begun"
        await gate.wait()

    return handler
