"""Functions behind API Gateway and a load balancer, over HTTP: what clients get of them, and when."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from apptheory_emulator import Emulator, FunctionConfig
from apptheory_emulator.config import LateErrors
from apptheory_emulator.front.request_handler import Exchange
from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_streaming import StreamingResponse
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.fronts.http_api import HTTP_COLLECTED_NOTE
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from apptheory_streaming.wire.pacing import PACES, Pacing
from apptheory_streaming.wire.throttle import Throttle
from apptheory_testkit.virtual_time.loop import CurrentClock
from raw_http import connect, fetch

pytestmark = pytest.mark.usefixtures("virtual_clock")

REST = Gateway(kind=FrontKind.REST_API)
STREAM = Gateway(kind=FrontKind.REST_API, transfer_mode=TransferMode.STREAM)
HTTP = Gateway(kind=FrontKind.HTTP_API)
ALB = Gateway(kind=FrontKind.ALB)
MULTI = Gateway(kind=FrontKind.ALB, multi_value=True)
GATEWAYS = {"rest": REST, "rest stream": STREAM, "http": HTTP, "alb": ALB, "alb multi-value": MULTI}


class Served:
    """A function behind a gateway: its URL, and what happened behind it."""

    def __init__(self, url: str, exchanges: list[Exchange]) -> None:
        self.url = url
        self.path = "/" + url.split("/", 3)[3]
        self.exchanges = exchanges


@asynccontextmanager
async def serving(gateway: Gateway, handler: Any, **options: Any) -> AsyncIterator[Served]:
    """Serve a handler behind a gateway."""
    exchanges: list[Exchange] = []
    config = FunctionConfig(name="app", target=handler, gateway=gateway, **options)
    async with Emulator([config], on_exchange=exchanges.append, shutdown_seconds=0) as emulator:
        yield Served(emulator.functions[0].url, exchanges)
        await emulator.settled()


async def streams(event: Any, context: Any) -> StreamingResponse:
    """Two chunks, and a head of their own."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one "
        await asyncio.sleep(2)
        yield b"two"

    return StreamingResponse(chunks(), status=201, headers={"x-a": "1"}, cookies=["a=1", "b=2"])


@pytest.mark.parametrize("gateway", GATEWAYS.values(), ids=GATEWAYS)
async def test_one_response_behind_every_gateway(gateway: Gateway) -> None:
    """A25-A28: the head and the bytes are the same; who streams sends chunks, the others a length."""
    async with serving(gateway, streams) as served:
        response = await fetch(served.url, target=served.path)
    head = response.head
    assert (response.status, head.value("x-a"), head.values("set-cookie")) == (201, "1", ["a=1", "b=2"])
    assert response.body == b"one two"
    streamed = gateway is STREAM
    assert (head.value("transfer-encoding"), head.value("content-length")) == (
        ("chunked", None) if streamed else (None, "7")
    )
    assert len(response.frames) == (2 if streamed else 1)


async def test_the_log_says_that_an_http_api_cannot_stream() -> None:
    """C05, C29: in the notes of the exchange, which the log shows."""
    async with serving(HTTP, streams) as served:
        await fetch(served.url)
    assert served.exchanges[0].transcript.notes == (HTTP_COLLECTED_NOTE,)


@pytest.mark.parametrize(
    ("gateway", "present", "absent"),
    [
        (REST, ["x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"], ["apigw-requestid"]),
        (HTTP, ["apigw-requestid"], ["x-amzn-requestid", "x-amz-apigw-id"]),
        (ALB, [], ["x-amzn-requestid", "x-amz-apigw-id", "apigw-requestid"]),
    ],
)
async def test_the_headers_of_the_platform(gateway: Gateway, present: list[str], absent: list[str]) -> None:
    """W7: each front adds its own."""
    async with serving(gateway, lambda event, context: {"statusCode": 200, "body": "x"}) as served:
        head = (await fetch(served.url, target=served.path)).head
    assert [name for name in present if head.value(name) is None] == []
    assert [name for name in absent if head.value(name) is not None] == []


async def test_the_url_of_a_rest_api_has_its_stage() -> None:
    """A28: a client that asks for another stage gets what API Gateway answers."""
    async with serving(Gateway(kind=FrontKind.REST_API, stage="live"), lambda event, context: event) as served:
        assert served.path == "/live/"
        refused = await fetch(served.url, target="/")
        found = await fetch(served.url, target="/live/cats?q=1")
    assert (refused.status, json.loads(refused.body)) == (403, {"message": "Forbidden"})
    assert refused.head.value("x-amzn-errortype") == "ForbiddenException"
    assert refused.head.value("x-amzn-requestid")
    assert found.status == 502  # an event has no statusCode
    assert len(served.exchanges) == 1


