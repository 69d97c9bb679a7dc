"""A Function URL on a thread of its own serves clients that block."""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from apptheory_emulator import serve_function_url, serve_function_url_threaded
from apptheory_streaming import AppError, html_stream
from apptheory_streaming.errors import TargetError, UsageError
from apptheory_testkit.virtual_time.loop import VirtualLoop


async def three(event: Any, context: Any) -> AsyncIterator[str]:
    for chunk in ("one", "", "three"):
        yield chunk


def refused(url: str) -> bool:
    """Whether nobody serves there any more."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_client_that_blocks_gets_the_response() -> None:
    """And the URL tells what happened behind it once the handlers are at their end."""
    with serve_function_url_threaded(three) as url:
        response = requests.post(url, data="hello", timeout=30)
        url.settled(timeout=30)
        (exchange,) = url.exchanges

    assert (response.status_code, response.text) == (200, "onethree")
    assert exchange.request.body == b"hello"
    assert exchange.transcript.chunk_count == 3


def test_a_sync_handler_and_many_clients_at_once() -> None:
    def handler(event: dict[str, Any], context: Any) -> Iterator[str]:
        yield event["rawPath"]
        together.wait()  # passes only when all requests are being answered
        yield "!"

    together = threading.Barrier(4)
    answers: list[str] = []
    with serve_function_url_threaded(handler) as url:
        clients = [
            threading.Thread(target=lambda path=path: answers.append(requests.get(f"{url}{path}", timeout=30).text))
            for path in "abcd"
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    assert sorted(answers) == ["/a!", "/b!", "/c!", "/d!"]


def test_the_options_are_those_of_function_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment, invoke mode, timeout."""
    monkeypatch.delenv("GREETING", raising=False)

    async def handler(event: dict[str, Any], context: Any) -> Any:
        if event["rawPath"] == "/hang":
            await asyncio.Event().wait()
        return {"statusCode": 201, "body": os.environ["GREETING"]}

    options: dict[str, Any] = {"env": {"GREETING": "hello"}, "invoke_mode": "BUFFERED", "timeout": 0.05}
    with serve_function_url_threaded(handler, **options) as url:
        made, hung = requests.get(url, timeout=30), requests.get(f"{url}hang", timeout=30)

    assert (made.status_code, made.text) == (201, "hello")
    assert hung.status_code == 502
    assert "GREETING" not in os.environ


