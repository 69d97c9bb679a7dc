"""The lifespan: startup before the first request, shutdown at the end, state (rule R9)."""

import asyncio
import gc
import logging
from typing import Any

import aiohttp
import pytest

from apptheory_emulator import serve_function_url
from apptheory_streaming import asgi
from apptheory_streaming.errors import LifespanFailed, UsageError
from apptheory_streaming.wire.outcome import HandlerKind
from apptheory_testkit import stream_client as make_client
from apptheory_testkit.virtual_time.loop import VirtualLoop
from asgi_apps import App, answering, body, start

STARTED, STOPPED = {"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}


class LivingApp:
    """An application with a lifespan, which notes what happens to it."""

    def __init__(self, *, starts_in: float = 0, startup: Any = STARTED, shutdown: Any = STOPPED) -> None:
        self.log: list[Any] = []
        self.scopes: list[Any] = []
        self.starts_in = starts_in
        self._startup = startup
        self._shutdown = shutdown

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        self.log.append(scope["path"])
        await send(start())
        await send(body(str(scope["state"].get("db")).encode(), more=False))

    async def _live(self, scope: Any, receive: Any, send: Any) -> None:
        self.log.append((await receive())["type"])
        await asyncio.sleep(self.starts_in)
        scope["state"]["db"] = "open"
        await send(self._startup)
        self.log.append((await receive())["type"])
        await asyncio.sleep(self.starts_in)
        await send(self._shutdown)
        self.log.append("stopped")


async def test_r9_the_startup_comes_before_the_first_request_and_only_once(stream_client: Any) -> None:
    """A request waits for it, however long it takes, and gets the state."""
    app = LivingApp(starts_in=10)
    client = stream_client(asgi(app))
    first, second = await client.get("/1"), await client.get("/2")

    assert app.log == ["lifespan.startup", "/1", "/2"]
    assert (first.body, first.ttfb, second.ttfb) == (b"open", 10, 0)


async def test_r9_requests_that_come_at_once_share_one_startup(stream_client: Any) -> None:
    app = LivingApp(starts_in=10)
    client = stream_client(asgi(app))
    captures = await asyncio.gather(*(client.get("/") for _ in range(5)))

    assert app.log == ["lifespan.startup", *["/"] * 5]
    assert {capture.duration for capture in captures} == {10}


async def test_r9_a_request_that_is_given_up_takes_the_startup_from_nobody(stream_client: Any) -> None:
    app = LivingApp(starts_in=10)
    handler = asgi(app)
    timed_out = await stream_client(handler, timeout=3).get("/")
    served = await stream_client(handler).get("/")

    assert (timed_out.handler_outcome, served.body, served.duration) == ("timed_out", b"open", 7)
    assert app.log == ["lifespan.startup", "/"]


@pytest.mark.parametrize("loop", [VirtualLoop, asyncio.new_event_loop], ids=["virtual", "real"])
def test_r9_the_shutdown_comes_with_the_end_of_the_loop(loop: Any) -> None:
    """Although a loop cancels what it finds: the application may take its time for it, and hears of no cancelling."""
    app = LivingApp(starts_in=0.01)
    handler = asgi(app)
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(make_client(handler).get("/"))
        assert app.log == ["lifespan.startup", "/"]

    assert app.log == ["lifespan.startup", "/", "lifespan.shutdown", "stopped"]


def test_r9_the_lifespan_outlives_a_handler_that_nobody_holds() -> None:
    """It ends with its loop, and is not collected before."""
    app = LivingApp()

    async def request() -> None:
        await make_client(asgi(app)).get("/")
        gc.collect()
        await asyncio.sleep(0)
        assert app.log == ["lifespan.startup", "/"]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(request())

    assert app.log[2:] == ["lifespan.shutdown", "stopped"]


def test_r9_each_loop_has_a_lifespan_of_its_own() -> None:
    """As `.sync` makes one for each call."""
    app = LivingApp()
    client = make_client(asgi(app)).sync
    for _ in range(2):
        assert client.get("/").body == b"open"

    assert app.log == ["lifespan.startup", "/", "lifespan.shutdown", "stopped"] * 2


async def test_r9_aclose_shuts_down_and_the_next_request_starts_anew(stream_client: Any) -> None:
    app = LivingApp()
    handler = asgi(app)
    await stream_client(handler).get("/1")
    await handler.aclose()
    assert app.log == ["lifespan.startup", "/1", "lifespan.shutdown", "stopped"]

    await handler.aclose()  # there is nothing to close
    await stream_client(handler).get("/2")

    assert app.log[4:] == ["lifespan.startup", "/2"]


async def test_r9_a_server_that_ends_shuts_the_application_down() -> None:
    """The emulator closes what it served."""
    app = LivingApp()
    async with serve_function_url(asgi(app)) as url, aiohttp.ClientSession() as session, session.get(url) as response:
        assert await response.read() == b"open"

    assert app.log == ["lifespan.startup", "/", "lifespan.shutdown", "stopped"]


async def test_r9_a_close_during_the_startup_cancels_it(stream_client: Any) -> None:
    """An application that never comes to its end would be waited for without end; the next request starts it anew."""
    app = LivingApp(starts_in=1000)
    handler = asgi(app)
    capture = await stream_client(handler, timeout=1).get("/")

    assert capture.handler_outcome.kind is HandlerKind.TIMED_OUT
    await handler.aclose()
    assert app.log == ["lifespan.startup"]

    app.starts_in = 0
    assert (await stream_client(handler).get("/")).body == b"open"


async def test_r9_each_request_has_a_copy_of_the_state(stream_client: Any) -> None:
    """It may add to its own."""
    app = LivingApp()
    client = stream_client(asgi(app))
    await client.get("/1")
    app.scopes[1]["state"]["user"] = "me"
    await client.get("/2")

    assert app.scopes[2]["state"] == {"db": "open"}
    assert app.scopes[0]["asgi"] == {"version": "3.0", "spec_version": "2.0"}


async def test_r9_a_startup_that_failed_says_so_and_is_tried_again(stream_client: Any) -> None:
    """E2b: the client gets 502; the error has the words of the application."""
    app = LivingApp(startup={"type": "lifespan.startup.failed", "message": "no database"})
    client = stream_client(asgi(app))
    first = await client.get("/")
    app._startup = STARTED
    second = await client.get("/")

    assert isinstance(first.error.exception, LifespanFailed)
    assert first.error.message == "the startup of the application failed: no database"
    assert (first.status, second.status) == (502, 200)
    assert "/" in app.log


def refusing(error: BaseException | None) -> App:
    """An application that knows HTTP only: it fails at a lifespan, or returns."""
    answer = answering(lambda scope: str(scope["state"]).encode())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await answer(scope, receive, send)
        elif error is not None:
            raise error

    return app


@pytest.mark.parametrize("error", [None, AssertionError("http only"), KeyError("method")], ids=["returns", "1", "2"])
async def test_r9_an_application_without_a_lifespan_is_served(
    stream_client: Any, error: BaseException | None, caplog: Any
) -> None:
    """`auto`: with an empty state, and without a word in the log."""
    caplog.set_level(logging.INFO)
    capture = await stream_client(asgi(refusing(error))).get("/")

    assert (capture.status, capture.body) == (200, b"{}")
    assert caplog.records == []


@pytest.mark.parametrize(("error", "said"), [(None, "it returned"), (KeyError("k"), "KeyError: 'k'")])
async def test_r9_with_on_an_application_must_have_a_lifespan(
    stream_client: Any, error: BaseException | None, said: str
) -> None:
    capture = await stream_client(asgi(refusing(error), lifespan="on")).get("/")

    assert capture.status == 502
    assert said in capture.error.message
    assert capture.error.exception.__cause__ is error


async def test_what_would_end_the_process_is_a_failed_startup(stream_client: Any) -> None:
    """`sys.exit` in a startup is no refusal of the scope, and ends no loop."""
    capture = await stream_client(asgi(refusing(SystemExit(3)))).get("/")

    assert isinstance(capture.error.exception, LifespanFailed)


async def test_r9_with_off_no_lifespan_is_run(stream_client: Any) -> None:
    app = LivingApp()
    capture = await stream_client(asgi(app, lifespan="off")).get("/")

    assert (app.log, capture.body) == (["/"], b"None")


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({"lifespan": "maybe"}, "lifespan must be 'auto' or 'on' or 'off', not 'maybe'"),
        ({"profile": "hypercorn"}, "profile must be 'uvicorn' or 'asgi-2.4', not 'hypercorn'"),
    ],
    ids=["lifespan", "profile"],
)
def test_an_option_that_is_none_names_the_words_there_are(option: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        asgi(LivingApp(), **option)


async def test_a_shutdown_that_failed_is_raised_by_aclose(stream_client: Any) -> None:
    app = LivingApp(shutdown={"type": "lifespan.shutdown.failed", "message": "still busy"})
    handler = asgi(app)
    await stream_client(handler).get("/")

    with pytest.raises(LifespanFailed, match="the shutdown of the application failed: still busy"):
        await handler.aclose()


async def test_an_error_in_the_shutdown_is_raised_by_aclose(stream_client: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await answering(lambda _: b"")(scope, receive, send)
            return
        await receive()
        await send(STARTED)
        await receive()
        raise ValueError("cannot close")

    handler = asgi(app)
    await stream_client(handler).get("/")

    with pytest.raises(LifespanFailed, match="ValueError: cannot close"):
        await handler.aclose()


async def test_a_lifespan_that_breaks_off_is_logged_and_requests_go_on(stream_client: Any, caplog: Any) -> None:
    """As under uvicorn."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await answering(lambda _: b"on")(scope, receive, send)
            return
        await receive()
        await send(STARTED)
        raise ValueError("background job")

    handler = asgi(app)
    client = stream_client(handler)
    await client.get("/")

    assert (await client.get("/")).body == b"on"
    assert [record.getMessage() for record in caplog.records] == [
        "the lifespan of the application ended before its shutdown: ValueError: background job"
    ]


async def test_a_message_that_no_lifespan_has_is_a_misuse(stream_client: Any) -> None:
    app = LivingApp(startup={"type": "lifespan.started"})
    capture = await stream_client(asgi(app, lifespan="on")).get("/")

    assert "'lifespan.started' is no message of a lifespan" in capture.error.message