async def test_the_event_that_a_function_gets() -> None:
    """Payload format 1.0 over HTTP: target, headers and body as they came, one request id everywhere."""

    def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "body": json.dumps([event, context.aws_request_id])}

    async with serving(REST, handler) as served:
        response = await fetch(
            served.url,
            "POST",
            "/prod/a%20b/c?x=1&x=2",
            [("X-Tag", "one"), ("x-tag", "two"), ("Content-Type", "text/plain")],
            b"hej",
        )
    event, request_id = json.loads(response.body)
    assert (event["path"], event["httpMethod"], event["body"]) == ("/a%20b/c", "POST", "hej")
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["multiValueHeaders"]["X-Tag"] == ["one", "two"]
    assert event["requestContext"]["requestId"] == request_id == response.head.value("x-amzn-requestid")
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


async def test_the_status_description_of_a_load_balancer() -> None:
    """A27: it stands behind the status on the wire; without one there is the usual phrase."""
    answers = iter([{"statusCode": 200, "statusDescription": "200 Purrfect", "body": "x"}, {"statusCode": 404}])
    async with serving(ALB, lambda event, context: next(answers)) as served:
        first, second = await fetch(served.url), await fetch(served.url)
    assert (first.status, first.head.reason, first.body) == (200, "Purrfect", b"x")
    assert (second.status, second.head.reason) == (404, "Not Found")


async def test_a_load_balancer_shows_its_page_for_a_failure() -> None:
    """E2b: HTML, and the message of the error nowhere."""

    def handler(event: Any, context: Any) -> Any:
        raise ValueError("secret")

    async with serving(ALB, handler) as served:
        response = await fetch(served.url)
    assert (response.status, response.head.value("content-type")) == (502, "text/html")
    assert response.head.value("server") == "awselb/2.0"
    assert b"<h1>502 Bad Gateway</h1>" in response.body


