"""What becomes of the messages: the head, chunks, their pace, the end, errors (rule R9)."""

import asyncio
from typing import Any

import aiohttp
import pytest

from apptheory_streaming import AppError, NotEnded, asgi
from apptheory_streaming.errors import AsgiMisuse, RuntimeExit
from apptheory_testkit import Limits
from asgi_apps import body, sending, start


async def test_r9_chunks_are_the_bodies_as_they_were_sent(stream_client: Any) -> None:
    """R3: an empty body is a chunk; R9: the last one is none if it is empty."""
    app = sending(start(), body(b"one"), body(b""), body(b"two"), body(b"", more=False))

    assert (await stream_client(asgi(app)).get("/")).chunks == [b"one", b"", b"two"]


async def test_r9_a_last_body_with_bytes_is_a_chunk(stream_client: Any) -> None:
    assert (await stream_client(asgi(sending(start(), body(b"all", more=False)))).get("/")).chunks == [b"all"]


async def test_f6_a_response_without_bytes_keeps_its_head(stream_client: Any) -> None:
    capture = await stream_client(asgi(sending(start(418, (b"x-a", b"1")), body(more=False)))).get("/")

    assert (capture.status, capture.headers["x-a"], capture.chunks) == (418, ["1"], [])
    capture.assert_closed()


async def test_r9_the_head_is_final_with_the_start(stream_client: Any) -> None:
    """F3: a list of headers that is changed later changes nothing; the client has the head before any chunk."""
    pairs = [(b"x-a", b"1")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start() | {"headers": pairs})
        pairs.append((b"x-b", b"2"))
        await asyncio.sleep(10)
        await send(body(b"x", more=False))

    async with stream_client(asgi(app)).stream("GET", "/") as live:
        assert live.head.headers == {"x-a": ["1"], "content-type": ["application/octet-stream"]}
        assert asyncio.get_running_loop().time() < 10
        assert [chunk async for chunk in live] == [b"x"]

    live.capture.assert_headers_finalized_before_first_chunk()


async def test_r9_a_response_without_its_last_body_is_truncated(stream_client: Any) -> None:
    """The error is NotEnded, and late: the client has had what came."""
    capture = await stream_client(asgi(sending(start(), body(b"one")))).get("/")

    assert isinstance(capture.error.exception, NotEnded)
    assert capture.error.late
    assert (capture.chunks, capture.stream_error_code) == ([b"one"], "app.internal")
    with pytest.raises(AssertionError, match="more_body=False"):
        capture.assert_closed()


async def test_r9_a_head_alone_is_truncated_too(stream_client: Any) -> None:
    capture = await stream_client(asgi(sending(start(201)))).get("/")

    assert (capture.status, capture.chunks, capture.error.late) == (201, [], True)
    assert isinstance(capture.error.exception, NotEnded)


async def test_r9_an_application_that_sends_nothing_has_failed(stream_client: Any) -> None:
    """E2b: 502."""
    capture = await stream_client(asgi(sending())).get("/")

    assert isinstance(capture.error.exception, AsgiMisuse)
    assert (capture.status, capture.handler_outcome) == (502, "failed(app.internal)")


async def test_e2b_an_error_before_the_start_is_early(stream_client: Any) -> None:
    error = ValueError("no such table")
    capture = await stream_client(asgi(sending(error=error))).get("/")

    assert capture.error.exception is error
    assert (capture.status, capture.text, capture.stream_error_code) == (502, "Internal Server Error", None)


async def test_e2_an_early_error_may_have_a_code(stream_client: Any) -> None:
    capture = await stream_client(asgi(sending(error=AppError("app.not_found", "no such chat")))).get("/")

    assert capture.status == 404
    assert capture.json()["error"]["message"] == "no such chat"


@pytest.mark.parametrize("messages", [[start()], [start(), body(b"one")]], ids=["before a body", "after one"])
async def test_e3_an_error_after_the_start_is_late(stream_client: Any, messages: list[Any]) -> None:
    """The head is out: that of the application stays."""
    error = AppError("app.conflict", "taken")
    capture = await stream_client(asgi(sending(*messages, error=error))).get("/")

    assert capture.error.exception is error
    assert (capture.status, capture.stream_error_code) == (200, "app.conflict")
    assert capture.chunks == [b"one"][: len(messages) - 1]


async def test_send_waits_for_the_client(stream_client: Any) -> None:
    """An application runs no further ahead than one body: as a generator would."""
    sent = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        for number in range(4):
            sent.append(number)
            await send(body(b"%d" % number))
        await send(body(more=False))

    async with stream_client(asgi(app)).stream("GET", "/") as live:
        for number in range(4):
            assert await anext(live) == b"%d" % number
            await asyncio.sleep(60)
            assert sent == list(range(number + 2))[:4]


