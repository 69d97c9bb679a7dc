"""Requests that are too large, broken, slow or odd: a plain answer, one line in the log, and a server that serves on."""

import asyncio
import json
import logging
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory, ServedUrl
from apptheory_streaming import StreamingResponse
from apptheory_streaming.wire.limits import AWS_NUMBERS, Limits
from raw_http import RawHead, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")


HEAD_BYTES = AWS_NUMBERS["request line and headers"].value


async def echo(event: Any, context: Any) -> StreamingResponse:
    """Show the event."""
    return StreamingResponse([json.dumps(event)])


async def event_of(url: ServedUrl, request: bytes) -> Any:
    """Send bytes and give the event that the handler got."""
    async with connect(url) as client:
        await client.send(request)
        response = await client.read_response()
        assert response.status == 200
        return json.loads(response.body)


BROKEN = {
    "no request line": b"\r\n\r\nnonsense\r\n\r\n",
    "no target": b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    "blank in the target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "target without a slash": b"GET ?a=1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "target that is no ASCII": "GET /é HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    "unknown method": b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "header without a colon": b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "blank in a header name": b"GET / HTTP/1.1\r\nHost: a\r\nx own: 1\r\n\r\n",
    "huge header": b"GET / HTTP/1.1\r\nHost: a\r\nx-own: " + b"a" * HEAD_BYTES + b"\r\n\r\n",
    "huge target": b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "huge in all": b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"x-own: " + b"a" * 100_000 + b"\r\n") * 11 + b"\r\n",
    "too many headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: 1\r\n" * 10_000 + b"\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "length that is no number": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\nabcde",
    "chunk size that is no number": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_broken_request_is_400_and_one_line_in_the_log(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """The client made the mistake: 400 and a closed connection; no traceback of ours or of aiohttp's."""
    called = []

    async def handler(event: Any, context: Any) -> StreamingResponse:
        called.append(event)
        return StreamingResponse([b"served"])

    url = await function_url(handler)
    async with connect(url) as client:
        await client.send(BROKEN[kind])
        head: RawHead = await client.read_head()
        await client.read_to_end()
    assert head.status == 400
    assert called == []
    assert (await fetch(url)).body == b"served"
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.exc_info for record in warnings] in (
        [None],
        [],
    )  # bytes that are no HTTP at all are not worth a line
    assert all("\n" not in record.getMessage() for record in warnings)


async def test_head_of_nearly_a_megabyte_reaches_the_handler(function_url: FunctionUrlFactory) -> None:
    """L3: line and headers may have 1 MB together, in one line too."""
    value = "a" * (HEAD_BYTES - 1000)

    event = json.loads((await fetch(await function_url(echo), headers=[("x-own", value)])).body)

    assert event["headers"]["x-own"] == value


