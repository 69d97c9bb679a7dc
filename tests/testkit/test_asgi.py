"""Applications of real frameworks in a test: the same captures, faults and transports as any handler (rule R9)."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse as FastStream
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from apptheory_emulator import HttpTransport
from apptheory_streaming import AsgiHandler
from apptheory_streaming import asgi as asgi_of_streaming
from apptheory_streaming.errors import TargetError, UsageError
from apptheory_testkit import asgi, stream_client
from apptheory_testkit.comparison import compare_captures
from apptheory_testkit.faults import disconnect, slow_reader
from apptheory_testkit.virtual_time.deadlock import DeadlockError
from apptheory_testkit.virtual_time.loop import VirtualLoop
from asgi_apps import body, sending, start

log: list[Any] = []


@pytest.fixture(autouse=True)
def empty_log() -> None:
    log.clear()


async def tokens(count: int = 3, *, seconds: float = 0.5) -> AsyncIterator[str]:
    try:
        for number in range(count):
            yield f"token {number}\n"
            await asyncio.sleep(seconds)
    finally:
        log.append("closed")


async def stream(request: Request) -> Response:
    return StreamingResponse(
        tokens(int(request.query_params.get("count", 3))),
        media_type="text/plain",
        headers={"x-path": request.url.path},
        background=BackgroundTask(log.append, "background"),
    )


async def echo(request: Request) -> Response:
    response = JSONResponse({"json": await request.json(), "cookies": request.cookies, "state": str(request.state.db)})
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def fails(request: Request) -> Response:
    raise ValueError("no such table")


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
    log.append("startup")
    yield {"db": "open"}
    log.append("shutdown")


async def around(request: Request, call_next: Any) -> Any:
    response = await call_next(request)
    response.headers["x-around"] = "1"
    return response


ROUTES = [Route("/stream", stream), Route("/echo", echo, methods=["POST"]), Route("/fails", fails)]
PLAIN = Starlette(routes=ROUTES, lifespan=lifespan)
WRAPPED = Starlette(routes=ROUTES, lifespan=lifespan, middleware=[Middleware(BaseHTTPMiddleware, dispatch=around)])

both = pytest.mark.streaming(transport="both")
APPS = pytest.mark.parametrize("app", [PLAIN, WRAPPED], ids=["plain", "middleware"])
PROFILES = pytest.mark.parametrize("profile", ["uvicorn", "asgi-2.4"])


@both
@APPS
@PROFILES
async def test_r9_a_streamed_response_keeps_chunks_and_times(stream_client: Any, app: Any, profile: str) -> None:
    """W7: over both transports."""
    capture = await stream_client(asgi(app, profile=profile)).get("/stream")

    assert capture.chunks == [b"token 0\n", b"token 1\n", b"token 2\n"]
    assert [capture.at(f"token {number}") for number in range(3)] == [0, 0.5, 1]
    assert capture.headers["content-type"] == ["text/plain; charset=utf-8"]
    assert capture.headers["x-path"] == ["/stream"]
    capture.assert_closed()
    assert [each for each in log if each != "startup"] == ["closed", "background"]


@both
async def test_r9_a_request_with_body_cookies_and_state(stream_client: Any) -> None:
    capture = await stream_client(asgi(PLAIN)).post("/echo", json={"a": "ü"}, cookies={"session": "1"})

    assert capture.json() == {"json": {"a": "ü"}, "cookies": {"session": "1"}, "state": "open"}
    assert capture.cookies == ["a=1; Path=/; SameSite=lax", "b=2; Path=/; SameSite=lax"]


@both
async def test_e3_a_framework_that_answers_an_error_and_raises_it(stream_client: Any) -> None:
    """Its own 500 is what the client gets; the error behind it is in the capture."""
    capture = await stream_client(asgi(PLAIN)).get("/fails")

    assert (capture.status, capture.text) == (500, "Internal Server Error")
    assert capture.error.message == "no such table"
    assert capture.delivery_outcome == "complete"


@APPS
@pytest.mark.parametrize("profile", ["uvicorn", "asgi-2.4"])
@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
async def test_r9_a_stream_ends_when_its_client_leaves(
    stream_client: Any, app: Any, profile: str, on_disconnect: str
) -> None:
    """In both profiles no generator goes on for long, and each is closed."""
    client = stream_client(asgi(app, profile=profile), on_disconnect=on_disconnect, strict=False)
    async with client.stream("GET", "/stream?count=1000") as live:
        await anext(live)
        await live.disconnect()

    assert live.capture.duration <= 0.5
    del live  # Starlette leaves closing to the collector, and the capture holds what was raised
    gc.collect()
    await asyncio.sleep(1)
    assert "closed" in log


async def test_a_sweep_over_a_framework_leaves_nothing(stream_client: Any) -> None:
    report = await stream_client(asgi(PLAIN)).sweep("GET", "/stream", fault=disconnect)

    assert report.runs >= 4


async def test_a_sweep_finds_a_generator_that_only_the_collector_closes(stream_client: Any) -> None:
    """Under `asgi-2.4` the error of `send` goes past a loop that closes nothing."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        parts = tokens()
        try:
            async for token in parts:
                await send(body(token.encode()))
        except OSError as error:
            raise ValueError("the client is gone") from error
        await send(body(more=False))

    with pytest.raises(AssertionError, match="a generator is not closed"):
        await stream_client(asgi(app, profile="asgi-2.4")).sweep("GET", "/", fault=disconnect)


