"""The Runtime API of one worker: it hands invocations out, takes answers, and knows when the runtime waits again."""

import asyncio
import select
import socket
from contextlib import suppress

import pytest
import uvloop

from apptheory_emulator.workers.runtime_api import RuntimeApi
from apptheory_streaming.errors import RuntimeExit, RuntimeFailure, UsageError
from raw_http import WAIT_SECONDS, Cut
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


async def test_an_invocation_with_all_that_lambda_says_of_it() -> None:
    """`next` waits, and then has the payload as its body and one header for each thing that is known."""
    request = invocation(
        payload=b'{"a":"\xc3\xa4"}',
        function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
        invocation_id="attempt-7",
        trace_id="Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
        client_context='{"client":1}',
        cognito_identity='{"cognitoIdentityId":"c","cognitoIdentityPoolId":"p"}',
        tenant_id="tenant",
    )
    async with running_api() as api, runtime_of(api) as runtime:
        await runtime.request("GET", NEXT)
        await within(api.initialised())
        answer = asyncio.create_task(api.invoke(request))
        response = await runtime.read_response()
        answer.cancel()

    assert response.body == request.payload
    assert response.head.lines == (
        ("Lambda-Runtime-Aws-Request-Id", "req-1"),
        ("Lambda-Runtime-Deadline-Ms", "1800000000000"),
        ("Lambda-Runtime-Invoked-Function-Arn", request.function_arn),
        ("Lambda-Runtime-Invocation-Id", "attempt-7"),
        ("Lambda-Runtime-Trace-Id", request.trace_id),
        ("Lambda-Runtime-Client-Context", '{"client":1}'),
        ("Lambda-Runtime-Cognito-Identity", request.cognito_identity),
        ("Lambda-Runtime-Aws-Tenant-Id", "tenant"),
        ("Content-Type", "application/json"),
        ("Content-Length", "10"),
        ("Connection", "keep-alive"),
    )


async def test_a_buffered_answer_is_there_when_it_is_whole() -> None:
    """Invoke waits for the last byte of a response that does not stream."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        head = [("Content-Type", "application/json"), ("Content-Length", "9")]
        await runtime.request("POST", response_path(), head)
        await runtime.send(b'{"a":')
        await runtime.request("GET", "/2018-06-01/ping")  # these bytes are of the body: 4 and no more
        response = await runtime.read_response()
        result = await within(answer)

        assert (result.content_type, result.streaming) == ("application/json", False)
        assert await read_all(result) == b'{"a":GET '
        assert response.status == 202
        assert response.body == b'{"status":"OK"}\n'


async def test_a_streamed_answer_is_there_at_its_first_byte() -> None:
    """Bytes are handed on as they come: each is read before the next is sent."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), [*STREAMING, ("Content-Type", "text/plain")])
        await runtime.send(b"1\r\na\r\n")
        result = await within(answer)
        assert (result.content_type, result.streaming) == ("text/plain", True)
        body = aiter(result.body)
        assert await within(anext(body)) == b"a"
        for piece in (b"b", b"c"):
            await runtime.send(b"1\r\n" + piece + b"\r\n")
            assert await within(anext(body)) == piece
        await runtime.send(b"0\r\n\r\n")

        assert await within(read_all(result)) == b""
        assert (await runtime.read_response()).status == 202


async def test_an_empty_stream_is_an_answer() -> None:
    """F6: a response of no bytes has a head, and its body ends at once."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), [*STREAMING, ("Content-Type", "a/b")])
        await runtime.send(chunked([]))
        result = await within(answer)

        assert result.content_type == "a/b"
        assert await within(read_all(result)) == b""


async def test_a_stream_by_its_mode_alone_may_have_a_length() -> None:
    """The mode header says that it streams, the length how it is framed."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), STREAMING[:1], b"abc")

        assert (await within(answer)).streaming
        assert await within(read_all(answer.result())) == b"abc"


async def test_the_invocation_is_over_when_the_runtime_asks_again() -> None:
    """`idle` waits for the next `next`, not for the end of the answer."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        idle = asyncio.create_task(api.idle())
        await runtime.request("POST", response_path(), body=b"{}")
        assert (await runtime.read_response()).status == 202
        await within(answer)
        assert not idle.done()
        await runtime.request("GET", NEXT)

        await within(idle)
        await within(api.idle())


async def test_one_runtime_serves_one_invocation_after_the_other() -> None:
    """Each answer goes to its own invocation, in keep-alive on one connection."""
    async with running_api() as api, runtime_of(api) as runtime:
        for number in range(20):
            answer = await invoked(api, runtime, invocation(f"req-{number}"))
            await runtime.request("POST", response_path(f"req-{number}"), body=b"%d" % number)
            assert (await runtime.read_response()).status == 202
            assert await read_all(await within(answer)) == b"%d" % number


async def test_an_invocation_waits_for_a_runtime_that_is_not_there_yet() -> None:
    """Invoke may be called before the runtime asks."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = asyncio.create_task(api.invoke(invocation()))
        await asyncio.sleep(0)
        await runtime.request("GET", NEXT)
        assert (await runtime.read_response()).body == b"{}"
        await runtime.request("POST", response_path(), body=b"1")

        assert await read_all(await within(answer)) == b"1"


