"""Rules E2, E2b, E3, E3b and E5 on the wire: what a client sees of a function that fails, and what the log says."""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import AppError, HttpResponseStream, StreamingResponse, streamify_response
from raw_http import WAIT_SECONDS, Cut, RawResponse, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")


async def early_with_code(event: Any, context: Any) -> Any:
    raise AppError("app.conflict", "somebody was faster")


async def early_without_code(event: Any, context: Any) -> Any:
    raise ValueError("a secret of the function")


async def late_without_code(event: Any, context: Any) -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"
    raise ValueError("a secret of the function")


def late_in_a_thread(event: Any, context: Any) -> Iterator[bytes]:
    yield b"one"
    yield b"two"
    raise AppError("app.rate_limited", "enough")


@streamify_response
async def late_in_streamify(event: Any, stream: HttpResponseStream, context: Any) -> None:
    stream.write(b"one")
    stream.write(b"two")
    raise AppError("app.rate_limited", "enough")


async def early_in_a_generator(event: Any, context: Any) -> AsyncIterator[bytes]:
    raise AppError("app.not_found", "no such page")
    yield b""


async def test_early_error_with_a_code_is_a_json_response(function_url: FunctionUrlFactory) -> None:
    """E2: status by code, the code and message in JSON, and the request id that the header shows."""
    url = await function_url(early_with_code)

    response = await fetch(url)

    assert response.status == 409
    assert response.head.value("content-type") == "application/json; charset=utf-8"
    assert json.loads(response.body) == {
        "error": {
            "code": "app.conflict",
            "message": "somebody was faster",
            "request_id": response.head.value("x-amzn-RequestId"),
        }
    }
    assert not response.cut


async def test_early_error_before_the_first_yield_is_a_json_response_too(function_url: FunctionUrlFactory) -> None:
    """E2: a generator that raises before its first chunk has not begun its response."""
    response = await fetch(await function_url(early_in_a_generator))

    assert (response.status, json.loads(response.body)["error"]["code"]) == (404, "app.not_found")


async def test_early_error_without_a_code_is_502_and_tells_the_client_nothing(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """E2b: a Function URL's 502 in plain text; message and traceback go to the log alone."""
    url = await function_url(early_without_code)

    response = await fetch(url)
    await url.settled()

    assert (response.status, response.body) == (502, b"Internal Server Error")
    assert response.head.value("content-type") == "text/plain"
    assert "secret" not in str(response.head)
    assert "ValueError: a secret of the function" in caplog.text
    assert 'raise ValueError("a secret of the function")' in caplog.text


LATE = [late_without_code, late_in_a_thread, late_in_streamify]


@pytest.mark.parametrize("handler", LATE, ids=lambda handler: handler.__name__)
async def test_late_error_ends_the_body_cleanly_as_on_aws(function_url: FunctionUrlFactory, handler: Any) -> None:
    """E3 aws: the chunks so far and the last chunk, as if nothing had happened; the connection lives on."""
    url = await function_url(handler)

    async with connect(url) as client:
        for _ in range(2):
            await client.request("GET")
            response = await client.read_response()
            assert (response.status, response.frames, response.cut) == (200, [b"one", b"two"], False)
    await url.settled()
    transcript = url.exchanges[-1].transcript
    assert transcript.delivery == "complete"
    assert transcript.stream_error_code == ("app.internal" if handler is late_without_code else "app.rate_limited")


@pytest.mark.parametrize("handler", LATE, ids=lambda handler: handler.__name__)
async def test_late_error_cuts_the_body_where_clients_must_notice(
    function_url: FunctionUrlFactory, handler: Any
) -> None:
    """E3 abort: the chunks so far, then the connection ends without the last chunk."""
    url = await function_url(handler, late_errors="abort")

    response = await fetch(url)
    await url.settled()

    assert (response.status, response.frames, response.cut) == (200, [b"one", b"two"], True)
    assert url.exchanges[-1].transcript.delivery == "cut"


async def test_early_error_is_whole_where_late_ones_cut(function_url: FunctionUrlFactory) -> None:
    """E3 abort is for late errors alone: an early one is a complete response."""
    response = await fetch(await function_url(early_with_code, late_errors="abort"))

    assert (response.status, response.cut) == (409, False)


async def test_head_of_the_handler_does_not_show_in_an_error_response(function_url: FunctionUrlFactory) -> None:
    """E2: the early error of a body replaces the finalized head, cookies included."""

    async def body() -> AsyncIterator[bytes]:
        raise AppError("app.forbidden", "not for you")
        yield b""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body(), headers={"x-own": "1"}, cookies=["a=1"])

    response = await fetch(await function_url(handler))

    assert response.status == 403
    assert response.head.values("x-own") == []
    assert response.head.values("set-cookie") == []


