"""Rule E4 over real connections: what a client that goes away does to its handler."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from apptheory_emulator import FunctionUrlFactory, ServedUrl
from apptheory_streaming import ClientGone, HttpResponseStream, streamify_response
from raw_http import WAIT_SECONDS, RawConnection, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")


class Handler:
    """Streams `first`, waits for the gate, streams `second`; keeps what happened to it."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.thread_gate = threading.Event()
        self.closed = threading.Event()
        self.ran_to_its_end = False
        self.raised: list[BaseException] = []

    def go_on(self) -> None:
        self.gate.set()
        self.thread_gate.set()

    async def async_body(self) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await self.gate.wait()
            yield b"second"
            self.ran_to_its_end = True
        finally:
            self.closed.set()

    def sync_body(self) -> Iterator[bytes]:
        try:
            yield b"first"
            assert self.thread_gate.wait(WAIT_SECONDS)
            yield b"second"
            self.ran_to_its_end = True
        finally:
            self.closed.set()

    async def write_async(self, stream: HttpResponseStream) -> None:
        try:
            await stream.write(b"first")
            await self.gate.wait()
            await stream.write(b"second")
            self.ran_to_its_end = True
            stream.end()
        finally:
            self.closed.set()

    def write_sync(self, stream: HttpResponseStream) -> None:
        try:
            stream.write(b"first")
            assert self.thread_gate.wait(WAIT_SECONDS)
            stream.write(b"second")
            self.ran_to_its_end = True
            stream.end()
        except ClientGone as error:
            self.raised.append(error)
            raise
        finally:
            self.closed.set()


def async_generator(run: Handler) -> Callable[..., Any]:
    async def handler(event: Any, context: Any) -> dict[str, Any]:
        return {"body": iter([b"ok"]) if event["rawPath"] == "/other" else run.async_body()}

    return handler


def sync_generator(run: Handler) -> Callable[..., Any]:
    def handler(event: Any, context: Any) -> dict[str, Any]:
        return {"body": iter([b"ok"]) if event["rawPath"] == "/other" else run.sync_body()}

    return handler


def async_streamify(run: Handler) -> Callable[..., Any]:
    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        if event["rawPath"] == "/other":
            stream.end(b"ok")
        else:
            await run.write_async(stream)

    return handler


def sync_streamify(run: Handler) -> Callable[..., Any]:
    @streamify_response
    def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        if event["rawPath"] == "/other":
            stream.end(b"ok")
        else:
            run.write_sync(stream)

    return handler


SHAPES = [async_generator, sync_generator, async_streamify, sync_streamify]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
every_way_to_leave = pytest.mark.parametrize("leave", ["close", "reset", "end_sending"])


async def read_first_and_leave(url: ServedUrl, leave: str) -> None:
    """Take one frame and go away; a whole request of another client later, the server has seen it."""
    async with connect(url) as client:
        await client.request("GET")
        await client.read_head()
        assert await client.read_frame() == b"first"
        await _leave(client, leave)
    assert (await fetch(url, target="/other")).body == b"ok"


async def _leave(client: RawConnection, how: str) -> None:
    if how == "reset":
        client.reset()
    elif how == "end_sending":
        client.end_sending()
        assert await client.read_to_end() == b""
    else:
        await client.close()


@every_shape
@every_way_to_leave
async def test_handler_runs_on_to_its_end_when_its_client_is_gone(
    function_url: FunctionUrlFactory, shape: Callable[[Handler], Callable[..., Any]], leave: str
) -> None:
    """E4 continue: the rest is made, counted and dropped; the outcome says after how many bytes the client left."""
    run = Handler()
    url = await function_url(shape(run))

    await read_first_and_leave(url, leave)
    assert not run.closed.is_set()
    run.go_on()
    async with asyncio.timeout(WAIT_SECONDS):
        await url.settled()

    assert run.ran_to_its_end
    transcript = url.exchanges[-1].transcript
    assert f"{transcript.handler} {transcript.delivery}" == "ended client_gone(after 5 bytes)"
    assert (transcript.chunk_count, transcript.dropped_chunks, transcript.body_bytes) == (1, 1, 5)
    assert transcript.error is None


