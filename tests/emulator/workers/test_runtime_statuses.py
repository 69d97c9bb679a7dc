"""What the Runtime API refuses, with Lambda's statuses and documents, and what becomes of the invocation."""

import asyncio

import pytest

from apptheory_streaming.errors import RuntimeExit, RuntimeFailure
from apptheory_streaming.wire.runtime_replies import MAX_BUFFERED_BYTES
from raw_http import RawConnection, RawResponse
from runtime_wire import (
    NEXT,
    STREAMING,
    chunked,
    document,
    invocation,
    invoked,
    read_all,
    response_path,
    running_api,
    runtime_of,
    within,
)

pytestmark = pytest.mark.streaming(clock="real")

INIT_ERROR = "/2018-06-01/runtime/init/error"
ECHO = "Lambda-Runtime-Invocation-Id"


def refusal(response: RawResponse) -> tuple[int, str, str]:
    """Status, type and message."""
    fields = document(response)
    assert set(fields) == {"errorMessage", "errorType"}
    return response.status, fields["errorType"], fields["errorMessage"]


async def ask(runtime: RawConnection, method: str, path: str, body: bytes = b"") -> RawResponse:
    """Send a request and read the response."""
    await runtime.request(method, path, body=body)
    return await runtime.read_response(method=method)


def transition(before: str, after: str) -> tuple[int, str, str]:
    """The refusal of a step."""
    message = f"State transition from {before} to {after} failed for runtime. Error: State transition is not allowed"
    return 403, "InvalidStateTransition", message


@pytest.mark.parametrize(
    ("method", "path", "status", "error_type"),
    [
        ("GET", "/", 404, "NotFound"),
        ("GET", "/2018-06-01/runtime/invocation/next/", 404, "NotFound"),
        ("POST", "/2018-06-01/runtime/invocation//response", 404, "NotFound"),
        ("POST", NEXT, 405, "MethodNotAllowed"),
        ("HEAD", NEXT, 405, "MethodNotAllowed"),
        ("GET", INIT_ERROR, 405, "MethodNotAllowed"),
        ("PUT", "/2018-06-01/runtime/invocation/req-1/response", 405, "MethodNotAllowed"),
        ("GET", "/2018-06-01/runtime/restore/next", 404, "NotEmulated"),
        ("POST", "/2018-06-01/runtime/restore/error", 404, "NotEmulated"),
        ("POST", "/2020-01-01/extension/register", 404, "NotEmulated"),
        ("GET", "/2020-01-01/extension/event/next", 404, "NotEmulated"),
        ("PUT", "/2020-08-15/logs", 404, "NotEmulated"),
        ("PUT", "/2022-07-01/telemetry", 404, "NotEmulated"),
        ("GET", "/2021-04-23/credentials", 404, "NotEmulated"),
        ("POST", "/2018-06-01/runtime/invocation/req-9/response", 400, "InvalidRequestID"),
        ("POST", "/2018-06-01/runtime/invocation/req-9/error", 400, "InvalidRequestID"),
    ],
    ids=str,
)
async def test_a_request_that_means_nothing(method: str, path: str, status: int, error_type: str) -> None:
    """Each has its status, and the connection serves on."""
    async with running_api() as api, runtime_of(api) as runtime:
        response = await ask(runtime, method, path, b"{}" if method in ("POST", "PUT") else b"")
        assert response.status == status
        if method != "HEAD":
            assert document(response)["errorType"] == error_type
        assert (await ask(runtime, "GET", "/2018-06-01/ping")).body == b"pong"


async def test_an_answer_of_another_invocation() -> None:
    """400 InvalidRequestID, and the one that waits still gets its own."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        response = await ask(runtime, "POST", response_path("req-0"), b"not mine")
        assert refusal(response) == (400, "InvalidRequestID", "Invalid request ID")
        await ask(runtime, "POST", response_path(), b"mine")

        assert await read_all(await within(answer)) == b"mine"


@pytest.mark.parametrize("mode", ["buffered", "Streaming", "streaming, streaming"])
async def test_a_response_mode_that_is_not_known(mode: str) -> None:
    """400 InvalidFunctionResponseMode, and the invocation fails."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), [("Lambda-Runtime-Function-Response-Mode", mode)], b"abc")
        response = await runtime.read_response()

        assert refusal(response) == (400, "InvalidFunctionResponseMode", "Invalid function response mode")
        with pytest.raises(RuntimeFailure, match=mode) as caught:
            await within(answer)
        assert caught.value.error_type == "Runtime.InvalidResponseModeHeader"
        await runtime.request("GET", NEXT)
        await within(api.idle())


