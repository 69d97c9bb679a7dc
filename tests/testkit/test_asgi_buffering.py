"""Middleware that holds back the bodies of an application is found out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from apptheory_streaming.errors import UsageError
from apptheory_testkit import Hold, Tap, asgi
from asgi_apps import App, body, start


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """Three bodies, 10 seconds apart."""
    if scope["type"] != "http":
        return
    await send(start(200, (b"content-type", b"text/plain")))
    for number in range(3):
        await send(body(b"part %d\n" % number))
        await asyncio.sleep(10)
    await send(body(more=False))


def hands_on(app: App) -> App:
    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return outer


def signs(app: App) -> App:
    """Collects the body for a header with its size, as middleware that signs or counts does."""

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        kept: list[Any] = []
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def keep(message: Any) -> None:
            kept.append(message)

        await app(scope, receive, keep)
        data = b"".join(message.get("body", b"") for message in kept)
        await send(kept[0] | {"headers": [*kept[0]["headers"], (b"x-size", b"%d" % len(data))]})
        await send(body(data, more=False))

    return outer


async def test_an_application_that_nothing_holds_back(stream_client: Any) -> None:
    tap = Tap()
    capture = await stream_client(asgi(hands_on(tap.app(slow)))).get("/")

    capture.assert_not_buffered(tap)
    assert [each.at for each in tap.heard] == [0, 10, 20, 30]


async def test_middleware_that_collects_is_found_out(stream_client: Any) -> None:
    """Which bodies, and for how long."""
    tap = Tap()
    capture = await stream_client(asgi(signs(tap.app(slow)))).get("/")

    assert capture.holds(tap) == [Hold(0, 2, 0, 20, 30)]
    with pytest.raises(AssertionError, match="chunks 0-2 were held for up to 30 s: produced from 0 s to 20 s"):
        capture.assert_not_buffered(tap)


async def test_a_tap_at_each_layer_tells_which_one_it_is(stream_client: Any) -> None:
    """Above the culprit nothing is held."""
    inside, outside = Tap(), Tap()
    capture = await stream_client(asgi(hands_on(outside.app(signs(inside.app(slow)))))).get("/")

    assert capture.holds(outside) == []
    assert [hold.seconds for hold in capture.holds(inside)] == [30]


@pytest.mark.parametrize("minimum", [1, 10_000])
async def test_gzip_of_starlette(stream_client: Any, minimum: int) -> None:
    """Its compressor holds small bodies until its buffer is full; bodies of a stream are compressed at any size."""
    tap = Tap()
    app = GZipMiddleware(tap.app(slow), minimum_size=minimum)
    capture = await stream_client(asgi(app)).get("/", headers={"accept-encoding": "gzip"})

    assert capture.headers["content-encoding"] == ["gzip"]
    assert capture.holds(tap) == []


async def collects(request: Any, call_next: Any) -> Response:
    response = await call_next(request)
    data = b"".join([chunk async for chunk in response.body_iterator])
    return Response(data, response.status_code, dict(response.headers))


async def passes(request: Any, call_next: Any) -> Any:
    return await call_next(request)


@pytest.mark.parametrize(("dispatch", "held"), [(collects, [30]), (passes, [])], ids=["collects", "passes"])
async def test_base_http_middleware_of_starlette(stream_client: Any, dispatch: Any, held: list[float]) -> None:
    """A dispatch that reads the body of the response holds all of it back."""
    tap = Tap()
    capture = await stream_client(asgi(BaseHTTPMiddleware(tap.app(slow), dispatch=dispatch))).get("/")

    assert [hold.seconds for hold in capture.holds(tap)] == held


async def test_a_tap_may_go_around_the_generator_in_an_endpoint(stream_client: Any) -> None:
    tap = Tap()

    async def parts() -> AsyncIterator[str]:
        for number in range(3):
            yield f"part {number}\n"
            await asyncio.sleep(10)

    async def page(request: Any) -> Any:
        return StreamingResponse(tap(parts()))

    app = Starlette(routes=[Route("/", page)])
    capture = await stream_client(asgi(signs(app))).get("/")

    assert [hold.seconds for hold in capture.holds(tap)] == [30]


async def test_a_tap_leaves_lifespan_and_messages_as_they_are(stream_client: Any) -> None:
    """The lifespan is not a response."""
    seen: list[str] = []
    tap = Tap()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return
        await slow(scope, receive, send)

    capture = await stream_client(asgi(tap.app(app), lifespan="on")).get("/")

    assert seen == ["lifespan", "http"]
    assert capture.chunks == [b"part 0\n", b"part 1\n", b"part 2\n"]


async def test_each_response_needs_a_tap_of_its_own(stream_client: Any) -> None:
    client = stream_client(asgi(Tap().app(slow)))
    await client.get("/")
    second = await client.get("/")

    assert second.status == 502
    assert "make a Tap() for each response" in second.error.message


async def test_a_tap_around_an_application_that_was_not_asked_says_so(stream_client: Any) -> None:
    tap = Tap()
    tap.app(slow)
    capture = await stream_client(asgi(slow)).get("/")

    with pytest.raises(UsageError, match="the middleware of an ASGI application is put around"):
        capture.assert_not_buffered(tap)


def test_a_tap_goes_around_an_application() -> None:
    with pytest.raises(UsageError, match="goes around an ASGI application, not int"):
        Tap().app(5)  # type: ignore[arg-type]
