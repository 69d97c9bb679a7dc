"""HTTP itself: HEAD, HTTP/1.0, connections that are used again, pipelines, statuses without a body."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import StreamingResponse
from raw_http import WAIT_SECONDS, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")


async def numbered(event: Any, context: Any) -> AsyncIterator[str]:
    yield event["rawPath"]
    yield " done"


async def test_connection_is_used_again_after_a_streamed_response(function_url: FunctionUrlFactory) -> None:
    """Keep-alive: one connection, many streams."""
    url = await function_url(numbered)

    async with connect(url) as client:
        for number in range(5):
            await client.request("GET", f"/{number}")
            response = await client.read_response()
            assert response.frames == [f"/{number}".encode(), b" done"]
            assert response.head.value("connection") is None


async def test_pipelined_requests_are_answered_in_order(function_url: FunctionUrlFactory) -> None:
    """All requests are sent before the first answer is read."""
    url = await function_url(numbered)

    async with connect(url) as client:
        request = "GET /{} HTTP/1.1\r\nHost: here\r\n\r\n"
        await client.send("".join(request.format(number) for number in range(20)).encode())
        for number in range(20):
            assert (await client.read_response()).body == f"/{number} done".encode()


async def test_pipelined_request_begins_when_the_stream_before_it_is_over(function_url: FunctionUrlFactory) -> None:
    """One connection, one response at a time: the second handler is not called while the first streams."""
    gate = asyncio.Event()
    called: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        called.append(event["rawPath"])
        yield "first"
        if event["rawPath"] == "/slow":
            await gate.wait()

    url = await function_url(handler)
    async with connect(url) as client:
        await client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        await client.read_head()
        assert await client.read_frame() == b"first"
        assert (await fetch(url, target="/other")).body == b"first"
        assert called == ["/slow", "/other"]
        gate.set()
        assert await client.read_frame() is None
        assert (await client.read_response()).frames == [b"first"]
    assert called == ["/slow", "/other", "/next"]


async def test_client_that_asks_for_it_gets_the_connection_closed(function_url: FunctionUrlFactory) -> None:
    """`Connection: close` is obeyed and said."""
    url = await function_url(numbered)

    async with connect(url) as client:
        await client.request("GET", "/a", [("Connection", "close")])
        response = await client.read_response()
        assert (response.head.value("connection"), response.body) == ("close", b"/a done")
        assert await client.read_to_end() == b""


async def test_http_1_0_client_gets_the_body_without_frames(function_url: FunctionUrlFactory) -> None:
    """HTTP/1.0 knows no chunked encoding: the body ends with the connection."""
    url = await function_url(numbered)

    response = await fetch(url, target="/a", version="HTTP/1.0")

    assert response.status == 200
    assert response.head.value("transfer-encoding") is None
    assert response.frames == [b"/a done"]


async def test_http_1_0_client_sees_the_first_chunk_at_once(function_url: FunctionUrlFactory) -> None:
    """Streaming needs no frames."""
    gate = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        await gate.wait()
        yield b"second"

    url = await function_url(handler)
    async with connect(url) as client:
        await client.request("GET", version="HTTP/1.0", headers=[("Connection", "keep-alive")])
        await client.read_head()
        assert await client.read_exactly(5) == b"first"
        gate.set()
        assert await client.read_to_end() == b"second"


# -- E6 ---------------------------------------------------------------------------------------


async def endless(event: Any, context: Any) -> Any:
    async def body() -> AsyncIterator[bytes]:
        for number in itertools.count():
            yield b"%d\n" % number
            await asyncio.sleep(0)

    if event["rawPath"] == "/other":
        return {"body": iter([b"ok"])}
    return StreamingResponse(body(), headers={"content-type": "text/event-stream", "x-own": "1"}, cookies=["a=1"])


async def test_head_request_is_answered_with_the_head_alone(function_url: FunctionUrlFactory) -> None:
    """E6: the head of a GET, no body, and the handler's chunks are dropped."""
    url = await function_url(numbered)

    async with connect(url) as client:
        await client.request("HEAD", "/a")
        response = await client.read_response(method="HEAD")
        assert (response.status, response.head.value("content-type")) == (200, "application/octet-stream")
        await client.request("GET", "/b")  # a stray byte of a body would stand before this head
        assert (await client.read_response()).body == b"/b done"
    await url.settled()
    transcript = url.exchanges[0].transcript
    assert f"{transcript.handler} {transcript.delivery}" == "ended complete"
    assert (transcript.chunk_count, transcript.dropped_chunks) == (0, 2)


