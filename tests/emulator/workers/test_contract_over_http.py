"""The contract's cases in every runtime, as an HTTP client gets them from a Function URL."""

import asyncio
import json

import pytest

from apptheory_emulator import FunctionUrlFactory
from raw_http import RawResponse, connect, fetch
from runtime_cases import BUFFERED, STREAMED, Answer, answer_of, streamed_answer_of
from runtime_targets import RUNTIMES, STREAMING, WITH_BUFFERED, target
from token_gate import token_gate

pytestmark = pytest.mark.streaming(clock="real")

PLATFORM = frozenset({"date", "connection", "content-length", "set-cookie", "transfer-encoding"})
WAIT_SECONDS = 30


def answer(response: RawResponse, error: str | None) -> Answer:
    """What a response says, in the words of the cases; no client sees what the error was."""
    lines = [(name.lower(), value) for name, value in response.head.lines]
    headers = {name: value for name, value in lines if name not in PLATFORM and not name.startswith("x-amzn-")}
    return Answer(response.status, headers, tuple(response.head.values("set-cookie")), response.body, error)


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_the_streamed_cases_over_http(function_url: FunctionUrlFactory, runtime: str) -> None:
    """R4 to R6, E2b, E3, F6: one process answers all, one after the other on one connection."""
    async with target(runtime) as handler, connect(await function_url(handler)) as connection:
        for case in STREAMED:
            await connection.request("GET", case.path)
            response = await connection.read_response()
            expected = streamed_answer_of(case, runtime)

            assert answer(response, expected.error) == expected, case.path
            assert not response.cut, case.path


@pytest.mark.parametrize("runtime", WITH_BUFFERED)
async def test_the_buffered_cases_over_http(function_url: FunctionUrlFactory, runtime: str) -> None:
    """R0: a value is inferred from."""
    async with target(runtime, "buffered") as handler:
        url = await function_url(handler, invoke_mode="BUFFERED")
        for case in BUFFERED:
            response = await fetch(url, target=case.path)
            expected = answer_of(case, runtime)

            assert answer(response, expected.error) == expected, case.path
            assert not response.cut, case.path


@pytest.mark.parametrize("runtime", STREAMING)
async def test_an_error_behind_the_first_byte_can_cut_the_response(
    function_url: FunctionUrlFactory, runtime: str
) -> None:
    """E3: `late_errors="abort"` shows a client what AWS hides, if the runtime reports it."""
    case = next(case for case in STREAMED if case.path == "/late-error")
    expected = streamed_answer_of(case, runtime)
    async with target(runtime) as handler:
        response = await fetch(await function_url(handler, late_errors="abort"), target=case.path)

    assert answer(response, expected.error) == expected
    assert response.cut is (expected.error is not None)


@pytest.mark.parametrize("runtime", STREAMING)
async def test_the_event_over_http(function_url: FunctionUrlFactory, runtime: str) -> None:
    """Method, path, query, headers, cookies and body arrive."""
    headers = [("X-Name", "one"), ("X-Name", "two"), ("Cookie", "c=1; d=2"), ("Content-Type", "application/json")]
    async with target(runtime) as handler:
        response = await fetch(await function_url(handler), "POST", "/echo?q=a%20b&q=c", headers, b'{"n":1}')
    event = json.loads(response.body)

    assert (event["rawPath"], event["rawQueryString"]) == ("/echo", "q=a%20b&q=c")
    assert event["queryStringParameters"] == {"q": "a b,c"}
    assert event["headers"]["x-name"] == "one,two"
    assert event["cookies"] == ["c=1", "d=2"]
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["body"] == '{"n":1}'


@pytest.mark.parametrize("runtime", STREAMING)
async def test_a_token_is_on_the_wire_before_the_next_one_is_made(
    function_url: FunctionUrlFactory, runtime: str
) -> None:
    """So the gaps that a client sees are those of the handler: the head, too, is there with the first."""
    async with target(runtime) as handler, token_gate() as gate, asyncio.timeout(WAIT_SECONDS):
        url = await function_url(handler)
        async with connect(url) as connection:
            await connection.request("GET", f"/tokens?gate={gate.url}")
            await gate.asked()
            gate.give("one ")
            assert (await connection.read_head()).status == 200
            for token, following in (("one ", "two "), ("two ", "three"), ("three", None)):
                seen = b""
                while seen != token.encode():
                    frame = await connection.read_frame()
                    assert frame is not None
                    seen += frame
                await gate.asked()  # the handler has nothing to write until it is given something
                gate.give(following)
            assert await connection.read_frame() is None