async def test_messages_of_several_tasks_keep_the_order_in_which_they_were_sent(stream_client: Any) -> None:
    """W1: as frameworks do, which send from a task of their own."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(send(body(b"%d" % number)))
        await send(body(more=False))

    assert (await stream_client(asgi(app)).get("/")).chunks == [b"0", b"1", b"2", b"3", b"4"]


async def test_times_are_those_of_the_bodies(stream_client: Any) -> None:
    """D3: exact, in virtual time."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        for _ in range(3):
            await asyncio.sleep(300)
            await send(body(b"x"))
        await send(body(more=False))

    capture = await stream_client(asgi(app)).get("/")

    assert [chunk.produced_at for chunk in capture.transcript.chunks] == [300, 600, 900]


async def test_what_runs_on_behind_the_last_body_does_not_hold_up_the_client(stream_client: Any) -> None:
    """The client has the end at once; the handler is over when the application is."""
    done = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        await send(body(b"x", more=False))
        await asyncio.sleep(60)
        done.append(await receive())

    async with stream_client(asgi(app)).stream("GET", "/") as live:
        assert [chunk async for chunk in live] == [b"x"]
        assert done == []
        assert asyncio.get_running_loop().time() < 60
        await asyncio.sleep(61)

    assert done == [{"type": "http.disconnect"}]
    assert live.capture.duration == 60
    live.capture.assert_closed()


async def test_an_error_behind_the_last_body_is_late_and_the_response_complete(stream_client: Any) -> None:
    error = AppError("app.conflict", "behind")
    capture = await stream_client(asgi(sending(start(), body(b"x", more=False), error=error))).get("/")

    assert (capture.chunks, capture.delivery_outcome, capture.stream_error_code) == ([b"x"], "complete", "app.conflict")


async def test_e6_a_head_request_has_no_chunks(stream_client: Any) -> None:
    capture = await stream_client(asgi(sending(start(200, (b"x-a", b"1")), body(b"x"), body(more=False)))).head("/")

    assert (capture.status, capture.headers["x-a"], capture.chunks) == (200, ["1"], [])
    assert (capture.handler_outcome, capture.delivery_outcome) == ("ended", "complete")


async def test_l2_a_response_over_the_limit_ends_the_application(stream_client: Any) -> None:
    """The body over it is dropped whole, and the application is cancelled."""
    ended = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        try:
            await send(start())
            for _ in range(3):
                await send(body(b"1234"))
        finally:
            ended.append("closed")

    capture = await stream_client(asgi(app), limits=Limits(max_response_bytes=10)).get("/")

    assert (capture.chunks, capture.stream_error_code, ended) == ([b"1234", b"1234"], "app.too_large", ["closed"])


async def test_a_buffered_url_collects_the_response(stream_client: Any) -> None:
    """R0: and a late error is an early one there."""
    app = sending(start(201), body(b"one"), body(b"two"), body(more=False))
    failing = sending(start(201), body(b"one"), error=ValueError("x"))
    client = stream_client(asgi(app), invoke_mode="BUFFERED")
    failed = await stream_client(asgi(failing), invoke_mode="BUFFERED").get("/")

    assert (await client.get("/")).chunks == [b"onetwo"]
    assert (failed.status, failed.error.late) == (502, False)


async def test_e5_a_timeout_cancels_the_application(stream_client: Any) -> None:
    """Its `finally` runs; nothing of it is left."""
    ended = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        try:
            if scope["path"] == "/late":
                await send(start())
                await send(body(b"x"))
            await asyncio.sleep(100)
        finally:
            ended.append(scope["path"])

    client = stream_client(asgi(app), timeout=3)
    early, late = await client.get("/early"), await client.get("/late")

    assert (early.status, early.handler_outcome, early.duration) == (502, "timed_out", 3)
    assert (late.chunks, late.delivery_outcome, late.error.code) == ([b"x"], "cut", "app.timeout")
    assert ended == ["/early", "/late"]


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError()], ids=["exit", "cancelled"])
async def test_what_would_end_the_runtime_reaches_the_handler(error: BaseException, function_url: Any) -> None:
    """E3b: under the emulator it is a function error, and the server serves on."""
    app = sending(error=error)
    url = await function_url(asgi(app))
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get(url) as response:
                assert response.status == 502
    await url.settled()
    assert [type(exchange.transcript.error.exception) for exchange in url.exchanges] == [RuntimeExit, RuntimeExit]