@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
async def test_head_request_to_an_endless_handler_frees_the_connection(
    function_url: FunctionUrlFactory, on_disconnect: str
) -> None:
    """E6: the response is complete with its head; the same connection serves the next request."""
    url = await function_url(endless, on_disconnect=on_disconnect)

    async with connect(url) as client:
        await client.request("HEAD")
        response = await client.read_response(method="HEAD")
        assert (response.status, response.head.value("x-own"), response.head.values("set-cookie")) == (
            200,
            "1",
            ["a=1"],
        )
        for _ in range(3):
            await client.request("GET", "/other")
            assert (await client.read_response()).body == b"ok"


async def test_head_request_to_a_handler_that_fails_has_the_status_of_a_get(function_url: FunctionUrlFactory) -> None:
    """E6, E2b: 502 and no body."""

    async def handler(event: Any, context: Any) -> Any:
        raise ValueError("early")

    url = await function_url(handler)
    async with connect(url) as client:
        for _ in range(2):
            await client.request("HEAD")
            assert (await client.read_response(method="HEAD")).status == 502


@pytest.mark.parametrize("status", [204, 304])
async def test_status_without_a_body_sends_none(function_url: FunctionUrlFactory, status: int) -> None:
    """E6: after 204 and 304 HTTP allows no body: chunks are dropped, the connection stays in step."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse([b"not", b"sent"], status=status, headers={"etag": '"1"'})

    url = await function_url(handler)
    async with connect(url) as client:
        for _ in range(3):
            await client.request("GET")
            response = await client.read_response()
            assert (response.status, response.head.value("etag")) == (status, '"1"')
            assert response.head.value("transfer-encoding") is None
    await url.settled()
    transcript = url.exchanges[-1].transcript
    assert (transcript.chunk_count, transcript.dropped_chunks) == (0, 2)
    assert transcript.delivery == "complete"


@pytest.mark.parametrize("status", [100, 101, 199])
async def test_interim_status_as_an_answer_does_not_leave_the_client_waiting(
    function_url: FunctionUrlFactory, status: int
) -> None:
    """R4 lets 1xx pass; HTTP has no such final response, so the connection ends behind it."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse([b"not sent"], status=status)

    url = await function_url(handler)
    async with connect(url) as client, asyncio.timeout(WAIT_SECONDS):
        await client.request("GET")
        assert (await client.read_head()).status == status
        assert await client.read_to_end() == b""


@pytest.mark.parametrize("status", [200, 299, 404, 418, 500, 599])
async def test_any_final_status_reaches_the_client(function_url: FunctionUrlFactory, status: int) -> None:
    """R4: registered or not."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse([b"body"], status=status)

    response = await fetch(await function_url(handler))

    assert (response.status, response.frames) == (status, [b"body"])


async def test_empty_body_keeps_its_head(function_url: FunctionUrlFactory) -> None:
    """F6: a stream without a chunk has its status, headers and cookies, and an empty body."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(iter(()), status=201, headers={"x-own": "1"}, cookies=["a=1"])

    response = await fetch(await function_url(handler))

    assert (response.status, response.head.value("x-own"), response.head.values("set-cookie")) == (201, "1", ["a=1"])
    assert (response.frames, response.cut) == ([], False)