async def test_one_invocation_at_a_time() -> None:
    """A second one is the caller's mistake, and says what to do."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        with pytest.raises(UsageError, match="one invocation at a time"):
            await api.invoke(invocation("req-2"))
        await runtime.request("POST", response_path(), body=b"1")
        await within(answer)


async def test_a_reported_error() -> None:
    """`error` before the first byte is what invoke raises: type, message and trace are the runtime's."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        report = b'{"errorMessage":"boom","errorType":"ValueError","stackTrace":["a","b"],"code":"app.conflict"}'
        await runtime.request("POST", response_path(kind="error"), body=report)

        with pytest.raises(RuntimeFailure, match=r"^boom$") as caught:
            await within(answer)
        assert (caught.value.error_type, caught.value.stack_trace) == ("ValueError", ("a", "b"))
        assert caught.value.code == "app.conflict"
        assert (await runtime.read_response()).status == 202
        await runtime.request("GET", NEXT)
        await within(api.idle())


async def test_an_error_type_in_the_header_alone() -> None:
    """The header counts where the document names no type; a document that is no JSON is the message."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        headers = [("Lambda-Runtime-Function-Error-Type", "Function.Odd")]
        await runtime.request("POST", response_path(kind="error"), headers, b"it broke")

        with pytest.raises(RuntimeFailure, match=r"^it broke$") as caught:
            await within(answer)
        assert caught.value.error_type == "Function.Odd"


async def test_an_init_error() -> None:
    """A runtime that cannot start says so: who waits for it, and every later invocation, gets that."""
    async with running_api() as api, runtime_of(api) as runtime:
        ready = asyncio.create_task(api.initialised())
        waiting = asyncio.create_task(api.invoke(invocation()))
        await asyncio.sleep(0)
        headers = [("Lambda-Runtime-Function-Error-Type", "Runtime.HandlerNotFound")]
        body = b'{"errorMessage":"no handler","errorType":"Runtime.HandlerNotFound","requestId":"","stackTrace":[]}'
        await runtime.request("POST", "/2018-06-01/runtime/init/error", headers, body)
        assert (await runtime.read_response()).status == 202

        for task in (ready, waiting, asyncio.create_task(api.invoke(invocation()))):
            with pytest.raises(RuntimeFailure, match="no handler") as caught:
                await within(task)
            assert caught.value.error_type == "Runtime.HandlerNotFound"
        await runtime.request("POST", "/2018-06-01/runtime/init/error", headers, body)
        again = await runtime.read_response()
        assert again.status == 403
        assert document(again)["errorType"] == "InvalidStateTransition"


async def test_error_trailers_behind_the_last_byte() -> None:
    """E3: the bytes come first, then the error of the trailers."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        trailers = [("Lambda-Runtime-Function-Error-Type", "TypeError")]
        await runtime.request("POST", response_path(), STREAMING)
        await runtime.send(chunked([b"a", b"b"], trailers))
        body = aiter((await within(answer)).body)

        assert [await anext(body), await anext(body)] == [b"a", b"b"]
        with pytest.raises(RuntimeFailure) as caught:
            await anext(body)
        assert caught.value.error_type == "TypeError"
        assert [piece async for piece in body] == []
        assert (await runtime.read_response()).status == 202


