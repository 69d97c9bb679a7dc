"""Invoke, as boto3 calls it: whole answers, function errors, and what AWS refuses."""

import asyncio
import base64
import json
import logging
import re
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from apptheory_emulator.config import FunctionConfig
from apptheory_streaming import AppError, html_stream
from apptheory_streaming.errors import Throttled
from apptheory_streaming.wire.limits import Limits
from lambda_api import control_port, lambda_functions, log_of
from light_workers import until

pytestmark = pytest.mark.streaming(clock="real")

MIB = 1024 * 1024


async def echo(event: Any, context: Any) -> Any:
    return event


def page(event: Any, context: Any) -> Any:
    return html_stream(iter(["<h1>", "", "Hello</h1>"]), status=201, cookies=["a=1"])


async def test_a_value_comes_as_its_json() -> None:
    """R0: what a handler returns in buffered mode is the payload, as the runtime writes it."""
    async with control_port(echo) as api:
        response, payload = await api.invoke("chat", Payload=json.dumps({"name": "Ada", "n": [1, None]}))

    assert payload == b'{"name": "Ada", "n": [1, null]}'
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in response
    assert "LogResult" not in response
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/json"
    assert response["ResponseMetadata"]["RequestId"] == api.exchanges[0].transcript.request_id


async def test_an_event_that_is_not_there_is_an_empty_object() -> None:
    async with control_port(echo) as api:
        assert (await api.invoke())[1] == b"{}"


async def test_a_stream_is_collected_with_its_prelude() -> None:
    """As on AWS: the bytes that the runtime sends, the eight NULs of the prelude included."""
    async with control_port(page) as api:
        _, payload = await api.invoke()

    head, body = payload.split(bytes(8))
    assert json.loads(head) == {
        "statusCode": 201,
        "headers": {"content-type": "text/html; charset=utf-8"},
        "cookies": ["a=1"],
    }
    assert body == b"<h1>Hello</h1>"


async def test_the_handler_gets_client_context_and_qualifier() -> None:
    """Client context is base64 of JSON; a qualifier stands in the ARN that was invoked."""
    seen: list[Any] = []

    async def handler(event: Any, context: Any) -> None:
        seen.append(context)

    given = base64.b64encode(json.dumps({"custom": {"k": "v"}, "client": {"app_title": "t"}}).encode()).decode()
    async with control_port(handler) as api:
        response, _ = await api.invoke("chat", ClientContext=given, Qualifier="live")

    (context,) = seen
    assert context.client_context.custom == {"k": "v"}
    assert context.client_context.client.app_title == "t"
    assert context.aws_request_id == response["ResponseMetadata"]["RequestId"]
    assert (context.function_name, context.function_version) == ("chat", "$LATEST")
    assert context.invoked_function_arn == "arn:aws:lambda:us-east-1:000000000000:function:chat:live"


@pytest.mark.parametrize(
    "name",
    [
        "function",
        "chat",
        "chat:live",
        "function:chat",
        "123456789012:function:chat",
        "us-west-2:123456789012:function:chat:7",
        "arn:aws:lambda:us-west-2:123456789012:function:chat",
        "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:chat:$LATEST",
    ],
)
async def test_a_function_is_found_by_every_form_of_its_name(name: str) -> None:
    """Account and region are not looked at; `function` is the first that is served."""
    async with control_port(echo) as api:
        assert (await api.invoke(name, Payload=b"1"))[1] == b"1"


async def test_a_dry_run_runs_nothing() -> None:
    async with control_port(echo) as api:
        response, payload = await api.invoke(InvocationType="DryRun")
        await api.server.settled()

    assert (response["StatusCode"], payload, api.exchanges) == (204, b"", [])


async def test_an_event_is_accepted_before_it_is_over() -> None:
    """202 while the handler still runs, which goes on to its end."""
    gate = asyncio.Event()

    async def handler(event: Any, context: Any) -> Any:
        await gate.wait()
        return event

    async with control_port(handler) as api:
        response, payload = await api.invoke(InvocationType="Event", Payload=b'"later"')
        assert api.exchanges == []
        gate.set()
        await api.server.settled()

    assert (response["StatusCode"], payload) == (202, b"")
    assert str(api.exchanges[0].transcript.handler) == "ended"


