"""The same cases in Python, Node and Go, in process and in the runtimes of this project and of AWS."""

import asyncio
from itertools import pairwise

import pytest

from apptheory_streaming.errors import RuntimeFailure
from apptheory_testkit import StreamCapture
from apptheory_testkit.client import StreamClientFactory
from runtime_cases import BUFFERED, STREAMED, Answer, RuntimeCase, answer_of, streamed_answer_of
from runtime_targets import RUNTIMES, STREAMING, WITH_BUFFERED, target
from token_gate import token_gate

pytestmark = pytest.mark.streaming(clock="real")

WAIT_SECONDS = 30


def answer(capture: StreamCapture) -> Answer:
    """What a capture says, in the words of the cases."""
    headers = {name: ",".join(values) for name, values in capture.headers.items()}
    error = None if capture.error is None else capture.error.exception
    name = error.error_type if isinstance(error, RuntimeFailure) else _name(error)
    return Answer(capture.status, headers, tuple(capture.cookies), capture.body, name)


def _name(error: BaseException | None) -> str | None:
    return None if error is None else type(error).__name__


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("case", STREAMED, ids=lambda case: case.path.strip("/"))
async def test_a_streamed_case(stream_client: StreamClientFactory, runtime: str, case: RuntimeCase) -> None:
    """R0, R4 to R6, E2b, E3, E3b, F6: head, cookies, body and error are those of the table."""
    async with target(runtime) as handler:
        capture = await stream_client(handler, strict=False).get(case.path)

    assert answer(capture) == streamed_answer_of(case, runtime)


@pytest.mark.parametrize("runtime", WITH_BUFFERED)
@pytest.mark.parametrize("case", BUFFERED, ids=lambda case: case.path.strip("/"))
async def test_a_buffered_case(stream_client: StreamClientFactory, runtime: str, case: RuntimeCase) -> None:
    """R0: a value is inferred from on a BUFFERED URL."""
    async with target(runtime, "buffered") as handler:
        capture = await stream_client(handler, strict=False, invoke_mode="BUFFERED").get(case.path)

    assert answer(capture) == answer_of(case, runtime)


@pytest.mark.parametrize("runtime", STREAMING)
async def test_the_event_is_the_one_that_was_sent(stream_client: StreamClientFactory, runtime: str) -> None:
    """Method, path, query, headers, cookies and body arrive."""
    async with target(runtime) as handler:
        capture = await stream_client(handler).post(
            "/echo", params={"q": "a b"}, headers={"x-name": "Zoë"}, cookies={"c": "1"}, json={"n": 1}
        )

    event = capture.json()

    assert event["rawPath"] == "/echo"
    assert event["rawQueryString"] == "q=a%20b"
    assert event["queryStringParameters"] == {"q": "a b"}
    assert event["headers"]["x-name"] == "Zoë"
    assert event["cookies"] == ["c=1"]
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["body"] == '{"n":1}'


@pytest.mark.parametrize("runtime", STREAMING)
async def test_a_token_arrives_before_the_next_one_is_made(stream_client: StreamClientFactory, runtime: str) -> None:
    """Nothing between the handler and the client waits for more."""
    async with target(runtime) as handler, token_gate() as gate, asyncio.timeout(WAIT_SECONDS):
        gate.give("one ")
        async with stream_client(handler).stream("GET", "/tokens", params={"gate": gate.url}) as live:
            for token, following in pairwise(("one ", "two ", "three", None)):
                seen = ""
                while seen != token:  # a runtime may cut where it likes
                    seen += (await anext(live)).decode()
                gate.give(following)
            rest = [chunk async for chunk in live]

    assert rest == []
