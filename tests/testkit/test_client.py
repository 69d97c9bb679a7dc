"""A client sends requests to one handler and captures what comes of them."""

import asyncio
import base64
import inspect
import json
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from apptheory_streaming import AppError, LambdaContext, html_stream
from apptheory_streaming.errors import TargetError, UsageError
from apptheory_testkit import Limits, RequestIds, StreamCapture, StreamClient, StreamClientFactory, stream_client

METHODS = ["get", "post", "put", "patch", "delete", "head", "options"]


class FrozenLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still, so that what a handler reads off it is exact."""

    def time(self) -> float:
        return 0.0


async def echo(event: dict[str, Any], context: LambdaContext) -> AsyncIterator[str]:
    """Answer with the event, as JSON."""
    yield json.dumps(event)


async def names(event: dict[str, Any], context: LambdaContext) -> AsyncIterator[str]:
    """Answer with the two ids of the request that a handler can see."""
    yield event["requestContext"]["requestId"]
    yield context.aws_request_id


async def three(event: Any, context: Any) -> AsyncIterator[str]:
    for chunk in ("one", "", "three"):
        yield chunk


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_reaches_the_handler_under_its_name(method: str) -> None:
    """HEAD too, but its response has no chunks (rule E6)."""
    seen: list[str] = []

    async def handler(event: dict[str, Any], context: Any) -> AsyncIterator[str]:
        seen.append(event["requestContext"]["http"]["method"])
        yield event["rawPath"]

    capture: StreamCapture = await getattr(stream_client(handler), method)("/somewhere")

    assert seen == [method.upper()]
    assert capture.chunks == ([] if method == "head" else [b"/somewhere"])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_sync_twin(method: str) -> None:
    seen: list[str] = []

    async def handler(event: dict[str, Any], context: Any) -> AsyncIterator[str]:
        seen.append(event["requestContext"]["http"]["method"])
        yield event["rawPath"]

    capture: StreamCapture = getattr(stream_client(handler).sync, method)("/somewhere")

    assert seen == [method.upper()]
    assert capture.chunks == ([] if method == "head" else [b"/somewhere"])


async def test_request_takes_any_method() -> None:
    event = (await stream_client(echo).request("propfind", "/dav")).json()

    assert event["requestContext"]["http"]["method"] == "PROPFIND"


async def test_the_handler_gets_a_function_url_event() -> None:
    """Path and query as on the wire, headers in lower case, cookies apart, the body as text."""
    event = (
        await stream_client(echo).post(
            "/caf%C3%A9",
            params={"q": "two words"},
            headers={"X-Tag": "a"},
            cookies={"c": "1"},
            json={"n": 1},
        )
    ).json()

    assert event["version"] == "2.0"
    assert event["rawPath"] == "/caf%C3%A9"
    assert event["rawQueryString"] == "q=two%20words"
    assert event["queryStringParameters"] == {"q": "two words"}
    assert event["headers"]["x-tag"] == "a"
    assert event["headers"]["host"] == event["requestContext"]["domainName"]
    assert event["cookies"] == ["c=1"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"n":1}', False)


async def test_a_binary_body_reaches_the_handler_as_base64() -> None:
    event = (await stream_client(echo).put("/", content=b"\x00\xff")).json()

    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == b"\x00\xff"


@pytest.mark.parametrize("event", [{"any": "shape"}, [1, 2], "text", None])
async def test_invoke_hands_over_an_event_as_it_is(event: Any) -> None:
    seen: list[Any] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        seen.append(event)
        yield "done"

    capture = await stream_client(handler).invoke(event)

    assert seen == [event]
    assert capture.text == "done"


def test_invoke_has_a_sync_twin() -> None:
    assert stream_client(echo).sync.invoke({"a": 1}).json() == {"a": 1}


async def test_request_ids_are_counted_per_client_and_seen_everywhere() -> None:
    """D2: the event, the context and the capture name the same request."""
    client = stream_client(names)

    first, second = await client.get(), await client.invoke({"requestContext": {"requestId": "the event's own"}})

    assert first.request_id == "req_test_0001"
    assert first.chunks == [b"req_test_0001", b"req_test_0001"]
    assert second.request_id == "req_test_0002"
    assert second.chunks == [b"the event's own", b"req_test_0002"]


async def test_clients_may_share_a_counter() -> None:
    """D2: as the clients of one test do."""
    request_ids = RequestIds()
    one, other = stream_client(three, request_ids=request_ids), stream_client(three, request_ids=request_ids)

    captures = [await one.get(), await other.get(), await one.get()]

    assert [capture.request_id for capture in captures] == ["req_test_0001", "req_test_0002", "req_test_0003"]


async def test_the_request_id_of_the_request_wins() -> None:
    """D2: in any case of the name; the counter does not move."""
    client = stream_client(names)

    given = await client.get(headers={"X-Request-Id": "mine"})
    live = client.stream("GET", headers={"x-request-id": "mine too"})
    async with live:
        assert [chunk async for chunk in live] == [b"mine too", b"mine too"]

    assert given.request_id == "mine"
    assert given.chunks == [b"mine", b"mine"]
    assert live.capture.request_id == "mine too"
    assert (await client.get()).request_id == "req_test_0001"


async def test_an_early_error_names_the_request() -> None:
    """D2 and E2: the error response holds the same id."""

    async def conflict(event: Any, context: Any) -> None:
        raise AppError("app.conflict", "taken")

    capture = await stream_client(conflict).get(headers={"x-request-id": "mine"})

    assert capture.status == 409
    assert capture.json() == {"error": {"code": "app.conflict", "message": "taken", "request_id": "mine"}}


async def test_two_runs_give_equal_captures() -> None:
    """D1: of a handler with late mutations, an empty chunk and a late error, through two fresh clients."""

    async def eventful(event: Any, context: Any) -> Any:
        response = html_stream(None, cookies=["a=1"])

        async def body() -> AsyncIterator[str]:
            yield "one"
            response.headers["x-late"] = "1"
            yield ""
            raise AppError("app.conflict", "late")

        response.body = body()
        return response

    first, second = await stream_client(eventful).get(), await stream_client(eventful).get()

    assert first == second
    assert first.late_mutations == second.late_mutations != []


async def test_a_different_request_id_makes_a_different_capture() -> None:
    """So that D1 speaks of ids too."""
    client = stream_client(three)

    assert await client.get() != await client.get()


def test_an_import_string_names_the_handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app_by_name.py").write_text("async def handler(event, context):\n    yield context.function_name\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    by_module = stream_client("app_by_name:handler").sync.get()
    by_file = stream_client("app_by_name.py:handler").sync.get()

    assert by_module.text == by_file.text == "app_by_name"


async def test_an_import_string_that_names_nothing_is_a_target_error() -> None:
    """It is raised by the call, where the test's own line is in the traceback."""
    with pytest.raises(TargetError, match="no module 'no_such_module'"):
        await stream_client("no_such_module:handler").get()
    with pytest.raises(TargetError, match="names no attribute"):
        await stream_client("no_such_module").get()