def refused(url: str) -> bool:
    """Whether nobody serves there any more."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    try:
        socket.create_connection((host, int(port))).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize(("seconds", "outcome"), [(60, "ended"), (0, "cancelled")])
async def test_events_in_flight_have_the_time_of_a_shutdown(seconds: float, outcome: str) -> None:
    """And a handler that needs longer is cancelled."""

    async def handler(event: Any, context: Any) -> Any:
        await until(lambda: refused(url))
        if not seconds:  # the port is closed a moment before the time begins
            await asyncio.Event().wait()

    async with lambda_functions(FunctionConfig(name="chat", target=handler), shutdown_seconds=seconds) as api:
        url = api.server.url
        await api.invoke(InvocationType="Event")

    assert [str(each.transcript.handler) for each in api.exchanges] == [outcome]


# -- function errors ------------------------------------------------------------------------------


class NoSuchChatError(Exception):
    pass


async def failing(event: Any, context: Any) -> None:
    raise NoSuchChatError("chat 7")


async def failing_late(event: Any, context: Any) -> AsyncIterator[str]:
    yield "begun"
    raise NoSuchChatError("chat 7")


@pytest.mark.parametrize("handler", [failing, failing_late], ids=["early", "late"])
async def test_a_function_error_is_unhandled_and_comes_as_its_document(handler: Any) -> None:
    """E2b: status 200, the error that the runtime reports as the payload, with frames of the handler only."""
    async with control_port(handler) as api:
        response, payload = await api.invoke()

    document = json.loads(payload)
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert (document["errorType"], document["errorMessage"]) == ("NoSuchChatError", "chat 7")
    assert document["requestId"] == response["ResponseMetadata"]["RequestId"]
    assert all("test_invoke.py" in line for line in document["stackTrace"])
    assert document["stackTrace"]


async def test_an_error_with_a_code_is_a_response_only_for_an_http_event() -> None:
    """E2: who sends another event would take a response for success, so it gets the error."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        if event is not None:
            raise AppError("app.not_found", "no such chat")
        yield ""

    async with control_port(handler) as api:
        other, other_payload = await api.invoke(Payload=b'{"chat": 7}')
        http, http_payload = await api.invoke(Payload=b'{"requestContext": {"http": {}}}')

    assert other["FunctionError"] == "Unhandled"
    assert json.loads(other_payload)["code"] == "app.not_found"
    assert "FunctionError" not in http
    assert json.loads(http_payload.split(bytes(8))[0])["statusCode"] == 404


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
async def test_a_timeout_has_awss_words(late: bool) -> None:
    """E5."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        if late:
            yield "begun"
        await asyncio.Event().wait()

    async with control_port(handler, timeout=0.05) as api:
        response, payload = await api.invoke()

    request_id = response["ResponseMetadata"]["RequestId"]
    assert response["FunctionError"] == "Unhandled"
    assert json.loads(payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 0.05 seconds",
    }


async def test_an_exit_has_awss_type() -> None:
    """E3b: `sys.exit` ends a runtime, and this process goes on."""

    def handler(event: Any, context: Any) -> None:
        sys.exit(3)

    async with control_port(handler) as api:
        response, payload = await api.invoke()

    document = json.loads(payload)
    assert (response["FunctionError"], document["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert document["errorMessage"].startswith(f"RequestId: {response['ResponseMetadata']['RequestId']} Error: ")
    assert "sys.exit(3)" in document["errorMessage"]


@pytest.mark.parametrize("streamed", [False, True], ids=["value", "stream"])
async def test_an_answer_beyond_six_mebibytes_is_a_function_error(streamed: bool) -> None:
    """L3: also one that is collected from a stream."""
    limits = Limits(max_buffered_bytes=1000)

    def handler(event: Any, context: Any) -> Any:
        return iter([bytes(600), bytes(600)]) if streamed else "x" * 1000

    async with control_port(handler, limits=limits) as api:
        response, payload = await api.invoke()

    document = json.loads(payload)
    assert (response["FunctionError"], document["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert "1000 bytes" in document["errorMessage"]


# -- the log --------------------------------------------------------------------------------------


async def test_the_tail_of_the_log_has_lambdas_lines_and_those_of_the_handler() -> None:
    """What this invocation has logged, on its thread too; not what others have."""
    both = asyncio.Barrier(2)

    async def handler(event: Any, context: Any) -> None:
        await both.wait()
        await asyncio.to_thread(logging.getLogger("chat").warning, "answering %s", event)

    async with control_port(handler) as api:
        (first, _), _ = await asyncio.gather(
            api.invoke(LogType="Tail", Payload=b'"first"'), api.invoke(LogType="Tail", Payload=b'"second"')
        )

    request_id = first["ResponseMetadata"]["RequestId"]
    lines = log_of(first["LogResult"]).splitlines()
    assert lines[:-1] == [
        f"START RequestId: {request_id} Version: $LATEST",
        "[WARNING] answering first",
        f"END RequestId: {request_id}",
    ]
    assert re.match(rf"REPORT RequestId: {request_id}\tDuration: \d+\.\d\d ms\t", lines[-1])


async def test_the_tail_of_the_log_is_its_last_four_kilobytes() -> None:
    async def handler(event: Any, context: Any) -> None:
        logging.getLogger("chat").warning("%s", "a" * 5000)

    async with control_port(handler) as api:
        response, _ = await api.invoke(LogType="Tail")

    log = base64.b64decode(response["LogResult"])
    assert len(log) == 4096
    assert log.startswith(b"aaa")
    assert b"REPORT RequestId: " in log


async def test_the_log_tells_of_errors_and_timeouts() -> None:
    async def handler(event: Any, context: Any) -> None:
        if event == "fail":
            raise NoSuchChatError("chat 7")
        await asyncio.Event().wait()

    async with control_port(handler, timeout=0.05) as api:
        failed, _ = await api.invoke(LogType="Tail", Payload=b'"fail"')
        late, _ = await api.invoke(LogType="Tail", Payload=b'"wait"')

    assert "[ERROR] NoSuchChatError: " in log_of(failed["LogResult"])
    assert "\tStatus: error\tError Type: NoSuchChatError\n" in log_of(failed["LogResult"])
    assert "Task timed out after 0.05 seconds\n" in log_of(late["LogResult"])
    assert "\tStatus: timeout\n" in log_of(late["LogResult"])


async def test_a_log_that_was_wanted_changes_no_logger() -> None:
    """The level of the workers' log is raised only while somebody wants it."""
    workers, root = logging.getLogger("apptheory_emulator.worker"), logging.getLogger()
    before = (workers.level, tuple(root.handlers))

    async with control_port(echo) as api:
        await api.invoke(LogType="Tail")
        assert (workers.level, tuple(root.handlers)) == before


