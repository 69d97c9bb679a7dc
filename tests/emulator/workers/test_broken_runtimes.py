"""Runtimes that break off or break HTTP: the invocation ends as E3b says, and the next one is served."""

import asyncio
import struct

import pytest

from apptheory_emulator.workers.runtime_api import RuntimeApi
from apptheory_streaming.errors import RuntimeExit, RuntimeFailure
from raw_http import Cut, RawConnection
from runtime_wire import (
    NEXT,
    STREAMING,
    document,
    invocation,
    invoked,
    read_all,
    response_path,
    running_api,
    runtime_of,
    within,
)

pytestmark = pytest.mark.streaming(clock="real")

BUFFERED = (("Content-Length", "5"),)


async def assert_serves_on(api: RuntimeApi) -> None:
    """Let the runtime come back, and answer an invocation."""
    async with runtime_of(api) as runtime:
        await runtime.request("GET", NEXT)
        await within(api.idle())
        answer = asyncio.create_task(api.invoke(invocation("req-2")))
        assert (await runtime.read_response()).head.value("lambda-runtime-aws-request-id") == "req-2"
        await runtime.request("POST", response_path("req-2"), body=b"own")
        assert await read_all(await within(answer)) == b"own"


async def leave(runtime: RawConnection, how: str) -> None:
    """End the connection: with the end of a process, a crash, or by sending no more."""
    if how == "reset":
        runtime.reset()
    elif how == "half":
        runtime.end_sending()
    else:
        await runtime.close()


@pytest.mark.parametrize("how", ["close", "reset", "half"])
async def test_a_connection_that_ends_within_a_stream(how: str) -> None:
    """E3b: the bytes that came are handed on, then RuntimeExit says where it broke off."""
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            answer = await invoked(api, runtime)
            await runtime.request("POST", response_path(), STREAMING)
            await runtime.send(b"3\r\nabc\r\n5\r\nde")
            body = aiter((await within(answer)).body)
            got = b""
            while len(got) < 5:
                got += await within(anext(body))
            await leave(runtime, how)
            with pytest.raises(RuntimeExit, match=r"after 5 bytes .* its connection ended; a fault of the runtime"):
                await within(anext(body))
            if how == "half":
                response = await runtime.read_response()
                assert response.status == 400
                assert document(response)["errorType"] == "TruncatedHTTPRequest"

        assert got == b"abcde"
        await assert_serves_on(api)


@pytest.mark.parametrize("how", ["close", "reset", "half"])
@pytest.mark.parametrize(
    ("headers", "sent"),
    [(STREAMING, b""), (STREAMING, b"5\r\n"), (BUFFERED, b""), (BUFFERED, b"abcd")],
    ids=["stream without a byte", "chunk without a byte", "buffered without a byte", "buffered but for a byte"],
)
async def test_a_connection_that_ends_before_there_is_an_answer(
    headers: tuple[tuple[str, str], ...], sent: bytes, how: str
) -> None:
    """E3b: nothing was handed on, so invoke raises it, and the front can still say 502."""
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            answer = await invoked(api, runtime)
            await runtime.request("POST", response_path(), headers)
            await runtime.send(sent)
            await leave(runtime, how)
            with pytest.raises(RuntimeExit, match="its connection ended"):
                await within(answer)
        await assert_serves_on(api)