@pytest.mark.parametrize("kind", ["response", "error"])
async def test_a_second_answer(kind: str) -> None:
    """403, and the first is untouched, before and behind the next poll."""
    step = "InvocationResponse" if kind == "response" else "InvocationErrorResponse"
    async with running_api() as api, runtime_of(api) as runtime, runtime_of(api) as other:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), STREAMING)
        await runtime.send(b"1\r\na\r\n")
        await within(answer)
        during = await ask(other, "POST", response_path(kind=kind), b"{}")
        await runtime.send(b"1\r\nb\r\n0\r\n\r\n")
        assert (await runtime.read_response()).status == 202
        behind = await ask(other, "POST", response_path(kind=kind), b"{}")
        await runtime.request("GET", NEXT)
        await within(api.idle())
        later = await ask(other, "POST", response_path(kind=kind), b"{}")

        assert refusal(during) == transition("InvocationResponse", step)
        assert refusal(behind) == transition("RuntimeResponseSentState", step)
        assert refusal(later) == transition("Ready", step)
        assert await read_all(answer.result()) == b"ab"


async def test_polling_while_answering() -> None:
    """403: a runtime that has begun to answer gets no invocation before it is done."""
    async with running_api() as api, runtime_of(api) as runtime, runtime_of(api) as other:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), STREAMING)
        await runtime.send(b"1\r\na\r\n")
        await within(answer)

        assert refusal(await ask(other, "GET", NEXT)) == transition("InvocationResponse", "Ready")


async def test_an_init_error_behind_the_first_poll() -> None:
    """403: a runtime that has asked for work has started."""
    async with running_api() as api, runtime_of(api) as runtime, runtime_of(api) as other:
        await runtime.request("GET", NEXT)
        await within(api.initialised())

        assert refusal(await ask(other, "POST", INIT_ERROR, b"{}")) == transition("Ready", "InitError")


async def test_polling_behind_an_init_error() -> None:
    """403: it said that it cannot start."""
    async with running_api() as api, runtime_of(api) as runtime:
        assert (await ask(runtime, "POST", INIT_ERROR, b"{}")).status == 202
        assert refusal(await ask(runtime, "GET", NEXT)) == transition("InitError", "Ready")


async def test_a_buffered_answer_of_the_largest_size() -> None:
    """6 MiB and 100 bytes pass."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        response = await ask(runtime, "POST", response_path(), bytes(MAX_BUFFERED_BYTES))

        assert response.status == 202
        assert len(await read_all(await within(answer))) == MAX_BUFFERED_BYTES == 6_291_556


@pytest.mark.parametrize("expect", [False, True], ids=["sent at once", "asks first"])
async def test_a_buffered_answer_that_is_too_large(expect: bool) -> None:
    """413, and the invocation fails with AWS's words; the runtime then goes on."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        size = MAX_BUFFERED_BYTES + 1
        head = [("Expect", "100-continue")] if expect else []
        await runtime.request("POST", response_path(), [*head, ("Content-Length", str(size))])
        if not expect:
            await runtime.send(bytes(size))
        response = await runtime.read_response()

        message = "Exceeded maximum allowed payload size (6291556 bytes)."
        assert refusal(response) == (413, "RequestEntityTooLarge", message)
        with pytest.raises(RuntimeFailure) as caught:
            await within(answer)
        assert caught.value.error_type == "Function.ResponseSizeTooLarge"
        assert str(caught.value) == "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
        async with runtime_of(api) as again:
            await again.request("GET", NEXT)
            await within(api.idle())