# -- refusals -------------------------------------------------------------------------------------


async def test_a_function_that_is_not_there() -> None:
    async with control_port(echo) as api:
        with pytest.raises(api.client.exceptions.ResourceNotFoundException) as refused:
            await api.invoke("export")

    error = refused.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert error["Type"] == "User"
    arn = "arn:aws:lambda:us-east-1:000000000000:function:export"
    assert error["Error"]["Message"] == f"Function not found: {arn} (functions served here: chat)"


@pytest.mark.parametrize(
    ("names", "meant"), [(("b", "a"), "b"), (("b", "function", "a"), "function")], ids=["none has it", "one has it"]
)
async def test_the_name_function_always_works(names: tuple[str, ...], meant: str) -> None:
    """It means the first function, as FUNCTION_URL of `exec` does, unless one is called so."""

    async def who(event: Any, context: Any) -> str:
        return str(context.function_name)

    async with lambda_functions(*(FunctionConfig(name=name, target=who) for name in names)) as api:
        asked = [json.loads((await api.invoke(name))[1]) for name in ("function", "a")]

    assert asked == [meant, "a"]


async def test_one_too_many_is_throttled() -> None:
    async def handler(event: Any, context: Any) -> None:
        raise Throttled("busy")

    async with control_port(handler) as api:
        with pytest.raises(api.client.exceptions.TooManyRequestsException) as refused:
            await api.invoke()
        with pytest.raises(api.client.exceptions.TooManyRequestsException):
            await api.stream()

    error = refused.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert error["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert error["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"


@pytest.mark.parametrize(("kind", "most"), [("RequestResponse", 6 * MIB), ("Event", MIB)])
async def test_an_event_may_have_six_mebibytes_and_one_to_be_queued(kind: str, most: int) -> None:
    """L1, L3: an exact fit passes."""

    async def size(event: Any, context: Any) -> int:
        return len(event)

    async with control_port(size) as api:
        fits, _ = await api.invoke(InvocationType=kind, Payload=b'"' + b"a" * (most - 2) + b'"')
        with pytest.raises(api.client.exceptions.RequestTooLargeException) as refused:
            await api.invoke(InvocationType=kind, Payload=b'"' + b"a" * MIB * 7 + b'"')

    assert fits["StatusCode"] in (200, 202)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert f"smaller than {most} bytes" in str(refused.value)


@pytest.mark.parametrize("payload", [b"{", b"NaN", b"\xff", b'{"a": 1} x', b"[" * 100_000])
async def test_an_event_is_json(payload: bytes) -> None:
    async with control_port(echo) as api:
        with pytest.raises(api.client.exceptions.InvalidRequestContentException, match="Could not parse") as refused:
            await api.invoke(Payload=payload)

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    "context", ["no base64!", base64.b64encode(b"[1]").decode(), base64.b64encode(b"{").decode(), "e30=" * 1000]
)
async def test_a_client_context_is_an_object_in_base64(context: str) -> None:
    async with control_port(echo) as api:
        with pytest.raises(api.client.exceptions.InvalidRequestContentException, match="Client context"):
            await api.invoke(ClientContext=context)


