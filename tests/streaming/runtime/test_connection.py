"""The connection to the Runtime API: what is read from it, and how it is opened again."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from raw_runtime_api import Gate, RunningRuntime

Serve = Callable[..., AbstractContextManager[RunningRuntime]]

ECHO = "def handler(event, context):\n    return event\n"
WAITS = """
    from gates import stand_at

    def handler(event, context):
        stand_at(event["gate"])
        return "buffered"
    """
STREAMS = """
    from gates import stand_async_at

    async def handler(event, context):
        await stand_async_at(event["gate"])
        yield b"one"
    """


def head(*lines: str) -> bytes:
    """The head of an invocation."""
    usual = ("Lambda-Runtime-Aws-Request-Id: r-1", "Content-Type: application/json")
    return "\r\n".join(["HTTP/1.1 200 OK", *usual, *lines, "", ""]).encode()


@pytest.mark.parametrize(
    "answer",
    [
        head("Content-Length: 4") + b"[42]",
        head("content-length:4") + b"[42]",
        head("Transfer-Encoding: chunked") + b"1\r\n[\r\n2;x=y\r\n42\r\n1\r\n]\r\n0\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"4\r\n[42]\r\n0\r\nTrailer: value\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + head("Content-Length: 4") + b"[42]",
    ],
    ids=["of a length", "lower-case", "in chunks", "with trailers", "after an interim response"],
)
@pytest.mark.parametrize("step", [1, 1000], ids=["byte by byte", "whole"])
def test_an_invocation_is_read_in_every_form_of_http(serve: Serve, answer: bytes, step: int) -> None:
    """However its bytes are cut."""
    with serve(ECHO) as runtime:
        runtime.api.read_next()
        for start in range(0, len(answer), step):
            runtime.api.send(answer[start : start + step])

        assert runtime.api.read_request().body == b"[42]"


def test_an_event_of_six_megabytes_comes_through(serve: Serve) -> None:
    """The largest that Lambda takes, and back."""
    event = json.dumps("x" * (6 * 1024 * 1024)).encode()
    with serve(ECHO) as runtime:
        assert runtime.api.invoke(event).body == event


def test_a_megabyte_of_client_context_comes_through(serve: Serve) -> None:
    """Headers may be far larger than those of a browser."""
    source = "def handler(event, context):\n    return len(context.client_context.custom)\n"
    with serve(source) as runtime:
        request = runtime.api.invoke(Lambda_Runtime_Client_Context=json.dumps({"custom": "c" * 1_000_000}))

        assert request.body == b"1000000"


@pytest.mark.parametrize("source", [WAITS, STREAMS], ids=["buffered", "streamed"])
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_an_answer_goes_over_a_new_connection_where_the_old_one_was_closed(
    serve: Serve, gate: Gate, source: str, reset: bool
) -> None:
    """While the handler ran; the invocation is not lost."""
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out(json.dumps({"gate": gate.port}).encode())
        gate.wait()
        runtime.api.hang_up(reset=reset)
        gate.open()
        request = runtime.api.read_request()
        runtime.api.answer()

        assert request.body.endswith((b'"buffered"', b"one"))
        assert runtime.api.connections == 2
        runtime.api.read_next()


def test_next_is_asked_for_again_where_a_kept_connection_gives_no_answer(serve: Serve) -> None:
    """The platform may close an idle connection at the very moment it is used again."""
    with serve(ECHO) as runtime:
        runtime.api.invoke()
        runtime.api.read_next()
        runtime.api.hang_up()

        assert runtime.api.invoke(b"[2]").body == b"[2]"
        assert runtime.api.connections == 2


def test_a_connection_that_the_platform_will_close_is_not_used_again(serve: Serve) -> None:
    """`Connection: close` on any answer."""
    with serve(ECHO) as runtime:
        runtime.api.read_next()
        runtime.api.send(head("Connection: close", "Content-Length: 1") + b"1")
        assert runtime.api.read_request().body == b"1"
        assert runtime.api.connections == 2


def test_a_new_connection_without_an_answer_ends_the_runtime(serve: Serve) -> None:
    """Once is bad luck, twice is a Runtime API that is gone: status 1, one line."""
    with serve(ECHO) as runtime:
        runtime.api.read_next()
        runtime.api.close()
        status, _, stderr = runtime.wait()

        assert status == 1
        assert stderr.startswith("apptheory_streaming.runtime: the Runtime API at 127.0.0.1:")
        assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 many things\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["no HTTP", "no status", "no request id", "500", "403"],
)
def test_an_answer_to_next_that_is_no_invocation_ends_the_runtime(serve: Serve, answer: bytes) -> None:
    """AWS asks a runtime to leave then; one line says what came."""
    with serve(ECHO) as runtime:
        runtime.api.read_next()
        runtime.api.send(answer)
        status, stdout, stderr = runtime.wait()

        assert status == 1
        assert stdout == ""
        assert stderr.count("\n") == 1
        assert "Traceback" not in stderr


@pytest.mark.parametrize("status", [400, 403, 410, 413])
@pytest.mark.parametrize(
    "source",
    [ECHO, "def handler(event, context):\n    yield b'one'\n", "def handler(event, context):\n    raise ValueError\n"],
    ids=["buffered", "streamed", "error"],
)
def test_an_answer_that_is_refused_is_logged_and_the_next_invocation_served(
    serve: Serve, source: str, status: int
) -> None:
    """Too large, too late, or for another invocation: none of them ends the function."""
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out()
        runtime.api.read_request()
        runtime.api.answer(status, b'{"errorMessage":"no","errorType":"Refused"}')
        runtime.api.invoke()
        runtime.api.read_next()

        assert f'did not take the answer: {status} {{"errorMessage":"no","errorType":"Refused"}}' in runtime.log()


@pytest.mark.parametrize(
    "source", [ECHO, "def handler(event, context):\n    yield b'one'\n"], ids=["buffered", "streamed"]
)
def test_a_500_ends_the_runtime(serve: Serve, source: str) -> None:
    """AWS: "Container error. Non-recoverable state. Runtime should exit promptly."."""
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out()
        runtime.api.read_request()
        runtime.api.answer(500, b"oh")
        status, _, stderr = runtime.wait()

        assert status == 1
        assert "500 oh" in stderr


def test_a_platform_that_leaves_during_a_stream_does_not_end_the_handler(serve: Serve, gate: Gate) -> None:
    """Rule E4: it runs on to its end, the log says that something was lost, and the next invocation is served."""
    source = """
        from gates import stand_async_at

        async def handler(event, context):
            if event is None:
                yield "again"
                return
            yield b"one"
            await stand_async_at(event)
            for _ in range(100):
                yield bytes(100_000)
            await stand_async_at(event)
        """
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out(str(gate.port).encode())
        runtime.api.read_head()
        gate.wait()
        runtime.api.hang_up(reset=True)
        gate.open()
        gate.wait()  # it came to its end
        gate.open()

        assert runtime.api.invoke(b"null").chunks[1:] == [b"again"]
        runtime.api.read_next()
        assert "the Runtime API closed the connection before the response was complete" in runtime.log()