def test_the_context_shows_900_seconds_by_default_and_the_timeout_otherwise() -> None:
    """The time that is left is read off the loop's clock."""

    async def time_left(event: Any, context: LambdaContext) -> AsyncIterator[str]:
        yield str(context.get_remaining_time_in_millis())

    async def both() -> list[str]:
        clients = stream_client(time_left), stream_client(time_left, timeout=2.5)
        return [(await client.get()).text for client in clients]

    with asyncio.Runner(loop_factory=FrozenLoop) as runner:
        assert runner.run(both()) == ["900000", "2500"]


async def test_a_timeout_ends_a_handler_that_hangs() -> None:
    """E5: early, the client sees 502; late, the response is cut."""

    async def hangs(event: Any, context: Any) -> AsyncIterator[str]:
        if event["rawPath"] == "/late":
            yield "one"
        await asyncio.Event().wait()
        yield "never"

    client = stream_client(hangs, timeout=0.01)
    early, late = await client.get("/early"), await client.get("/late")

    assert (early.status, early.body) == (502, b"Internal Server Error")
    assert early.handler_outcome == late.handler_outcome == "timed_out"
    assert early.stream_error_code is None
    assert (late.chunks, late.stream_error_code) == ([b"one"], "app.timeout")
    assert early.delivery_outcome == "complete"
    assert late.delivery_outcome == "cut"


async def test_a_request_over_the_limit_is_answered_413_before_the_handler_runs() -> None:
    """L1: the limit counts decoded bytes; an exact fit passes; it holds for raw events too."""
    ran: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        ran.append("ran")
        yield "done"

    client = stream_client(handler, limits=Limits(max_request_bytes=4))
    over = base64.b64encode(b"12345").decode()

    assert (await client.post(content="1234")).status == 200
    assert ran == ["ran"]
    for capture in (await client.post(content=b"12345"), await client.invoke({"body": over, "isBase64Encoded": True})):
        assert capture.status == 413
        assert capture.json()["error"]["code"] == "app.too_large"
        assert capture.error is not None
    assert ran == ["ran"]


async def test_the_limit_of_the_response_is_kept() -> None:
    """L2: the chunk that would exceed it is dropped whole."""
    capture = await stream_client(three, limits=Limits(max_response_bytes=4)).get()

    assert capture.chunks == [b"one", b""]
    assert capture.stream_error_code == "app.too_large"


async def test_a_buffered_url_collects_a_stream_and_infers_a_response() -> None:
    """R0: the same handlers, seen through the other invoke mode."""

    async def structured(event: Any, context: Any) -> dict[str, Any]:
        return {"statusCode": 201, "body": "made"}

    collected = await stream_client(three, invoke_mode="BUFFERED").get()
    inferred = await stream_client(structured, invoke_mode="BUFFERED").get()
    verbatim = await stream_client(structured).get()

    assert collected.chunks == [b"onethree"]
    assert (inferred.status, inferred.body, inferred.notes) == (201, b"made", [])
    assert (verbatim.status, verbatim.json()) == (200, {"statusCode": 201, "body": "made"})
    assert "verbatim" in verbatim.notes[0]