@every_shape
@every_way_to_leave
async def test_handler_is_cancelled_when_its_client_is_gone(
    function_url: FunctionUrlFactory, shape: Callable[[Handler], Callable[..., Any]], leave: str
) -> None:
    """E4 cancel: `finally` blocks run without the gate in an async body, behind it in a sync one."""
    run = Handler()
    url = await function_url(shape(run), on_disconnect="cancel")

    await read_first_and_leave(url, leave)
    if shape in (sync_generator, sync_streamify):
        run.go_on()
    async with asyncio.timeout(WAIT_SECONDS):
        await url.settled()
        assert await asyncio.to_thread(run.closed.wait, WAIT_SECONDS)

    assert not run.ran_to_its_end
    transcript = next(each.transcript for each in url.exchanges if each.request.path == "/")
    assert f"{transcript.handler} {transcript.delivery}" == "cancelled client_gone(after 5 bytes)"
    assert [type(error) for error in run.raised] == ([ClientGone] if shape is sync_streamify else [])


async def test_client_that_leaves_before_the_first_chunk_gets_nothing_and_the_handler_runs_on(
    function_url: FunctionUrlFactory,
) -> None:
    """E4: a client may go while the handler is still thinking; it is gone after 0 bytes."""
    called, gate = asyncio.Event(), asyncio.Event()

    async def handler(event: Any, context: Any) -> Any:
        if event["rawPath"] == "/other":
            return "ok"
        called.set()
        await gate.wait()
        return {"body": iter([b"too late"])}

    url = await function_url(handler)
    async with connect(url) as client:
        await client.request("GET")
        await called.wait()
    await fetch(url, target="/other")
    gate.set()
    await url.settled()

    transcript = url.exchanges[-1].transcript
    assert f"{transcript.handler} {transcript.delivery}" == "ended client_gone(after 0 bytes)"
    assert transcript.dropped_chunks == 1


async def test_error_after_the_client_left_is_still_the_functions(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """E4, E3: the two outcomes are apart: the handler failed, and the client was gone before."""
    gate = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await gate.wait()
        raise ValueError("nobody listens")

    async def handler(event: Any, context: Any) -> Any:
        return {"body": iter([b"ok"]) if event["rawPath"] == "/other" else body()}

    url = await function_url(handler)
    await read_first_and_leave(url, "close")
    gate.set()
    await url.settled()

    transcript = url.exchanges[-1].transcript
    assert f"{transcript.handler} {transcript.delivery}" == "failed(app.internal) client_gone(after 5 bytes)"
    assert "ValueError: nobody listens" in caplog.text


async def test_reset_in_the_middle_of_a_big_chunk_is_a_client_that_left(function_url: FunctionUrlFactory) -> None:
    """E4: of a chunk of 8 MiB the client takes a part and resets the connection."""
    closed = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 8 * 1024 * 1024
        finally:
            closed.set()

    async def handler(event: Any, context: Any) -> Any:
        return {"body": iter([b"ok"]) if event["rawPath"] == "/other" else body()}

    url = await function_url(handler, on_disconnect="cancel")
    async with connect(url) as client:
        await client.request("GET")
        await client.read_head()
        assert await client.read_exactly(1000) != b""
        client.reset()
    async with asyncio.timeout(WAIT_SECONDS):
        await closed.wait()
        await url.settled()

    assert url.exchanges[-1].transcript.delivery.kind == "client_gone"
    assert (await fetch(url, target="/other")).body == b"ok"


async def test_aiohttp_client_that_closes_its_response_is_gone(function_url: FunctionUrlFactory) -> None:
    """E4: a real client that leaves a stream half-read."""
    run = Handler()
    url = await function_url(async_generator(run), on_disconnect="cancel")

    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert await response.content.readexactly(5) == b"first"
        response.close()
    async with asyncio.timeout(WAIT_SECONDS):
        await url.settled()

    assert run.closed.is_set()
    assert url.exchanges[-1].transcript.delivery == "client_gone(after 5 bytes)"


async def test_client_that_leaves_after_the_end_was_not_lost(function_url: FunctionUrlFactory) -> None:
    """E4: who has the whole response may go; that is a complete delivery."""
    gate = asyncio.Event()

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        stream.end(b"all")
        await gate.wait()  # the handler still has work to do

    url = await function_url(handler, on_disconnect="cancel")
    assert (await fetch(url)).body == b"all"
    assert (await fetch(url)).body == b"all"
    gate.set()
    await url.settled()

    assert [f"{each.transcript.handler} {each.transcript.delivery}" for each in url.exchanges] == ["ended complete"] * 2