def test_nothing_of_it_is_left() -> None:
    """No thread, no port, and a handler that still ran is cancelled."""
    left = threading.Event()

    async def endless(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            while True:
                yield "x"
                await asyncio.sleep(0)
        finally:
            left.set()

    before = threading.enumerate()
    with serve_function_url_threaded(endless) as url, requests.get(url, stream=True, timeout=30) as response:
        assert next(response.iter_content(1)) == b"x"

    assert left.is_set()
    assert threading.enumerate() == before
    assert refused(url)
    assert len(url.exchanges) == 1
    url.settled()  # returns at once


def test_a_failure_inside_the_block_is_the_tests_own() -> None:
    with pytest.raises(RuntimeError, match="of the test"), serve_function_url_threaded(three) as url:
        raise RuntimeError("of the test")

    assert refused(url)


@pytest.mark.parametrize(
    ("target", "options", "error", "message"),
    [
        (three, {"invoke_mode": "STREAM"}, UsageError, "invoke_mode must be"),
        (three, {"no_such_option": 1}, TypeError, "no_such_option"),
        ("no_such_module:handler", {}, TargetError, "no module 'no_such_module'"),
        (5, {}, TargetError, "a handler is something that can be called"),
        (three, {"timeout": "x"}, UsageError, "timeout must be more than 0 seconds, or None for no timeout, not 'x'"),
        (three, {"timeout": True}, UsageError, "timeout must be more than 0 seconds, .* not True"),
        (three, {"limits": 3}, UsageError, r"limits must be such as Limits\(.* not 3"),
        (three, {"limits": 0}, UsageError, r"limits must be such as Limits\(.* not 0"),
        (three, {"env": [1]}, UsageError, r"env maps names of variables to their texts, .* not \[1\]"),
        (three, {"env": {"A": 1}}, UsageError, r"env\['A'\] must be text"),
        (three, {"pace": 5}, UsageError, "pace must be 'aws' or 'api-gateway' or a Pacing, not 5"),
    ],
    ids=[
        "wrong value",
        "unknown option",
        "no target",
        "no handler",
        "timeout of text",
        "timeout of a truth",
        "limits of a number",
        "limits of 0",
        "env of a list",
        "env of a number",
        "pace of a number",
    ],
)
def test_what_keeps_it_from_serving_comes_out_of_the_call(
    target: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """As it does out of `await function_url(…)`, whose server this is."""

    async def serve_on_the_loop() -> None:
        async with serve_function_url(target, **options):
            raise AssertionError("it was entered")

    before = threading.enumerate()
    with pytest.raises(error, match=message), serve_function_url_threaded(target, **options):
        raise AssertionError("it was entered")
    with pytest.raises(error, match=message):
        asyncio.run(serve_on_the_loop())

    assert threading.enumerate() == before


def test_what_ended_its_loop_comes_out_of_the_block() -> None:
    """Not that the loop is closed, which says nothing; and the thread is gone."""

    async def stops(event: Any, context: Any) -> None:
        raise KeyboardInterrupt("of the handler")

    def ask(url: str) -> None:
        (serving,) = [thread for thread in threading.enumerate() if thread not in before]
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=30)
        serving.join(30)  # the connection ends a little before the loop

    before = threading.enumerate()
    with pytest.raises(KeyboardInterrupt, match="of the handler"), serve_function_url_threaded(stops) as url:
        ask(url)

    assert threading.enumerate() == before


def test_settled_has_a_limit() -> None:
    """A handler that hangs does not hang a test that says so."""

    async def hangs(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        await asyncio.Event().wait()

    with serve_function_url_threaded(hangs) as url:
        with requests.get(url, stream=True, timeout=30) as response:
            assert next(response.iter_content(3)) == b"one"
            with pytest.raises(TimeoutError, match=r"handlers still run after 0\.01 s: give them more time"):
                url.settled(timeout=0.01)
            with pytest.raises(UsageError, match="timeout takes seconds, 0 or more, not 'x'"):
                url.settled(timeout="x")  # type: ignore[arg-type]
        assert url.exchanges == []


def test_its_loop_is_real_although_tests_are_virtual_by_default() -> None:
    async def loop(event: Any, context: Any) -> Any:
        return html_stream([type(asyncio.get_running_loop()).__name__])

    with serve_function_url_threaded(loop) as url:
        assert requests.get(url, timeout=30).text == asyncio.SelectorEventLoop.__name__


@pytest.mark.streaming(clock="real")
async def test_an_async_test_asks_from_a_thread() -> None:
    """Its own loop stays free; the server has another."""
    with serve_function_url_threaded(three) as url:
        response = await asyncio.to_thread(requests.get, url, timeout=30)
        await asyncio.to_thread(url.settled)

    assert response.text == "onethree"


def test_inside_virtual_time_it_is_refused_and_the_marker_is_named() -> None:
    """A client that blocks would stand still with the clock."""

    async def serve() -> None:
        with serve_function_url_threaded(three):
            raise AssertionError("it was entered")

    with asyncio.Runner(loop_factory=VirtualLoop) as runner, pytest.raises(UsageError) as raised:
        runner.run(serve())

    assert '@pytest.mark.streaming(clock="real")' in str(raised.value)


def test_errors_of_a_handler_are_answers() -> None:
    async def conflict(event: Any, context: Any) -> None:
        raise AppError("app.conflict", "taken")

    with serve_function_url_threaded(conflict) as url:
        assert requests.get(url, timeout=30).status_code == 409