async def exits_late(event: Any, context: Any) -> AsyncIterator[bytes]:
    yield b"one"
    sys.exit(3)


async def lets_a_cancellation_out(event: Any, context: Any) -> AsyncIterator[bytes]:
    yield b"one"
    raise asyncio.CancelledError("of its own")


@pytest.mark.parametrize("handler", [exits_late, lets_a_cancellation_out], ids=lambda handler: handler.__name__)
async def test_runtime_that_would_die_late_cuts_the_response(function_url: FunctionUrlFactory, handler: Any) -> None:
    """E3b: what ends a runtime ends the connection, whatever `late_errors` says; the server lives."""
    url = await function_url(handler, late_errors="aws")

    for _ in range(2):
        response = await fetch(url)
        assert (response.frames, response.cut) == ([b"one"], True)
    await url.settled()
    assert url.exchanges[-1].transcript.delivery == "cut"


# -- E5 ---------------------------------------------------------------------------------------


async def never_answers(event: Any, context: Any) -> Any:
    await asyncio.Event().wait()


async def never_ends(event: Any, context: Any) -> AsyncIterator[bytes]:
    yield b"one"
    await asyncio.Event().wait()


@streamify_response
async def streamify_without_end(event: Any, stream: HttpResponseStream, context: Any) -> None:
    stream.write(b"one")
    await asyncio.Event().wait()


@pytest.mark.parametrize("invoke_mode", ["RESPONSE_STREAM", "BUFFERED"])
async def test_timeout_before_the_first_chunk_is_502(function_url: FunctionUrlFactory, invoke_mode: str) -> None:
    """E5: early, the client gets the Function URL's 502, not the 408 of the code."""
    url = await function_url(never_answers, timeout=0.01, invoke_mode=invoke_mode)

    response = await fetch(url)
    await url.settled()

    assert (response.status, response.body, response.cut) == (502, b"Internal Server Error", False)
    transcript = url.exchanges[-1].transcript
    assert f"{transcript.handler} {transcript.delivery}" == "timed_out complete"
    assert transcript.error is not None
    assert (transcript.error.code, transcript.stream_error_code) == ("app.timeout", None)


@pytest.mark.parametrize("handler", [never_ends, streamify_without_end], ids=lambda handler: handler.__name__)
async def test_timeout_after_the_first_chunk_cuts_the_response(function_url: FunctionUrlFactory, handler: Any) -> None:
    """E5: late, the connection is closed without the last chunk, and the next request is served."""
    url = await function_url(handler, timeout=0.01)

    for _ in range(2):
        response = await fetch(url)
        assert (response.status, response.frames, response.cut) == (200, [b"one"], True)
    await url.settled()
    transcript = url.exchanges[-1].transcript
    assert f"{transcript.handler} {transcript.delivery} {transcript.stream_error_code}" == "timed_out cut app.timeout"


async def test_timeout_does_not_wait_for_a_thread_that_is_busy(function_url: FunctionUrlFactory) -> None:
    """E5: a sync handler that blocks is left to itself; its client is answered at the deadline."""
    gate = threading.Event()

    def handler(event: Any, context: Any) -> str:
        gate.wait(WAIT_SECONDS)
        return "late"

    url = await function_url(handler, timeout=0.01)
    response = await fetch(url)

    assert not gate.is_set()
    gate.set()
    assert response.status == 502


async def test_cut_response_is_an_error_for_a_reader_of_frames(function_url: FunctionUrlFactory) -> None:
    """The last chunk is missing: a client that knows HTTP sees that the body is not whole."""
    url = await function_url(never_ends, timeout=0.01)

    async with connect(url) as client:
        await client.request("GET")
        await client.read_head()
        assert await client.read_frame() == b"one"
        with pytest.raises(Cut):
            await client.read_frame()


async def test_context_counts_down_from_the_timeout(function_url: FunctionUrlFactory) -> None:
    """E5: the handler sees how much of its time is left, of 900 s where no timeout is armed."""

    async def handler(event: Any, context: Any) -> int:
        return int(context.get_remaining_time_in_millis())

    async def remaining(**options: Any) -> int:
        response: RawResponse = await fetch(await function_url(handler, **options))
        return int(response.body)

    assert 0 < await remaining(timeout=60) <= 60_000
    assert 60_000 < await remaining() <= 900_000
