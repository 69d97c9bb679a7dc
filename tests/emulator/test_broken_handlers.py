"""Handlers that break the contract: a clear response, a clear line in the log, and a server that serves on."""

import asyncio
import json
import logging
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import HttpResponseStream, StreamingResponse, streamify_response
from apptheory_streaming.wire.limits import Limits
from raw_http import WAIT_SECONDS, fetch

pytestmark = pytest.mark.streaming(clock="real")

OURS = ("apptheory_streaming/", "apptheory_emulator/", "aiohttp/", "importlib")


@dataclass(frozen=True)
class Broken:
    """A handler, the error it stands for, and what the log must say."""

    handler: Any
    error: str
    says: str
    user_code: str = ""
    """A line of the handler that the traceback must show; none when the mistake is in a value."""


async def header_with_a_line_break(event: Any, context: Any) -> Any:
    return StreamingResponse([b"x"], headers={"x-own": "a\r\nset-cookie: stolen=1"})


async def cookie_with_a_line_break(event: Any, context: Any) -> Any:
    return {"body": iter([b"x"]), "cookies": ["a=1\r\nx-injected: 1"]}


async def impossible_status(event: Any, context: Any) -> Any:
    return StreamingResponse([b"x"], status=1000)


async def number_as_a_chunk(event: Any, context: Any) -> AsyncIterator[Any]:
    yield 42


@streamify_response
async def number_written(event: Any, stream: HttpResponseStream, context: Any) -> None:
    stream.write(42)  # type: ignore[arg-type]  # the mistake under test


async def value_without_json(event: Any, context: Any) -> Any:
    return {"when": {1, 2}}


async def exits(event: Any, context: Any) -> Any:
    sys.exit(3)


def exits_in_a_thread(event: Any, context: Any) -> Any:
    sys.exit("no more")


async def lets_a_cancellation_out(event: Any, context: Any) -> Any:
    task = asyncio.ensure_future(asyncio.sleep(3600))
    asyncio.get_running_loop().call_soon(task.cancel)
    await task


async def raises_in_a_helper(event: Any, context: Any) -> Any:
    return _helper()


def _helper() -> None:
    try:
        int("x")
    except ValueError as error:
        raise KeyError("no such chat") from error


@streamify_response
async def head_twice(event: Any, stream: HttpResponseStream, context: Any) -> None:
    HttpResponseStream.from_(stream, {"statusCode": 200})
    HttpResponseStream.from_(stream, {"statusCode": 201})


BROKEN = [
    Broken(header_with_a_line_break, "InvalidResponse", "header 'x-own': '\\r' at position 1 would split the header"),
    Broken(cookie_with_a_line_break, "InvalidResponse", "cookie: '\\r' at position 3 would split the header"),
    Broken(impossible_status, "InvalidResponse", "status must be from 100 to 599, not 1000"),
    Broken(number_as_a_chunk, "StreamTypeError", "chunk 0 is of type int; a stream yields str or bytes"),
    Broken(number_written, "StreamTypeError", "chunk 0 is of type int", "stream.write(42)"),
    Broken(value_without_json, "MarshalError", "$.when is of type set"),
    Broken(exits, "RuntimeExit", "the handler called sys.exit(3), which ends a Lambda runtime", "sys.exit(3)"),
    Broken(exits_in_a_thread, "RuntimeExit", "the handler called sys.exit('no more')", 'sys.exit("no more")'),
    Broken(lets_a_cancellation_out, "RuntimeExit", "the handler raised CancelledError()", "await task"),
    Broken(raises_in_a_helper, "KeyError", "KeyError: 'no such chat'", 'int("x")'),
    Broken(head_twice, "HeadSetTwice", "from_ was called a second time", '{"statusCode": 201}'),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.handler.__name__)