@pytest.mark.streaming(sweep=disconnect)
async def test_a_swept_test_of_an_application(stream_client: Any) -> None:
    """The lifespan, which goes on between the runs, is no leak."""
    capture = await stream_client(asgi(PLAIN), on_disconnect="cancel").get("/stream")

    assert capture.status == 200


async def test_a_slow_client_holds_the_generator_back(stream_client: Any) -> None:
    capture = await stream_client(asgi(PLAIN)).get("/stream?count=4", fault=slow_reader(rate=1))

    assert [chunk.produced_at for chunk in capture.transcript.chunks] == [0, 8.5, 17, 25.5]


@both
async def test_e6_head(stream_client: Any) -> None:
    capture = await stream_client(asgi(PLAIN)).head("/stream")

    assert (capture.status, capture.chunks) == (200, [])


def test_w7_in_process_and_over_http_agree() -> None:
    """Empty bodies, headers in lists, cookies, errors after the start: captures are equal."""
    app = sending(
        start(202, (b"x-a", b"1"), (b"x-a", b"2"), (b"set-cookie", b"c=1")),
        body(b"one"),
        body(b""),
        body(b"x" * 70_000),
        error=ValueError("late"),
    )

    async def captures() -> list[Any]:
        transports: list[Any] = [{}, {"transport": HttpTransport}]
        return [await stream_client(asgi(app), **transport).get("/") for transport in transports]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        in_process, http = runner.run(captures())

    assert compare_captures(in_process, http) == []
    assert (http.chunks, http.stream_error_code) == ([b"one", b"", b"x" * 70_000], "app.internal")


def fast_app() -> FastAPI:
    app = FastAPI(lifespan=lifespan)

    @app.get("/items/{item}")
    async def read(item: int) -> FastStream:
        return FastStream(tokens(item), media_type="text/event-stream")

    @app.websocket("/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()

    return app


@both
async def test_r9_fastapi(stream_client: Any) -> None:
    client = stream_client(asgi(fast_app()))
    capture = await client.get("/items/2")
    refused = await client.get("/items/two")

    assert capture.chunks == [b"token 0\n", b"token 1\n"]
    assert (refused.status, refused.json()["detail"][0]["loc"]) == (422, ["path", "item"])
    assert log.count("startup") == 1


async def test_sync_endpoints_run_on_threads_of_the_framework(stream_client: Any) -> None:
    """The clock waits for them."""
    app = FastAPI()

    @app.get("/")
    def read() -> FastStream:
        return FastStream((f"{number}\n" for number in range(3)), media_type="text/plain")

    capture = await stream_client(asgi(app)).get("/")

    assert (capture.chunks, capture.duration) == ([b"0\n", b"1\n", b"2\n"], 0)


def test_an_application_that_waits_for_nothing_is_named() -> None:
    """It waits for a disconnect that never comes."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await receive()
        await receive()

    with pytest.raises(DeadlockError, match=r"asgi-app waits at test_asgi\.py:\d+"):
        stream_client(asgi(app), clock="virtual").sync.get("/")


async def test_a_request_for_a_web_socket_finds_no_route(stream_client: Any) -> None:
    """A Function URL speaks HTTP alone."""
    assert (await stream_client(asgi(fast_app())).get("/ws", headers={"upgrade": "websocket"})).status == 404


TARGET = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": scope["server"][0].encode()})


number = 5
"""


async def test_r9_an_application_may_be_named_by_its_target(stream_client: Any, tmp_path: Path) -> None:
    """It is imported at the first request, and its function has the name of the file."""
    target = asgi(f"{tmp_path}/site_app.py:app")
    (tmp_path / "site_app.py").write_text(TARGET)

    assert target.function_name == "site_app"
    assert (await stream_client(target).get("/")).text == "site_app.lambda-url.us-east-1.on.aws"


async def test_a_handler_made_by_asgi_may_be_named_too(stream_client: Any, tmp_path: Path) -> None:
    """As a function that is deployed has one."""
    (tmp_path / "deployed_app.py").write_text(f"from apptheory_streaming import asgi\n{TARGET}\nhandler = asgi(app)\n")

    assert (await stream_client(f"{tmp_path}/deployed_app.py:handler").get("/")).status == 200


@pytest.mark.parametrize("app", [5, None, "no_colon", b"a:b"])
def test_what_is_no_application_is_refused_at_once(app: Any) -> None:
    with pytest.raises(TargetError, match=r"application|names no attribute"):
        asgi(app)


async def test_a_target_that_is_no_application_is_a_function_error(stream_client: Any, tmp_path: Path) -> None:
    (tmp_path / "other_app.py").write_text(TARGET)
    capture = await stream_client(asgi(f"{tmp_path}/other_app.py:number")).get("/")

    assert capture.status == 502
    assert isinstance(capture.error.exception, TargetError)


async def test_a_handler_is_no_application(stream_client: Any) -> None:
    handler: Any = asgi(PLAIN)
    capture = await stream_client(asgi(handler)).get("/")

    assert isinstance(capture.error.exception, UsageError)
    assert "made by asgi()" in capture.error.message


def test_testkit_and_streaming_have_the_same_asgi() -> None:
    assert asgi is asgi_of_streaming
    assert isinstance(asgi(PLAIN), AsgiHandler)