async def test_two_qualifiers_must_be_one() -> None:
    async with control_port(echo) as api:
        with pytest.raises(api.client.exceptions.InvalidParameterValueException, match="does not match"):
            await api.invoke("chat:live", Qualifier="test")


async def test_a_client_that_goes_away_does_not_take_the_handler_along() -> None:
    """E4: as on AWS; the next one is answered."""
    reached, gate = asyncio.Event(), asyncio.Event()

    async def handler(event: Any, context: Any) -> Any:
        reached.set()
        await gate.wait()
        return event

    async with control_port(handler) as api:
        host, port = api.server.url.removeprefix("http://").rstrip("/").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        )
        await reached.wait()
        writer.close()
        await writer.wait_closed()
        gate.set()
        answer = await api.invoke(Payload=b"1")
        await api.server.settled()

    assert answer[1] == b"1"
    assert [str(each.transcript.handler) for each in api.exchanges] == ["ended", "ended"]


async def test_sync_handlers_run_side_by_side() -> None:
    def handler(event: Any, context: Any) -> Iterator[str]:
        yield event

    async with control_port(handler) as api:
        answers = await asyncio.gather(*(api.invoke(Payload=json.dumps(str(n))) for n in range(8)))

    assert [payload.split(bytes(8))[1] for _, payload in answers] == [str(n).encode() for n in range(8)]


async def test_an_invocation_that_itself_fails_is_a_service_exception(caplog: pytest.LogCaptureFixture) -> None:
    """The emulator's own failure is never taken for the function's, and it goes on."""

    async def handler(event: Any, context: Any) -> Any:
        if event:
            raise GeneratorExit
        return event

    async with control_port(handler) as api:
        with pytest.raises(ClientError) as refused:
            await api.invoke(Payload=b"1")
        assert (await api.invoke(Payload=b"0"))[1] == b"0"

    assert refused.value.response["Error"]["Code"] == "ServiceException"
    assert "the invocation itself failed" in caplog.text