async def test_bytes_through_a_rest_api() -> None:
    """R8: what the client accepts decides whether it gets the image or its base64."""
    text = base64.b64encode(b"\x89PNG").decode()
    gateway = Gateway(kind=FrontKind.REST_API, binary_media_types=("image/png",))
    answer = {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": text, "isBase64Encoded": True}
    async with serving(gateway, lambda event, context: answer) as served:
        image = await fetch(served.url, target=served.path, headers=[("Accept", "image/png")])
        other = await fetch(served.url, target=served.path, headers=[("Accept", "text/html")])
    assert (image.body, other.body) == (b"\x89PNG", text.encode())


async def test_one_request_too_many(virtual_clock: CurrentClock) -> None:
    """C40: burst and rate on the loop's clock; the function does not hear of what is refused."""
    gateway = Gateway(kind=FrontKind.HTTP_API, throttle=Throttle(2, 0.5))
    async with serving(gateway, lambda event, context: "ok") as served:
        statuses = [(await fetch(served.url)).status for _ in range(3)]
        await virtual_clock.advance(2)
        statuses.append((await fetch(served.url)).status)
        refused = await fetch(served.url)
    assert statuses == [200, 200, 429, 200]
    assert json.loads(refused.body) == {"message": "Too Many Requests"}
    assert len(served.exchanges) == 3


@pytest.mark.parametrize(
    ("gateway", "status", "message"),
    [(REST, 504, "Endpoint request timed out"), (STREAM, 504, "Endpoint request timed out"), (HTTP, 503, None)],
)
async def test_an_integration_that_is_late(gateway: Gateway, status: int, message: str | None) -> None:
    """C04, C38: before the first byte it is the answer of the API, to the second."""

    async def handler(event: Any, context: Any) -> None:
        await asyncio.sleep(3600)

    async with serving(replace(gateway, timeout=7), handler, timeout=900.0) as served:
        began = asyncio.get_running_loop().time()
        response = await fetch(served.url, target=served.path)
        took = asyncio.get_running_loop().time() - began
    assert response.status == status
    assert json.loads(response.body)["message"] == (message or "Service Unavailable")
    assert round(took, 3) == 7


def dripping(*pauses: float) -> Any:
    """A handler that sends a chunk after each pause."""

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        for pause in pauses:
            await asyncio.sleep(pause)
            yield b"x"

    return handler


@pytest.mark.parametrize(("pause", "cut"), [(9.5, False), (10.5, True)])
async def test_a_silent_stream_is_cut_and_its_function_runs_on(
    pause: float, cut: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """C38, E4: by the time between chunks, not by the time of all; the handler comes to its end."""
    gateway = Gateway(kind=FrontKind.REST_API, transfer_mode=TransferMode.STREAM, timeout=900, idle_seconds=10)
    async with serving(gateway, dripping(1, 9.5, 9.5, pause, 1)) as served:
        response = await fetch(served.url, target=served.path)
    assert response.cut is cut
    assert len(response.body) == (3 if cut else 5)
    transcript = served.exchanges[0].transcript
    assert str(transcript.handler) == "ended"
    assert ("silent for 10 s" in caplog.text) is cut


@pytest.mark.parametrize(
    ("then", "seconds", "outcome"),
    [
        ("sends", 15, "ended"),
        ("sends", 10, "ended"),
        ("fails", 15, "failed(app.internal)"),
        ("fails", 10, "failed(app.internal)"),
        ("waits", 3600, "timed_out"),
        ("is left", 3600, "cancelled"),
    ],
    ids=["sends", "sends in that moment", "fails", "fails in that moment", "waits", "is left"],
)
async def test_a_stream_that_does_not_begin_is_answered(
    then: str, seconds: float, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    """C38, E4: 504 by the time of silence, not an empty reply, and not of the function, which runs on.

    Its connection serves the next request, and nothing of the late answer comes there.
    """
    gateway = Gateway(kind=FrontKind.REST_API, transfer_mode=TransferMode.STREAM, timeout=900, idle_seconds=10)

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        if event["path"] == "/next":
            yield b"next"
            return
        await asyncio.sleep(seconds)
        if then == "fails":
            raise ValueError("late")
        yield b"late"

    leaves = OnDisconnect.CANCEL if then == "is left" else OnDisconnect.CONTINUE
    async with serving(gateway, handler, on_disconnect=leaves) as served, connect(served.url) as client:
        began = asyncio.get_running_loop().time()
        await client.request("GET", served.path)
        response = await client.read_response()
        took = asyncio.get_running_loop().time() - began
        await client.request("GET", f"{served.path}next")
        after = await client.read_response()

    assert (response.status, response.cut, round(took, 3)) == (504, False, 10)
    assert json.loads(response.body) == {"message": "Endpoint request timed out"}
    assert response.head.value("x-amzn-errortype") == "InternalServerErrorException"
    assert response.head.value("x-amzn-requestid")
    assert (after.status, after.body) == (200, b"next")
    (late,) = [each.transcript for each in served.exchanges if not each.request.path.endswith("next")]
    assert str(late.delivery.kind) == "client_gone"
    assert str(late.handler) == outcome
    assert "silent for 10 s: answered 504" in caplog.text


async def test_what_a_slow_pace_holds_back_is_no_silence() -> None:
    """L3: while bytes leave, the stream is not idle."""
    gateway = Gateway(kind=FrontKind.REST_API, transfer_mode=TransferMode.STREAM, timeout=900, idle_seconds=10)

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"x" * 40
        yield b"y"

    async with serving(gateway, handler, pace=Pacing(0, 2)) as served:
        response = await fetch(served.url, target=served.path)
    assert (response.cut, len(response.body)) == (False, 41)


async def test_the_pace_of_api_gateway() -> None:
    """L3: 10 MB at any speed, then 2 MB a second."""
    gateway = Gateway(kind=FrontKind.REST_API, transfer_mode=TransferMode.STREAM)
    mib = 1024 * 1024

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        for _ in range(12):
            yield bytes(mib)

    async with serving(gateway, handler, pace=PACES["api-gateway"]) as served:
        began = asyncio.get_running_loop().time()
        response = await fetch(served.url, target=served.path)
        took = asyncio.get_running_loop().time() - began
    assert len(response.body) == 12 * mib
    assert round(took, 3) == 1


async def test_a_stream_that_fails_late_can_be_cut() -> None:
    """E3: the option is the same behind a REST API."""

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"one"
        raise ValueError("secret")

    async with serving(STREAM, handler, late_errors=LateErrors.ABORT) as served:
        response = await fetch(served.url, target=served.path)
    assert (response.status, response.body, response.cut) == (200, b"one", True)


async def test_a_head_is_there_before_the_stream_ends() -> None:
    """A28: a client has the first chunk of a REST API's stream before the handler makes the second."""
    more = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"one"
        await more.wait()
        yield b"two"

    async with serving(STREAM, handler) as served, connect(served.url) as client:
        await client.request("GET", served.path)
        assert (await client.read_head()).status == 200
        assert await client.read_frame() == b"one"
        more.set()
        assert await client.read_frame() == b"two"
        assert await client.read_frame() is None


@pytest.mark.parametrize(("gateway", "mode"), [(STREAM, InvokeMode.RESPONSE_STREAM), (REST, InvokeMode.BUFFERED)])
async def test_tools_hear_whether_a_function_streams(gateway: Gateway, mode: InvokeMode) -> None:
    """A29: the list of functions has the mode that a client sees."""
    config = FunctionConfig(name="app", target=streams, gateway=gateway)
    async with Emulator([config], shutdown_seconds=0) as emulator:
        assert emulator.functions[0].invoke_mode is mode
        assert emulator.functions[0].url.endswith("/prod/")
