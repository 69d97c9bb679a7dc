"""Clients that leave: `receive`, `send`, cancelling (rules R9 and E4)."""

import asyncio
from typing import Any

import pytest

from apptheory_streaming import asgi
from apptheory_testkit.faults import cancel, disconnect
from asgi_apps import App, body, start

DISCONNECT = {"type": "http.disconnect"}
PROFILES = pytest.mark.parametrize("profile", ["uvicorn", "asgi-2.4"])


def endless(log: list[Any], *, seconds: float = 1) -> App:
    """Sends for ever, notes what becomes of each send, and stops at the third after the client left."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        for number in range(6):
            await send(body(b"%d" % number))
            log.append(number)
            await asyncio.sleep(seconds)
        await send(body(more=False))
        log.append("end")

    return app


def listening(log: list[Any], *, first: bool = True) -> App:
    """Reads its request, if it is to, and waits for the client to leave."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        if first:
            log.append((await receive())["type"])
        await send(start())
        await send(body(b"x"))
        message = await receive()
        while message["type"] == "http.request":
            message = await receive()
        log.append((message, asyncio.get_running_loop().time()))

    return app


@PROFILES
async def test_r9_receive_gives_the_disconnect_when_the_client_leaves(stream_client: Any, profile: str) -> None:
    """At that very moment; and an application that ends for it is not truncated."""
    log: list[Any] = []
    async with stream_client(asgi(listening(log), profile=profile)).stream("GET", "/") as live:
        assert await anext(live) == b"x"
        await asyncio.sleep(42)
        await live.disconnect()

    assert log == ["http.request", (DISCONNECT, 42)]
    assert live.capture.error is None
    assert (live.capture.handler_outcome, live.capture.delivery_outcome) == ("ended", "client_gone(after 1 bytes)")


async def test_r9_receive_gives_the_disconnect_before_a_request_that_was_never_read(stream_client: Any) -> None:
    """As under uvicorn: the body of a client that is gone interests nobody."""
    log: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        await send(body(b"x"))
        await asyncio.sleep(3)
        log.append(await receive())
        log.append(await receive())

    async with stream_client(asgi(app)).stream("GET", "/") as live:
        await anext(live)
        await live.disconnect()

    assert log == [DISCONNECT, DISCONNECT]


