"""The log of the emulator: one line a request, with what a person looks for."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import AppError
from raw_http import connect, fetch

pytestmark = pytest.mark.streaming(clock="real")

LINE = re.compile(
    r"(?P<id>[0-9a-f-]{36}) (?P<method>[A-Z]+) (?P<path>\S+) (?P<status>\d{3}|-) "
    r"chunks=(?P<chunks>\d+) bytes=(?P<bytes>\d+) (?:dropped=(?P<dropped>[1-9]\d*) )?"
    r"first_byte_ms=(?P<first>\d+\.\d|-) duration_ms=(?P<duration>\d+\.\d) "
    r"handler=(?P<handler>\S+) delivery=(?P<delivery>\S+) error=(?P<error>\S+)"
)


async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
    if event["rawPath"] == "/early":
        raise AppError("app.not_found", "no such thing")
    if event["rawPath"] == "/broken":
        raise ValueError("broken")
    yield b"one"
    yield b""
    yield b"three"
    if event["rawPath"] == "/late":
        raise AppError("app.overloaded", "too much")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """The fields of every access line; each must have the whole form."""
    messages = [each.getMessage() for each in caplog.records if each.name == "apptheory_emulator.access"]
    found = [LINE.fullmatch(message) for message in messages]
    assert None not in found, messages
    return [each.groupdict() for each in found if each]


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> None:
    """Access lines are information."""
    caplog.set_level("INFO", logger="apptheory_emulator")


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/ok?a=1", ("/ok", "200", "3", "8", "ended", "complete", "-")),
        ("POST", "/a%20b", ("/a%20b", "200", "3", "8", "ended", "complete", "-")),
        ("HEAD", "/ok", ("/ok", "200", "0", "0", "ended", "complete", "-")),
        ("GET", "/late", ("/late", "200", "3", "8", "failed(app.overloaded)", "complete", "app.overloaded")),
        ("GET", "/broken", ("/broken", "502", "1", "21", "failed(app.internal)", "complete", "app.internal")),
    ],
)
async def test_one_line_a_request_says_what_came_of_it(
    function_url: FunctionUrlFactory,
    caplog: pytest.LogCaptureFixture,
    method: str,
    target: str,
    expected: tuple[str, ...],
) -> None:
    """Request id, method, path, status, chunks, bytes, first byte, duration, outcomes, error code."""
    url = await function_url(handler)

    response = await fetch(url, method, target)
    await url.settled()

    (line,) = lines(caplog)
    assert (line["id"], line["method"]) == (response.head.value("x-amzn-requestid"), method)
    names = ("path", "status", "chunks", "bytes", "handler", "delivery", "error")
    assert tuple(line[name] for name in names) == expected
    assert 0 <= float(line["first"]) <= float(line["duration"])


async def test_error_meant_for_the_client_is_a_line_without_a_traceback(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """E2: a code of its own says that the author knew; the line names it."""
    url = await function_url(handler)

    await fetch(url, target="/early")
    await url.settled()

    assert "handler failed before the first chunk: app.not_found: AppError: no such thing" in caplog.text
    assert "Traceback" not in caplog.text
    assert lines(caplog)[0]["status"] == "404"


async def test_client_that_left_is_said_in_the_line(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """E4: the delivery, with the bytes after which the client was gone."""
    gate = asyncio.Event()

    async def gated(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"one"
        if event["rawPath"] == "/left":
            await gate.wait()
            yield b"two"

    url = await function_url(gated)
    async with connect(url) as client:
        await client.request("GET", "/left")
        await client.read_head()
        await client.read_frame()
    await fetch(url)
    gate.set()
    await url.settled()

    left = lines(caplog)[-1]
    assert (left["path"], left["handler"], left["delivery"]) == ("/left", "ended", "client_gone(after_3_bytes)")
    assert left["dropped"] == "1"


async def test_chunks_without_a_client_are_counted_apart(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """E6: those of a HEAD request are dropped; where none is, the line does not speak of it."""
    url = await function_url(handler)

    await fetch(url, "HEAD")
    await fetch(url, "GET")
    await url.settled()

    assert [(line["chunks"], line["dropped"]) for line in lines(caplog)] == [("0", "3"), ("3", None)]


@pytest.mark.parametrize(
    ("request_head", "line"),
    [
        ("CONNECT other:80 HTTP/1.1\r\n", "- CONNECT other:80 405 handler=not_called"),
        ("POST /a?b=1 HTTP/1.1\r\nExpect: the-best\r\n", "- POST /a 417 handler=not_called"),
    ],
    ids=["tunnel", "unknown expectation"],
)
async def test_request_that_the_server_refuses_has_a_line_without_an_id(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture, request_head: str, line: str
) -> None:
    """No handler hears of it, but whoever reads the log does."""
    url = await function_url(handler)

    async with connect(url) as client:
        await client.send(f"{request_head}Host: a\r\n\r\n".encode())
        await client.read_response()

    assert [each.getMessage() for each in caplog.records if each.name == "apptheory_emulator.access"] == [line]


async def test_line_comes_once_for_every_request_of_a_crowd(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is logged twice or forgotten."""
    url = await function_url(handler)

    await asyncio.gather(*(fetch(url, target=f"/{number}") for number in range(50)))
    await url.settled()

    assert sorted(line["path"] for line in lines(caplog)) == sorted(f"/{number}" for number in range(50))
    assert len({line["id"] for line in lines(caplog)}) == 50