async def test_a_streamed_answer_has_no_such_limit() -> None:
    """The limit of a buffered answer is not one of a stream, with a length neither."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        size = MAX_BUFFERED_BYTES + 1
        sending = asyncio.create_task(runtime.request("POST", response_path(), STREAMING[:1], bytes(size)))

        assert len(await within(read_all(await within(answer)))) == size
        await sending
        assert (await runtime.read_response()).status == 202


@pytest.mark.parametrize("echoed", [False, True], ids=["without the id of the attempt", "with it"])
@pytest.mark.parametrize("kind", ["response", "error"])
async def test_the_late_answer_of_an_invocation_that_was_given_up(kind: str, echoed: bool) -> None:
    """E5: 410, whether the runtime echoes the attempt or not; the next client gets its own."""
    async with running_api() as api, runtime_of(api) as runtime, runtime_of(api) as late:
        answer = await invoked(api, runtime)
        api.abandon()
        with pytest.raises(RuntimeExit, match="given up"):
            await within(answer)
        second = await invoked(api, runtime, invocation("req-2"))
        headers = [(ECHO, "req-1-1")] if echoed else []
        await late.request("POST", response_path(kind=kind), headers, b'"late"')
        assert refusal(await late.read_response()) == (410, "InvokeTimeout", "Invoke timeout")
        await ask(runtime, "POST", response_path("req-2"), b"own")

        assert await read_all(await within(second)) == b"own"


@pytest.mark.parametrize("kind", ["response", "error"])
async def test_two_attempts_with_one_request_id(kind: str) -> None:
    """The id of the attempt tells them apart: 410 for the first, 202 for the second."""
    async with running_api() as api, runtime_of(api) as runtime, runtime_of(api) as late:
        first = await invoked(api, runtime)
        api.abandon()
        with pytest.raises(RuntimeExit):
            await within(first)
        await runtime.request("GET", NEXT)
        second = asyncio.create_task(api.invoke(invocation()))
        attempt = (await runtime.read_response()).head.value(ECHO)
        assert attempt not in (None, "req-1-1")
        await late.request("POST", response_path(kind=kind), [(ECHO, "req-1-1")], b'"late"')
        assert refusal(await late.read_response())[:2] == (410, "InvokeTimeout")
        await runtime.request("POST", response_path(), [(ECHO, attempt or "")], b"own")
        assert (await runtime.read_response()).status == 202

        assert await read_all(await within(second)) == b"own"


async def test_giving_up_in_the_middle_of_an_answer() -> None:
    """E5: the runtime hears 410 at once, its further bytes are dropped, and it can go on."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), STREAMING)
        await runtime.send(b"1\r\na\r\n")
        body = aiter((await within(answer)).body)
        api.abandon()
        assert refusal(await runtime.read_response())[:2] == (410, "InvokeTimeout")
        await runtime.send(chunked([bytes(100_000)] * 20))
        assert (await ask(runtime, "GET", "/2018-06-01/ping")).body == b"pong"

        assert await anext(body) == b"a"
        with pytest.raises(RuntimeExit, match="given up"):
            await anext(body)


async def test_cancelling_the_call_gives_up() -> None:
    """A caller that is cancelled while it waits for the answer will never read it."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer

        assert refusal(await ask(runtime, "POST", response_path(), b"late"))[:2] == (410, "InvokeTimeout")
        await runtime.request("GET", NEXT)
        await within(api.idle())


async def test_giving_up_what_no_runtime_has_fetched() -> None:
    """The invocation never reaches the runtime."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = asyncio.create_task(api.invoke(invocation()))
        await asyncio.sleep(0)
        api.abandon()
        with pytest.raises(RuntimeExit, match="given up"):
            await within(answer)
        second = await invoked(api, runtime, invocation("req-2"))
        await ask(runtime, "POST", response_path("req-2"), b"own")
        api.abandon()  # nothing is left to give up

        assert await read_all(await within(second)) == b"own"


async def test_polling_for_a_worker_that_is_gone() -> None:
    """500, with which Lambda tells a runtime to end: no invocation will ever come."""
    async with running_api() as api:
        api.worker_gone(RuntimeExit("exit status 1"))
        with pytest.raises(RuntimeExit):
            await within(api.initialised())
        async with runtime_of(api) as left_behind:
            response = await ask(left_behind, "GET", NEXT)
            assert refusal(response) == (500, "InternalServerError", "Internal Server Error")


async def test_a_request_id_with_odd_characters() -> None:
    """An id comes back in the path as the runtime writes it: as it is, or percent-encoded."""
    async with running_api() as api, runtime_of(api) as runtime:
        for written in ("a%20b%2Fc", "a%20b/c"):
            answer = await invoked(api, runtime, invocation("a b/c"))
            await ask(runtime, "POST", response_path(written), b"1")
            assert await read_all(await within(answer)) == b"1"


async def test_values_that_no_header_can_have() -> None:
    """Line breaks become spaces, other characters are UTF-8: an invocation is no place to fail for that."""
    async with running_api() as api, runtime_of(api) as runtime:
        await runtime.request("GET", NEXT)
        answer = asyncio.create_task(
            api.invoke(invocation(trace_id="a\r\nX-Other: b", client_context='{"ä":"\ud800"}'))
        )
        head = (await runtime.read_response()).head

        assert head.value("lambda-runtime-trace-id") == "a  X-Other: b"
        assert head.value("lambda-runtime-client-context") == '{"ä":"\\ud800"}'
        assert head.value("x-other") is None
        answer.cancel()
