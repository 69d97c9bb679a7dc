"""Several functions on one port, by their host names."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_emulator import Emulator, FunctionConfig
from raw_http import RawResponse, connect

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


async def test_of_two_functions_of_one_name_the_host_is_the_first(caplog: pytest.LogCaptureFixture) -> None:
    """Both have their port, and `settled` waits for both."""
    caplog.set_level("INFO")
    one, two = (FunctionConfig(name="same", target=lambda event, context, number=number: number) for number in (1, 2))
    async with Emulator([one, two], shutdown_seconds=0) as emulator:
        for url, answer in zip((each.url for each in emulator.functions), (1, 2), strict=True):
            assert await asked(url, "same.lambda-url.localhost") == (200, 1)
            assert await asked(url, "127.0.0.1") == (200, answer)
        await emulator.settled()

    assert len([message for message in caplog.messages if "GET / 200" in message]) == 4
