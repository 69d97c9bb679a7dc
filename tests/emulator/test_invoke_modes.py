"""What a client gets in each invoke mode, and where Lambda's own limits end a response (B26, B32, C01)."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.request import urlopen

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import StreamingResponse
from apptheory_streaming.errors import PayloadTooLarge
from apptheory_streaming.wire.limits import Limits
from raw_http import connect, fetch

pytestmark = pytest.mark.streaming(clock="real")

LIMITS = Limits(max_buffered_bytes=10, max_streamed_bytes=20)


async def chunks(sizes: list[int]) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


def sends(*sizes: int) -> Any:
    """A handler that streams chunks of these sizes."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(chunks(list(sizes)), headers={"content-type": "text/plain"})

    return handler


async def test_a_buffered_url_sends_one_piece_with_its_length(function_url: FunctionUrlFactory) -> None:
    """B26, B32: the bytes of the stream, a Content-Length and no chunks; the connection serves on."""
    streamed = await fetch(await function_url(sends(3, 0, 4)))
    url = await function_url(sends(3, 0, 4), invoke_mode="BUFFERED")

    async with connect(url) as client:
        for _ in range(2):
            await client.request("GET")
            whole = await client.read_response()
            assert (whole.status, whole.frames, whole.cut) == (200, [b"x" * 7], False)
            assert whole.head.value("content-length") == "7"
            assert whole.head.value("transfer-encoding") is None
            assert whole.head.value("content-type") == "text/plain"
    await url.settled()
    assert {str(exchange.transcript.delivery) for exchange in url.exchanges} == {"complete"}
    assert streamed.frames == [b"xxx", b"xxxx"]
    assert streamed.head.value("transfer-encoding") == "chunked"
    assert streamed.head.value("content-length") is None


@pytest.mark.parametrize(
    ("answer", "status", "length"),
    [
        ({"statusCode": 204}, 204, None),
        ({"statusCode": 200}, 200, "0"),
        ({"statusCode": 201, "body": "é"}, 201, "2"),
        ("text", 200, "4"),
    ],
    ids=["204", "empty", "two bytes", "text"],
)
async def test_the_length_of_a_buffered_answer_is_that_of_its_body(
    function_url: FunctionUrlFactory, answer: Any, status: int, length: str | None
) -> None:
    """B26: also of an empty one; a status without a body has none."""
    url = await function_url(lambda event, context: answer, invoke_mode="BUFFERED")

    response = await fetch(url)

    assert (response.status, response.head.value("content-length")) == (status, length)


async def test_a_buffered_url_answers_head_without_a_body(function_url: FunctionUrlFactory) -> None:
    """E6: the connection stays in step."""
    url = await function_url(sends(3), invoke_mode="BUFFERED")

    async with connect(url) as client:
        await client.request("HEAD")
        assert (await client.read_head()).status == 200
        await client.request("GET")
        assert (await client.read_response()).body == b"xxx"


@pytest.mark.parametrize("mode", ["BUFFERED", "RESPONSE_STREAM"])
async def test_a_buffered_answer_over_its_limit_is_a_function_error(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    """L3: 502 as for every function error, and AWS's name of it in the log; the limit counts what the runtime sends."""
    url = await function_url(lambda event, context: event["rawQueryString"], invoke_mode=mode, limits=LIMITS)

    assert (await fetch(url, target="/?12345678")).status == 200  # ten bytes with its quotes
    refused = await fetch(url, target="/?123456789")
    await url.settled()

    assert (refused.status, refused.body) == (502, b"Internal Server Error")
    assert "Function.ResponseSizeTooLarge: Response payload size exceeded maximum allowed payload size (10 bytes)." in (
        caplog.text
    )
    assert "Traceback" not in caplog.text


async def test_a_collected_stream_over_the_limit_is_a_function_error(function_url: FunctionUrlFactory) -> None:
    """L3: nothing has left yet, so the client gets 502; an exact fit passes."""
    fits = await function_url(sends(5, 5), invoke_mode="BUFFERED", limits=LIMITS)
    over = await function_url(sends(5, 5, 1), invoke_mode="BUFFERED", limits=LIMITS)

    assert (await fetch(fits)).body == b"x" * 10
    assert (await fetch(over)).status == 502


async def test_a_stream_that_grows_over_its_limit_is_cut(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """C01: what fits is sent, the connection ends without the last chunk, and nothing more is produced for long."""
    fits = await function_url(sends(10, 10), limits=LIMITS)
    url = await function_url(sends(10, 10, 1), limits=LIMITS)

    whole, short = await fetch(fits), await fetch(url)
    await url.settled()

    assert (whole.body, whole.cut) == (b"x" * 20, False)
    assert (short.status, short.body, short.cut) == (200, b"x" * 20, True)
    transcript = url.exchanges[0].transcript
    assert transcript.error is not None
    assert isinstance(transcript.error.exception, PayloadTooLarge)
    assert transcript.error.type_name == "Function.ResponseSizeTooLarge"
    assert transcript.delivery == "cut"
    assert "after 2 chunks: Function.ResponseSizeTooLarge: " in caplog.text


async def test_without_limits_of_its_own_a_test_holds_to_none(function_url: FunctionUrlFactory) -> None:
    """The command has AWS's numbers; tests have those that they ask for."""
    url = await function_url(lambda event, context: "x" * 7_000_000, invoke_mode="BUFFERED")

    assert len((await fetch(url)).body) == 7_000_000


async def test_a_body_over_the_limit_is_told_so_in_one_json(function_url: FunctionUrlFactory) -> None:
    """L1: with the words of the Invoke API."""
    url = await function_url(sends(1), limits=Limits(max_request_bytes=3))

    async with connect(url) as client:
        await client.request("POST", body=b"1234")
        response = await client.read_response()

    assert response.status == 413
    message = json.loads(response.body)["error"]["message"]
    assert message.startswith("Request must be smaller than 3 bytes for the InvokeFunction operation")


@pytest.mark.parametrize("size", [8, 5_000_000])
def test_a_client_that_leaves_with_its_whole_body_had_a_complete_response(
    function_url: FunctionUrlFactory, size: int
) -> None:
    """E4: a client that knows the length closes at the last byte, before the front has ended the response."""
    with function_url.threaded(sends(size), invoke_mode="BUFFERED") as url:
        for _ in range(20):
            with urlopen(url) as response:
                assert len(response.read()) == size
        url.settled()

    assert {str(exchange.transcript.delivery) for exchange in url.exchanges} == {"complete"}