async def test_error_trailers_without_a_byte() -> None:
    """E2b: nothing had left, so it is an early error, raised by invoke."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), STREAMING)
        body = "eyJlcnJvck1lc3NhZ2UiOiJib29tIn0="
        await runtime.send(chunked([], [("Lambda-Runtime-Function-Error-Body", body)]))

        with pytest.raises(RuntimeFailure, match=r"^boom$"):
            await within(answer)


async def test_a_response_on_another_connection() -> None:
    """A runtime may poll on one connection and answer on another, and close each behind its use."""
    async with running_api() as api:
        async with runtime_of(api) as poll:
            answer = await invoked(api, poll)
        async with runtime_of(api) as other:
            await other.request("POST", response_path(), [("Connection", "close")], b"1")
            assert await read_all(await within(answer)) == b"1"
            response = await other.read_response()
            assert response.head.value("connection") == "close"
            assert await other.read_to_end() == b""
        async with runtime_of(api) as poll:
            await poll.request("GET", NEXT)
            await within(api.idle())


async def test_a_poll_that_is_lost_before_the_invocation_comes() -> None:
    """The invocation goes to the connection that is there."""
    async with running_api() as api:
        async with runtime_of(api) as lost:
            await lost.request("GET", NEXT)
            await within(api.initialised())
        async with runtime_of(api) as runtime:
            answer = await invoked(api, runtime)
            await runtime.request("POST", response_path(), body=b"1")
            assert await read_all(await within(answer)) == b"1"


async def test_a_runtime_that_asks_again_without_an_answer_gets_the_same() -> None:
    """As on Lambda: it may have lost the connection on which the invocation came."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("GET", NEXT)
        response = await runtime.read_response()
        assert response.head.value("lambda-runtime-aws-request-id") == "req-1"
        await runtime.request("POST", response_path(), body=b"1")

        assert await read_all(await within(answer)) == b"1"


async def test_http_1_0_and_connection_close() -> None:
    """An old client gets the same answers, and its connection is closed behind each."""
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            await runtime.request("GET", NEXT, version="HTTP/1.0")
            answer = asyncio.create_task(api.invoke(invocation()))
            assert (await runtime.read_response()).body == b"{}"
            assert await runtime.read_to_end() == b""
        async with runtime_of(api) as runtime:
            await runtime.request("POST", response_path(), body=b"1", version="HTTP/1.0")
            assert (await runtime.read_response()).status == 202
            assert await runtime.read_to_end() == b""
        assert await read_all(await within(answer)) == b"1"


async def test_requests_that_are_sent_ahead_are_answered_in_order() -> None:
    """Behind a `next` that waits, a ping waits too."""
    async with running_api() as api, runtime_of(api) as runtime:
        await runtime.request("GET", "/2018-06-01/ping")
        await runtime.request("GET", NEXT)
        await runtime.request("GET", "/2018-06-01/ping")
        assert (await runtime.read_response()).body == b"pong"
        answer = asyncio.create_task(api.invoke(invocation()))
        assert (await runtime.read_response()).body == b"{}"
        assert (await runtime.read_response()).body == b"pong"
        answer.cancel()


async def test_many_requests_sent_ahead() -> None:
    """However many: each is answered, and those that wait are bounded."""
    async with running_api() as api, runtime_of(api) as runtime:
        await runtime.request("GET", NEXT)
        ping = b"GET /2018-06-01/ping HTTP/1.1\r\nHost: a\r\n\r\n"
        await runtime.send(ping * 5000)
        answer = asyncio.create_task(api.invoke(invocation()))
        assert (await runtime.read_response()).body == b"{}"
        for _ in range(5000):
            assert (await runtime.read_response()).body == b"pong"
        answer.cancel()


async def test_expect_100_continue() -> None:
    """The runtime asks before it sends its body, and is let."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), [("Expect", "100-continue"), ("Content-Length", "3")])
        assert (await runtime.read_head()).status == 100
        await runtime.send(b"abc")

        assert await read_all(await within(answer)) == b"abc"
        assert (await runtime.read_response()).status == 202


async def test_expect_100_continue_of_what_is_refused() -> None:
    """The body is never asked for; the connection ends, since nobody knows what comes on it."""
    async with running_api() as api, runtime_of(api) as runtime:
        await runtime.request("POST", response_path("x"), [("Expect", "100-continue"), ("Content-Length", "3")])
        response = await runtime.read_response()

        assert response.status == 400
        assert response.head.value("connection") == "close"
        assert await runtime.read_to_end() == b""


def test_another_event_loop() -> None:
    """It needs nothing of asyncio's own loop: uvloop has other transports."""

    async def one_invocation() -> bytes:
        async with running_api() as api, runtime_of(api) as runtime:
            answer = await invoked(api, runtime)
            await runtime.request("POST", response_path(), STREAMING)
            await runtime.send(chunked([b"a", b"b"]))
            async with asyncio.timeout(WAIT_SECONDS):
                return await read_all(await answer)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(one_invocation()) == b"ab"


async def test_what_comes_behind_a_refusal_that_was_asked_for() -> None:
    """Nobody knows whether it is the body: it is not taken for a request."""
    async with running_api() as api, runtime_of(api) as runtime:
        await runtime.request("GET", NEXT)
        await runtime.request("POST", response_path("x"), [("Expect", "100-continue"), ("Content-Length", "3")])
        await runtime.request("GET", "/2018-06-01/ping")
        for _ in range(20):
            await asyncio.sleep(0)  # all of it is there before the first answer is
        answer = asyncio.create_task(api.invoke(invocation()))

        assert (await runtime.read_response()).body == b"{}"
        assert (await runtime.read_response()).status == 400
        assert await runtime.read_to_end() == b""
        answer.cancel()