async def test_chunked_body_that_breaks_half_way_calls_no_handler(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """A body that turns out to be broken after the server began to read it; its client may wait, no other does."""
    url = await function_url(echo)

    async with connect(url) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await fetch(url)  # the server has seen the head by now
        await client.send(b"zz\r\n\r\n")
        assert (await fetch(url)).status == 200
    assert (await fetch(url)).status == 200
    await url.settled()
    assert "Traceback" not in caplog.text
    assert {exchange.request.method for exchange in url.exchanges} == {"GET"}


async def test_client_that_leaves_half_way_through_its_body_calls_no_handler(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a request is no request."""
    url = await function_url(echo)

    for how in ("close", "reset", "end_sending"):
        async with connect(url) as client:
            await client.request("POST", headers=[("Content-Length", "10")])
            await client.send(b"half")
            await fetch(url)
            if how == "reset":
                client.reset()
            elif how == "end_sending":
                client.end_sending()
        await fetch(url)
    await url.settled()
    assert {exchange.request.method for exchange in url.exchanges} == {"GET"}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_connection_that_says_nothing_is_no_exchange(function_url: FunctionUrlFactory) -> None:
    """Browsers open connections in advance."""
    url = await function_url(echo)

    async with connect(url):
        await fetch(url)
    assert len(url.exchanges) <= 1


# -- L1 ---------------------------------------------------------------------------------------

LIMIT = Limits(max_request_bytes=1000)


@pytest.mark.parametrize("size", [1001, 3_000_000])
async def test_body_over_the_limit_is_413_before_the_handler_runs(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    """L1: the coded error response; the body is not kept; the connection stays in step."""
    called = []

    async def handler(event: Any, context: Any) -> Any:
        called.append(event)
        return "called"

    url = await function_url(handler, limits=LIMIT)
    async with connect(url) as client:
        await client.request("POST", body=b"x" * size)
        response = await client.read_response()
        error = json.loads(response.body)["error"]
        assert (response.status, error["code"]) == (413, "app.too_large")
        assert f"a request body of {size} bytes is over" in error["message"]
        await client.request("POST", body=b"x" * 1000)
        assert (await client.read_response()).body == b'"called"'
    assert len(called) == 1
    assert "over the limit of 1000" in caplog.text
    assert "Traceback" not in caplog.text


async def test_chunked_body_over_the_limit_is_413(function_url: FunctionUrlFactory) -> None:
    """L1: a body without a length is counted as it comes, and not to its end: nobody says how long it is."""
    url = await function_url(echo, limits=LIMIT)

    async with connect(url) as client:
        await client.request("POST", headers=[("Transfer-Encoding", "chunked")])
        for _ in range(11):
            await client.send(b"64\r\n%b\r\n" % (b"x" * 100))
        response = await client.read_response()
    assert response.status == 413
    assert "a request body of more than 1000 bytes is over" in json.loads(response.body)["error"]["message"]
    assert (await fetch(url)).status == 200


# -- bodies that come in odd ways -------------------------------------------------------------


async def test_chunked_body_is_put_together(function_url: FunctionUrlFactory) -> None:
    """Frames of the request do not show in the event; trailers and extensions are read over."""
    url = await function_url(echo)

    event = await event_of(
        url,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n1;extension=1\r\nd\r\n0\r\nx-trailer: 1\r\n\r\n",
    )

    assert (event["body"], event["isBase64Encoded"]) == ("abcd", False)
    assert "transfer-encoding" not in event["headers"]


async def test_body_that_comes_byte_by_byte_is_waited_for(function_url: FunctionUrlFactory) -> None:
    """The handler is called once the whole body is there; others are served meanwhile."""
    url = await function_url(echo)

    async with connect(url) as client:
        await client.request("POST", headers=[("Content-Length", "5"), ("Content-Type", "text/plain")])
        for byte in b"slow!":
            assert (await fetch(url)).status == 200
            await client.send(bytes([byte]))
        assert json.loads((await client.read_response()).body)["body"] == "slow!"


async def test_client_that_asks_first_is_told_to_go_on(function_url: FunctionUrlFactory) -> None:
    """`Expect: 100-continue`: an interim response, then the body is read."""
    url = await function_url(echo)

    async with connect(url) as client:
        headers = [("Expect", "100-continue"), ("Content-Length", "4"), ("Content-Type", "text/plain")]
        await client.request("POST", headers=headers)
        assert (await client.read_head()).status == 100
        await client.send(b"body")
        assert json.loads((await client.read_response()).body)["body"] == "body"


async def test_compressed_body_reaches_the_function_as_it_was_sent(function_url: FunctionUrlFactory) -> None:
    """A Function URL does not decompress; what is no gzip at all is the function's business too."""
    url = await function_url(echo)

    response = await fetch(url, "POST", headers=[("Content-Encoding", "gzip")], body=b"\x1f\x8bnot really")

    event = json.loads(response.body)
    assert (event["body"], event["isBase64Encoded"]) == ("H4tub3QgcmVhbGx5", True)
    assert event["headers"]["content-encoding"] == "gzip"


# -- targets ----------------------------------------------------------------------------------

TARGETS = {
    b"OPTIONS * HTTP/1.1": ("/", ""),
    b"GET http://other.example/a%20b?c=d HTTP/1.1": ("/a%20b", "c=d"),
    b"GET http://other.example HTTP/1.1": ("/", ""),
    b"GET http://other.example?c=d HTTP/1.1": ("/", "c=d"),
    b"GET // HTTP/1.1": ("//", ""),
    b"GET //a//b/ HTTP/1.1": ("//a//b/", ""),
    b"GET /a/../b/./c HTTP/1.1": ("/a/../b/./c", ""),
    b"GET /proxy/http://x/y HTTP/1.1": ("/proxy/http://x/y", ""),
    b"GET /%zz/%2F/%2e HTTP/1.1": ("/%zz/%2F/%2e", ""),
    b"GET /? HTTP/1.1": ("/", ""),
    b"GET /?? HTTP/1.1": ("/", "?"),
    b"GET /a?b?c=/d&e=%26&&f HTTP/1.1": ("/a", "b?c=/d&e=%26&&f"),
    b"DELETE /a;v=1 HTTP/1.1": ("/a;v=1", ""),
}


@pytest.mark.parametrize("line", TARGETS, ids=bytes.decode)
async def test_odd_target_reaches_the_handler_as_it_was_sent(function_url: FunctionUrlFactory, line: bytes) -> None:
    """The raw path and query are the target's own; nothing is merged, decoded or routed away."""
    url = await function_url(echo)

    event = await event_of(url, line + b"\r\nHost: a\r\n\r\n")

    assert (event["rawPath"], event["rawQueryString"]) == TARGETS[line]
    assert event["requestContext"]["http"]["method"] == line.partition(b" ")[0].decode()


async def test_tunnel_is_refused(function_url: FunctionUrlFactory) -> None:
    """CONNECT asks a proxy for a tunnel; no function is one."""
    url = await function_url(echo)

    async with connect(url) as client:
        await client.send(b"CONNECT other:80 HTTP/1.1\r\nHost: other\r\n\r\n")
        assert (await client.read_response()).status == 405
    assert (await fetch(url)).status == 200


async def test_request_for_an_upgrade_is_answered_as_a_plain_one(function_url: FunctionUrlFactory) -> None:
    """A Function URL upgrades to nothing: not to HTTP/2, not to a WebSocket."""
    url = await function_url(echo)

    upgrades = [
        [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAoAAA")],
        [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")],
    ]
    async with connect(url) as client:
        for headers in upgrades:
            await client.request("GET", "/a", headers)
            response = await client.read_response()
            assert (response.status, json.loads(response.body)["rawPath"]) == (200, "/a")
            assert "upgrade" not in json.loads(response.body)["headers"]


async def test_request_cut_into_single_bytes_is_read(function_url: FunctionUrlFactory) -> None:
    """Where TCP cuts a request does not matter."""
    url = await function_url(echo)

    async with connect(url) as client:
        for byte in b"POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi":
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        event = json.loads((await client.read_response()).body)
    assert (event["rawPath"], event["rawQueryString"], event["body"]) == ("/a", "b=c", "hi")