LIMITS = "limits must be such as Limits(max_response_bytes=1000), or None for none,"
ENV = "env maps names of variables to their texts, such as {'STAGE': 'test'},"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"invoke_mode": "STREAM"}, "invoke_mode must be 'RESPONSE_STREAM' or 'BUFFERED', not 'STREAM'"),
        ({"on_disconnect": "stop"}, "on_disconnect must be 'continue' or 'cancel', not 'stop'"),
        ({"timeout": 0}, "timeout must be more than 0 seconds, or None for no timeout, not 0"),
        ({"timeout": -1.5}, "timeout must be more than 0 seconds, or None for no timeout, not -1.5"),
        ({"timeout": math.nan}, "timeout must be more than 0 seconds, or None for no timeout, not nan"),
        ({"timeout": math.inf}, "timeout must be more than 0 seconds, or None for no timeout, not inf"),
        ({"timeout": "5"}, "timeout must be more than 0 seconds, or None for no timeout, not '5'"),
        ({"timeout": True}, "timeout must be more than 0 seconds, or None for no timeout, not True"),
        ({"limits": 5}, f"{LIMITS} not 5"),
        ({"limits": 0}, f"{LIMITS} not 0"),
        ({"limits": {}}, f"{LIMITS} not {{}}"),
        ({"limits": {"max_response_bytes": 5}}, f"{LIMITS} not {{'max_response_bytes': 5}}"),
        ({"env": [1]}, f"{ENV} not [1]"),
        ({"env": []}, f"{ENV} not []"),
        ({"env": {"A": 1}}, "env['A'] must be text without a NUL, not 1"),
        ({"env": {"A": "\0"}}, "env['A'] must be text without a NUL, not '\\x00'"),
        ({"env": {1: "A"}}, "env: 1 is no name of a variable"),
        ({"env": {"A=B": "C"}}, "env: 'A=B' is no name of a variable"),
        ({"env": {"": "C"}}, "env: '' is no name of a variable"),
        ({"raise_on_stream_error": "x"}, "raise_on_stream_error must be True or False, not 'x'"),
        (
            {"transport": "http"},
            (
                "transport makes the path of requests, such as apptheory_emulator.HttpTransport, not 'http'; "
                'a test is sent over HTTP by @pytest.mark.streaming(transport="http")'
            ),
        ),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_a_usage_error_with_the_choices(options: dict[str, Any], message: str) -> None:
    """It is raised when the client is made, before anything runs."""
    with pytest.raises(UsageError) as raised:
        stream_client(three, **options)

    assert str(raised.value) == message


@pytest.mark.parametrize("target", [5, None, b"app:handler", {}], ids=repr)
def test_what_is_no_handler_is_refused_when_the_client_is_made(target: Any) -> None:
    """It is no failure of a handler, so no 502."""
    with pytest.raises(TargetError) as raised:
        stream_client(target)

    expected = f"a handler is something that can be called, or its target as text, not {target!r}"
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.sync.get(foo=1),
        lambda client: client.sync.sweep("GET", foo=1),
        lambda client: client.stream("GET", foo=1),
    ],
    ids=["get", "sweep", "stream"],
)
def test_a_keyword_that_no_request_has_names_those_there_are(call: Callable[[Any], object]) -> None:
    with pytest.raises(UsageError) as raised:
        call(stream_client(three))

    assert str(raised.value) == (
        "a request has no keyword 'foo': it takes params, headers, cookies, json, content, data and fault"
    )


async def test_every_capture_is_announced() -> None:
    """`on_capture` hears of requests, invocations and live streams; the plugin's strictness rests on it."""
    heard: list[StreamCapture] = []
    client: StreamClient = stream_client(three, on_capture=heard.append)

    captures = [await client.get(), await client.invoke({})]
    async with client.stream("GET") as live:
        pass

    assert [id(capture) for capture in heard] == [id(capture) for capture in [*captures, live.capture]]


async def test_base_exceptions_of_a_handler_come_out() -> None:
    """E1: what is no Exception is not an answer."""

    class Stop(BaseException):
        pass

    async def stops(event: Any, context: Any) -> None:
        raise Stop

    with pytest.raises(Stop):
        await stream_client(stops).get()


def test_the_fixture_takes_the_options_of_stream_client() -> None:
    """Its type names all but those by which the plugin brings its own parts, and `strict`, which is the plugin's."""
    of_plugin = {"loop_factory", "on_capture", "request_ids", "transport"}
    fixture = set(inspect.signature(StreamClientFactory.__call__).parameters) - {"self", "strict"}

    assert fixture == set(inspect.signature(stream_client).parameters) - of_plugin