@pytest.mark.parametrize(
    "garbage",
    [b"zzz\r\n", b"-1\r\n", b"3\r\nabcd\r\n", b"\x00\x01\x02", b"fffffffffffffffffff\r\n", b"0\r\nno trailer\r\n\r\n"],
    ids=["no size", "negative size", "longer than its size", "bytes", "endless size", "no trailer"],
)
@pytest.mark.parametrize("before", [b"", b"1\r\na\r\n"], ids=["at the begin", "behind a chunk"])
async def test_a_body_that_claims_chunks_and_sends_garbage(before: bytes, garbage: bytes) -> None:
    """E3b: the runtime hears 400 and loses the connection; the message says what is wrong with its bytes."""
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            answer = await invoked(api, runtime)
            await runtime.request("POST", response_path(), STREAMING)
            await runtime.send(before + garbage)
            with pytest.raises(RuntimeExit, match="what it sent is no HTTP"):
                await within(read_all(await within(answer)))
            response = await runtime.read_response()
            assert response.status == 400
            assert document(response)["errorType"] == "TruncatedHTTPRequest"
            assert await runtime.read_to_end() == b""
        await assert_serves_on(api)


async def test_more_bytes_than_the_length_says() -> None:
    """The answer ends where its length says; what follows is no request, so the connection is closed."""
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            answer = await invoked(api, runtime)
            await runtime.request("POST", response_path(), BUFFERED)
            await runtime.send(b"abcdefgh\r\n\r\n")

            assert await read_all(await within(answer)) == b"abcde"
            assert (await runtime.read_response()).status == 202
            assert (await runtime.read_response()).status == 400
            assert await runtime.read_to_end() == b""
        await assert_serves_on(api)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /2018-06-01/ping HTTP/1.1\r\nbad header\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /2018-06-01/ping HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"POST /2018-06-01/ping HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\na",
    ],
    ids=["nonsense", "TLS", "bad header", "HTTP/2", "two lengths", "CONNECT", "upgrade with a body"],
)
async def test_what_is_no_request(request_bytes: bytes) -> None:
    """400 with what is wrong, and the end of that connection alone."""
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            await runtime.send(request_bytes)
            response = await runtime.read_response()
            assert response.status == 400
            assert document(response)["errorType"] == "BadRequest"
            assert response.head.value("connection") == "close"
            assert await runtime.read_to_end() == b""
        async with runtime_of(api) as runtime:
            await runtime.request("GET", "/2018-06-01/ping")
            assert (await runtime.read_response()).body == b"pong"


async def test_nonsense_behind_a_poll() -> None:
    """The poll ends with its connection; the invocation goes to the one that works."""
    async with running_api() as api:
        async with runtime_of(api) as broken:
            await broken.request("GET", NEXT)
            await within(api.initialised())
            await broken.send(b"nonsense\r\n\r\n")
            with pytest.raises(Cut):
                await broken.read_head()
        await assert_serves_on(api)


async def test_a_report_that_breaks_off() -> None:
    """E3b: half an error is no error that the runtime reported."""
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            answer = await invoked(api, runtime)
            await runtime.request("POST", response_path(kind="error"), BUFFERED)
            await runtime.send(b"{")
        with pytest.raises(RuntimeExit, match="while it reported an error: its connection ended"):
            await within(answer)
        await assert_serves_on(api)


async def test_an_init_error_that_breaks_off() -> None:
    """It counts as nothing: the process is about to end, or tries again."""
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            await runtime.request("POST", "/2018-06-01/runtime/init/error", BUFFERED)
            await runtime.send(b"{")
        async with runtime_of(api) as runtime:
            await runtime.request("GET", NEXT)
            await within(api.initialised())


async def test_a_report_without_end_is_kept_in_part() -> None:
    """Of a document beyond 6 MiB the begin is the message."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(kind="error"), body=b"x" * 8_000_000)
        with pytest.raises(RuntimeFailure) as caught:
            await within(answer)
        assert len(str(caught.value)) == 6_291_556
        assert (await runtime.read_response()).status == 202


async def test_connections_that_come_and_go() -> None:
    """Hundreds of connections that say nothing, or half a head, or go with a reset, leave nothing behind."""
    async with running_api() as api:
        for number in range(200):
            async with runtime_of(api) as runtime:
                await runtime.send((b"", b"GET /2018", struct.pack("I", number))[number % 3])
                if number % 2:
                    runtime.reset()
        await assert_serves_on(api)