async def test_broken_handler_is_answered_logged_and_survived(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture, broken: Broken
) -> None:
    """E2b, R2, R4, R5, F4: 502; one error in the log with the author's own lines and none of ours; then it serves on."""
    url = await function_url(broken.handler)

    for count in (1, 2):
        response = await fetch(url)
        await url.settled()
        assert (response.status, response.body) == (502, b"Internal Server Error")
        assert response.head.values("set-cookie") == response.head.values("x-injected") == []
        assert len(_errors(caplog)) == count
    assert [type(each.transcript.error.exception).__name__ for each in url.exchanges if each.transcript.error] == [
        broken.error
    ] * 2
    _assert_clear(_errors(caplog)[-1], broken.says, broken.user_code)


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def _assert_clear(message: str, says: str, user_code: str) -> None:
    assert says in message
    assert user_code in message
    assert ("Traceback (most recent call last)" in message) == bool(user_code)
    assert not [
        line for line in message.splitlines() if line.lstrip().startswith("File") and any(map(line.count, OURS))
    ]


async def test_number_as_a_later_chunk_ends_the_body_and_names_the_chunk(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """R2: after the first chunk it is a late error."""

    async def handler(event: Any, context: Any) -> AsyncIterator[Any]:
        yield "one"
        yield 42

    url = await function_url(handler)
    response = await fetch(url)
    await url.settled()

    assert (response.status, response.frames) == (200, [b"one"])
    assert "chunk 1 is of type int" in caplog.text
    assert "failed after 1 chunk:" in caplog.text


async def test_streamify_handler_that_returns_without_end_is_ended_for_it(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """F4: the client gets a whole response, the author gets a line in the log."""

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        stream.write(b"all")

    url = await function_url(handler)
    response = await fetch(url)
    await url.settled()

    assert (response.status, response.frames, response.cut) == (200, [b"all"], False)
    assert "NotEnded: the handler returned without calling end" in caplog.text


async def test_response_over_the_limit_is_413_or_cut_short(function_url: FunctionUrlFactory) -> None:
    """L2: the chunk that would exceed is dropped whole; the first one makes it an early error."""

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"12345" if event["rawPath"] == "/late" else b"12345678901"
        yield b"678901"

    url = await function_url(handler, limits=Limits(max_response_bytes=10))
    early, late = await fetch(url), await fetch(url, target="/late")
    await url.settled()

    assert (early.status, json.loads(early.body)["error"]["code"]) == (413, "app.too_large")
    assert (late.status, late.frames) == (200, [b"12345"])
    assert url.exchanges[-1].transcript.stream_error_code == "app.too_large"


async def test_note_says_that_a_buffered_answer_is_shown_verbatim(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """R0: the envelope of a buffered answer surprises people, so the log explains it."""

    async def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 404, "body": "no page"}

    url = await function_url(handler)
    response = await fetch(url)
    await url.settled()

    assert (response.status, json.loads(response.body)) == (200, {"statusCode": 404, "body": "no page"})
    assert "a RESPONSE_STREAM URL shows such an answer verbatim" in caplog.text


async def test_late_mutation_is_logged_with_its_place(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """F3: a header set after the head was final is not sent, and the log names file and line."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        response = StreamingResponse()

        async def body() -> AsyncIterator[bytes]:
            yield b"one"
            response.headers["x-late"] = "1"

        response.body = body()
        return response

    url = await function_url(handler)
    response = await fetch(url)
    await url.settled()

    assert response.head.values("x-late") == []
    assert "late mutation, not sent: header 'x-late' changed from nothing to ['1']" in caplog.text
    assert "test_broken_handlers.py:" in caplog.text


async def test_slow_sync_handler_does_not_block_another_request(function_url: FunctionUrlFactory) -> None:
    """A handler that blocks has a thread of its own: others are called and answered while it waits."""
    gate, called = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def handler(event: Any, context: Any) -> Any:
        if event["rawPath"] == "/slow":
            loop.call_soon_threadsafe(called.set)
            assert gate.wait(WAIT_SECONDS)
        return {"body": iter([event["rawPath"]])}

    url = await function_url(handler)
    slow = asyncio.create_task(fetch(url, target="/slow"))
    await called.wait()
    assert (await fetch(url, target="/quick")).body == b"/quick"
    assert not slow.done()
    gate.set()

    assert (await slow).body == b"/slow"


async def test_a_handler_that_cancels_itself_is_a_function_error(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """E2b: the client gets 502, the log says what the handler did, and the server serves on."""

    async def handler(event: Any, context: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    url = await function_url(handler)
    response = await fetch(url)
    await url.settled()

    assert response.status == 502
    assert "CancelledError" in caplog.text