async def test_a_target_with_host_and_query() -> None:
    """Absolute form, as clients behind a proxy write it."""
    async with running_api() as api, runtime_of(api) as runtime:
        await runtime.request("GET", f"http://{api.address}/2018-06-01/ping?a=1")

        assert (await runtime.read_response()).body == b"pong"


async def test_an_upgrade_that_is_overheard() -> None:
    """A client may offer HTTP/2 with its poll (Java's does); it gets HTTP/1.1."""
    async with running_api() as api, runtime_of(api) as runtime:
        upgrade = [
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ]
        await runtime.request("GET", NEXT, upgrade)
        answer = asyncio.create_task(api.invoke(invocation()))

        assert (await runtime.read_response()).body == b"{}"
        answer.cancel()


@pytest.mark.parametrize("name", ["waiting", "invoked", "before anything"])
async def test_a_worker_that_is_gone(name: str) -> None:
    """E3b: whatever waits gets the reason, now and later."""
    reason = RuntimeExit("exit status 3")
    async with running_api() as api, runtime_of(api) as runtime:
        ready = asyncio.create_task(api.initialised())
        if name == "invoked":
            answer = await invoked(api, runtime)
            await within(ready)
        else:
            answer = asyncio.create_task(api.invoke(invocation()))
            await asyncio.sleep(0)
        runtime.reset()
        api.worker_gone(reason)

        waiting = [answer, asyncio.create_task(api.idle()), asyncio.create_task(api.invoke(invocation()))]
        if name != "invoked":
            waiting.append(ready)
        for task in waiting:
            with pytest.raises(RuntimeExit, match="exit status 3"):
                await within(task)


@pytest.mark.parametrize("told", ["before the answer is read", "with the answer"])
async def test_the_last_words_of_a_worker_count(told: str) -> None:
    """A process that answers and ends at once has answered: what it had sent is read first."""
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            answer = await invoked(api, runtime)
            if told == "with the answer":
                await runtime.request("POST", response_path(), body=b"last")
        if told == "before the answer is read":
            late = runtime_of(api)
            runtime = await late.__aenter__()
            await runtime.request("POST", response_path(), body=b"last")
            runtime.end_sending()
            api.worker_gone(RuntimeExit("exit status 0"))
            assert await read_all(await within(answer)) == b"last"
            await late.__aexit__(None, None, None)
        else:
            api.worker_gone(RuntimeExit("exit status 0"))
            assert await read_all(await within(answer)) == b"last"
        with pytest.raises(RuntimeExit):
            await within(api.idle())


async def test_a_worker_whose_children_keep_its_connection() -> None:
    """The connection of a dead process is not waited for without end."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        api.worker_gone(RuntimeExit("killed"))

        with pytest.raises(RuntimeExit, match="killed"):
            await within(answer)


async def test_closing_ends_all_that_waits() -> None:
    """After close the port is free, connections are closed, and who waits is told."""
    async with running_api() as api, runtime_of(api) as runtime, runtime_of(api) as silent:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), STREAMING)
        await runtime.send(b"1\r\na\r\n")
        body = aiter((await within(answer)).body)
        await within(api.close())

        assert await anext(body) == b"a"
        with pytest.raises(RuntimeExit, match="closed"):
            await anext(body)
        for each in (runtime, silent):
            with pytest.raises((Cut, ConnectionError)):
                await each.read_head()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*api.address.split(":"))
        await within(api.close())


@pytest.mark.parametrize("turns", range(6))
async def test_closing_while_a_connection_comes(turns: int) -> None:
    """A connection that was accepted in the same moment, but is not known yet, is closed too when close returns."""
    api = RuntimeApi()
    await api.start()
    host, _, port = api.address.partition(":")
    with socket.create_connection((host, int(port))) as client:
        for _ in range(turns):
            await asyncio.sleep(0)
        await within(api.close())

        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert select.select([client], [], [], 0)[0]
        with suppress(ConnectionError):
            assert client.recv(1) == b""


async def test_closing_what_never_began() -> None:
    """Close may be called before start."""
    await within(RuntimeApi().close())


async def test_the_port_is_of_this_machine_alone() -> None:
    """Loopback, and a port for each worker."""
    async with running_api() as one, running_api() as other:
        assert one.address.startswith("127.0.0.1:")
        assert one.address != other.address