@PROFILES
async def test_r9_a_client_may_leave_before_the_head(function_url: Any, profile: str) -> None:
    """A long poll: the application hears of it, ends without a response, and that is no failure."""
    log: list[Any] = []
    begun = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        log.append((await receive())["type"])
        begun.set()
        log.append((await receive())["type"])

    url = await function_url(asgi(app, profile=profile))
    port = int(url.rstrip("/").rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await begun.wait()
    writer.close()
    await writer.wait_closed()
    await url.settled()

    transcript = url.exchanges[0].transcript
    assert log == ["http.request", "http.disconnect"]
    assert (str(transcript.handler), str(transcript.delivery), transcript.error) == (
        "ended",
        "client_gone(after 0 bytes)",
        None,
    )


async def test_r9_send_does_nothing_once_the_client_is_gone(stream_client: Any) -> None:
    """Profile uvicorn: the application runs to its end, its chunks are counted and dropped (E4)."""
    log: list[Any] = []
    async with stream_client(asgi(endless(log))).stream("GET", "/") as live:
        await anext(live)
        await live.disconnect()
        await asyncio.sleep(20)

    assert log == [0, 1, 2, 3, 4, 5, "end"]
    assert live.capture.handler_outcome == "ended"
    assert live.capture.transcript.dropped_chunks == 5


async def test_r9_send_raises_oserror_once_the_client_is_gone(stream_client: Any) -> None:
    """Profile asgi-2.4: an application that lets the error out has ended, not failed."""
    log: list[Any] = []
    async with stream_client(asgi(endless(log), profile="asgi-2.4")).stream("GET", "/") as live:
        await anext(live)
        await live.disconnect()
        await asyncio.sleep(20)

    assert log == [0]
    assert (live.capture.handler_outcome, live.capture.error) == ("ended", None)


async def test_r9_an_application_may_catch_the_oserror_and_go_on(stream_client: Any) -> None:
    log: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        await send(body(b"x"))
        await asyncio.sleep(1)
        for _ in range(2):
            with pytest.raises(OSError, match="the client closed the connection"):
                await send(body(b"y"))
        log.append("cleaned up")

    async with stream_client(asgi(app, profile="asgi-2.4")).stream("GET", "/") as live:
        await anext(live)
        await live.disconnect()

    assert log == ["cleaned up"]


async def test_an_error_of_the_applications_own_after_the_client_left_is_a_failure(stream_client: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        await send(body(b"x"))
        await asyncio.sleep(1)
        raise ValueError("while cleaning up")

    async with stream_client(asgi(app), strict=False).stream("GET", "/") as live:
        await anext(live)
        await live.disconnect()

    assert live.capture.handler_outcome == "failed(app.internal)"


@PROFILES
async def test_r9_the_version_in_the_scope_goes_with_the_profile(stream_client: Any, profile: str) -> None:
    """By it frameworks decide how they listen for a disconnect."""
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        found.append(scope["asgi"]["spec_version"])
        await send(start())
        await send(body(more=False))

    await stream_client(asgi(app, profile=profile)).get("/")

    assert found == ["2.3" if profile == "uvicorn" else "2.4"]


@PROFILES
async def test_e4_a_handler_that_is_to_be_cancelled_is(stream_client: Any, profile: str) -> None:
    """`finally` runs, nothing more is sent."""
    log: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        try:
            await send(start())
            await send(body(b"x"))
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            log.append("cancelled")
            raise
        finally:
            log.append("closed")

    client = stream_client(asgi(app, profile=profile), on_disconnect="cancel")
    async with client.stream("GET", "/") as live:
        await anext(live)
        await live.disconnect()

    assert log == ["cancelled", "closed"]
    assert live.capture.handler_outcome == "cancelled"
    assert live.capture.duration == 0


async def test_an_application_that_goes_on_sending_when_cancelled_is_told(stream_client: Any) -> None:
    """It cannot hold up the end of the invocation for ever."""
    log: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        while True:
            try:
                await send(body(b"x"))
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                log.append("cancelled")

    capture = await stream_client(asgi(app)).get("/", fault=cancel(at=2))

    assert log == ["cancelled"]
    assert capture.handler_outcome == "cancelled"


@PROFILES
@pytest.mark.parametrize("fault", [disconnect, cancel], ids=["disconnect", "cancel"])
@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
async def test_e4_no_fault_at_any_moment_leaves_anything_behind(
    stream_client: Any, profile: str, fault: Any, on_disconnect: str
) -> None:
    """Neither a task nor an open generator; the lifespan is no request's and may go on."""
    in_use = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        in_use.append(1)
        try:
            await send(start())
            for _ in range(3):
                await send(body(b"x"))
                await asyncio.sleep(1)
            await send(body(b"y", more=False))
            await asyncio.sleep(1)
        finally:
            in_use.pop()

    client = stream_client(asgi(app, profile=profile), on_disconnect=on_disconnect)
    report = await client.sweep("GET", "/", fault=fault, leaks=lambda: len(in_use))

    assert report.runs > 4


@PROFILES
async def test_a_sweep_finds_what_an_application_leaves_behind(stream_client: Any, profile: str) -> None:
    """A task that nobody ends."""
    left = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        task = asyncio.create_task(asyncio.sleep(1000))
        left.append(task)
        await send(start())
        await send(body(b"x"))
        await send(body(b"y", more=False))
        task.cancel()

    client = stream_client(asgi(app, profile=profile), on_disconnect="cancel")
    with pytest.raises(AssertionError, match="a task is left"):
        await client.sweep("GET", "/", fault=disconnect)
