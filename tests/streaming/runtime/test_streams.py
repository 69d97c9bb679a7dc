"""Streamed responses on the wire to the Runtime API."""

import base64
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from apptheory_streaming.wire.prelude import INTEGRATION_CONTENT_TYPE
from raw_runtime_api import Gate, RawRequest, RunningRuntime

Serve = Callable[..., AbstractContextManager[RunningRuntime]]

SHAPES = {
    "async generator": "async def handler(event, context):\n    yield b'one'\n    yield b'two'\n",
    "generator": "def handler(event, context):\n    yield b'one'\n    yield b'two'\n",
    "streamify": """
        from apptheory_streaming import streamify_response

        @streamify_response
        async def handler(event, stream, context):
            stream.write(b'one')
            await stream.write(b'two')
            stream.end()
        """,
    "sync streamify": """
        from apptheory_streaming import streamify_response

        @streamify_response
        def handler(event, stream, context):
            stream.write(b'one')
            stream.write(b'two')
            stream.end()
        """,
    "StreamingResponse": """
        from apptheory_streaming import StreamingResponse

        def handler(event, context):
            return StreamingResponse([b'one', b'two'])
        """,
    "async StreamingResponse of a generator": """
        from apptheory_streaming import StreamingResponse

        async def handler(event, context):
            return StreamingResponse(iter([b'one', b'two']))
        """,
    "dict with a stream": "def handler(event, context):\n    return {'statusCode': 200, 'body': iter([b'one', b'two'])}\n",
    "response of AppTheory's shape": """
        class Response:
            status, headers, cookies, body, is_base64 = 200, {}, [], b'one', False
            body_stream = iter([b'two'])

        def handler(event, context):
            return Response()
        """,
}


def prelude(request: RawRequest) -> dict[str, Any]:
    """The head of a streamed response, which is its first chunk."""
    text, delimiter, rest = request.chunks[0].partition(bytes(8))
    assert delimiter == bytes(8)
    assert rest == b""
    fields: dict[str, Any] = json.loads(text)
    return fields


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_streams_its_chunks_behind_a_prelude(serve: Serve, shape: str) -> None:
    """Rules R0 and W7: one HTTP chunk for the prelude and one for each of the handler's."""
    with serve(SHAPES[shape]) as runtime:
        request = runtime.api.invoke()

        assert prelude(request) == {
            "statusCode": 200,
            "headers": {"content-type": "application/octet-stream"},
            "cookies": [],
        }
        assert request.chunks[1:] == [b"one", b"two"]
        assert request.trailers == ()


def test_a_stream_says_that_it_is_one(serve: Serve) -> None:
    """The headers of the streaming mode, with the trailers that may come and the invocation id as it was given."""
    with serve(SHAPES["async generator"]) as runtime:
        request = runtime.api.invoke(request_id="r-7", Lambda_Runtime_Invocation_Id="attempt-1")

        assert (request.method, request.path) == ("POST", "/2018-06-01/runtime/invocation/r-7/response")
        assert request.values("content-type") == [INTEGRATION_CONTENT_TYPE]
        assert request.values("lambda-runtime-function-response-mode") == ["streaming"]
        assert request.values("transfer-encoding") == ["chunked"]
        assert request.values("trailer") == ["Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"]
        assert request.values("lambda-runtime-invocation-id") == ["attempt-1"]
        assert request.values("host") == [runtime.api.address]


def test_head_and_cookies_are_in_the_prelude(serve: Serve) -> None:
    """Rules R4 to R6."""
    source = """
        from apptheory_streaming import StreamingResponse

        def handler(event, context):
            return StreamingResponse([b"x"], status=201, headers={"X-A": ["1", "2"]}, cookies=["a=1", "b=2"])
        """
    with serve(source) as runtime:
        assert prelude(runtime.api.invoke()) == {
            "statusCode": 201,
            "headers": {"x-a": "1,2", "content-type": "application/octet-stream"},
            "cookies": ["a=1", "b=2"],
        }


@pytest.mark.parametrize(
    "source",
    [
        "async def handler(event, context):\n    return\n    yield\n",
        "def handler(event, context):\n    yield b''\n",
        """
        from apptheory_streaming import HttpResponseStream, streamify_response

        @streamify_response
        async def handler(event, stream, context):
            HttpResponseStream.from_(stream, {"statusCode": 200}).end()
        """,
    ],
    ids=["no chunk", "an empty chunk", "from and end"],
)
def test_an_empty_body_keeps_its_head(serve: Serve, source: str) -> None:
    """Rules F6 and R3: the prelude is sent, and nothing else."""
    with serve(source) as runtime:
        request = runtime.api.invoke()

        assert prelude(request)["statusCode"] == 200
        assert len(request.chunks) == 1


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_a_chunk_leaves_while_the_handler_waits_for_the_next(serve: Serve, gate: Gate, kind: str) -> None:
    """Nothing is held back: each chunk is read before the handler is let go to the next."""
    wait = "await stand_async_at" if kind == "async def" else "stand_at"
    source = f"""
        from gates import stand_at, stand_async_at

        {kind} handler(event, context):
            for number in range(3):
                yield f"chunk {{number}}"
                {wait}(event["gate"])
        """
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out(json.dumps({"gate": gate.port}).encode())
        runtime.api.read_head()
        assert (runtime.api.read_chunk() or b"").endswith(bytes(8))

        for number in range(3):
            assert runtime.api.read_chunk() == f"chunk {number}".encode()
            gate.wait()
            gate.open()

        assert runtime.api.read_chunk() is None


def test_a_socket_that_takes_nothing_holds_the_handler_back(serve: Serve, gate: Gate) -> None:
    """A platform that does not read has the handler wait, and memory stays bounded, however long the stream is."""
    source = """
        import re
        from gates import stand_async_at

        async def handler(event, context):
            for number in range(1000):
                yield bytes(100_000)
                if number == 500:
                    await stand_async_at(event["gate"])
            with open("/proc/self/status") as status:  # ru_maxrss begins with that of the process that started this one
                yield re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]
        """
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out(json.dumps({"gate": gate.port}).encode())
        runtime.api.read_head()
        with pytest.raises(TimeoutError):  # 50 MB fit into no buffer of a loopback connection
            gate.wait(0.5)

        chunks = [runtime.api.read_chunk() for _ in range(502)]
        gate.wait()
        gate.open()
        chunks += [runtime.api.read_chunk() for _ in range(500)]

        assert sum(len(chunk or b"") for chunk in chunks[1:1001]) == 100_000_000
        assert int(chunks[1001] or b"") < 80_000  # kilobytes


def test_the_connection_goes_on_after_a_stream(serve: Serve) -> None:
    """One connection for all invocations, as those of AWS's own clients."""
    with serve(SHAPES["async generator"]) as runtime:
        for number in range(3):
            assert runtime.api.invoke(request_id=f"r-{number}").chunks[1:] == [b"one", b"two"]

        assert runtime.api.connections == 1


def test_a_thousand_chunks_arrive_one_by_one(serve: Serve) -> None:
    """No border is lost on the way, of small ones and of one of 5 MB."""
    source = """
        def handler(event, context):
            for number in range(1000):
                yield f"{number};"
            yield bytes(5_000_000)
        """
    with serve(source) as runtime:
        chunks = runtime.api.invoke().chunks

        assert chunks[1:1001] == [f"{number};".encode() for number in range(1000)]
        assert [len(chunk) for chunk in chunks[1001:]] == [5_000_000]


LATE = """
    from apptheory_streaming import AppError

    class Unhappy(Exception):
        code = "app.conflict"

    async def handler(event, context):
        yield b"one"
        if event == "coded":
            raise Unhappy("taken")
        if event == "long":
            raise ValueError("ä" * 100_000)
        if event == "deep":
            deep(200)
        raise ValueError("no more")

    def deep(depth):
        if depth % 2:
            other(depth)
        raise KeyError("end") if depth == 0 else RuntimeError() if depth < 0 else other(depth)

    def other(depth):
        deep(depth - 1)
    """


def reported(request: RawRequest) -> dict[str, Any]:
    """The error in the trailers of a stream."""
    trailers = dict(request.trailers)
    assert list(trailers) == ["Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"]
    fields: dict[str, Any] = json.loads(base64.b64decode(trailers["Lambda-Runtime-Function-Error-Body"]))
    assert fields["errorType"] == trailers["Lambda-Runtime-Function-Error-Type"]
    return fields


def test_a_late_error_is_in_the_trailers(serve: Serve) -> None:
    """Rule E3: the body ends cleanly, the error follows it, and the next invocation is asked for."""
    with serve(LATE) as runtime:
        request = runtime.api.invoke(b'"plain"')
        fields = reported(request)

        assert request.chunks[1:] == [b"one"]
        assert (fields["errorType"], fields["errorMessage"]) == ("ValueError", "no more")
        assert 'raise ValueError("no more")' in fields["stackTrace"][-1]
        assert "code" not in fields
        runtime.api.read_next()
        assert runtime.api.connections == 1
        assert "[ERROR] ValueError: no more\rTraceback" in runtime.log()


def test_a_late_error_with_a_code_says_the_code(serve: Serve) -> None:
    """Rule E1: whoever knows the key learns the stream error code."""
    with serve(LATE) as runtime:
        assert reported(runtime.api.invoke(b'"coded"'))["code"] == "app.conflict"


@pytest.mark.parametrize("event", ["long", "deep"])
def test_trailers_stay_below_four_kilobytes(serve: Serve, event: str) -> None:
    """The HTTP server of Lambda's published Runtime API refuses longer ones; frames near the error stay."""
    with serve(LATE) as runtime:
        request = runtime.api.invoke(json.dumps(event).encode())
        fields = reported(request)

        assert sum(len(name) + len(value) + 4 for name, value in request.trailers) < 4096
        assert fields["errorMessage"].startswith("ä" if event == "long" else "'end'")
        assert event == "long" or "in deep" in fields["stackTrace"][-1]


NOT_FOUND = """
    from apptheory_streaming import AppError

    async def handler(event, context):
        raise AppError("app.not_found", "no such chat")
        yield
    """


@pytest.mark.parametrize(
    "event",
    [
        {"requestContext": {"http": {"method": "GET"}}},
        {"httpMethod": "GET", "requestContext": {}},
        {"httpMethod": "GET", "requestContext": {"elb": {}}},
    ],
    ids=["Function URL", "REST API", "load balancer"],
)
def test_an_early_error_with_a_code_is_a_response(serve: Serve, event: object) -> None:
    """Rule E2: the client gets its status, and no error is reported to Lambda."""
    with serve(NOT_FOUND) as runtime:
        request = runtime.api.invoke(json.dumps(event).encode())

        assert prelude(request)["statusCode"] == 404
        assert json.loads(request.chunks[1])["error"] == {
            "code": "app.not_found",
            "message": "no such chat",
            "request_id": "r-1",
        }
        assert request.trailers == ()
        runtime.api.read_next()
        assert runtime.log() == ""


@pytest.mark.parametrize(
    "event", [{"Records": [{"eventSource": "aws:sqs"}]}, {"requestContext": "x"}, [], None], ids=repr
)
def test_an_early_error_with_a_code_is_reported_where_no_client_is(serve: Serve, event: object) -> None:
    """Rule E2: a queue would take an error response for success, so Lambda hears of the error, and of its code."""
    with serve(NOT_FOUND) as runtime:
        request = runtime.api.invoke(json.dumps(event).encode())
        fields = json.loads(request.body)

        assert request.path.endswith("/r-1/error")
        assert (fields["errorType"], fields["code"]) == ("AppError", "app.not_found")
        assert "no such chat" in runtime.log()


def test_an_early_error_without_a_code_is_reported_and_nothing_is_streamed(serve: Serve) -> None:
    """Rule E2b: `error` alone, with the error type by which Lambda counts, and the frames of the handler."""
    source = """
        async def handler(event, context):
            raise ValueError("before anything")
            yield
        """
    with serve(source) as runtime:
        request = runtime.api.invoke(Lambda_Runtime_Invocation_Id="attempt-1")
        document = json.loads(request.body)

        assert request.path.endswith("/r-1/error")
        assert request.values("lambda-runtime-function-error-type") == ["Function.ValueError"]
        assert request.values("lambda-runtime-invocation-id") == ["attempt-1"]
        assert (document["errorType"], document["errorMessage"]) == ("ValueError", "before anything")
        assert [line.splitlines()[1].strip() for line in document["stackTrace"]] == [
            'raise ValueError("before anything")'
        ]
        runtime.api.read_next()


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_sys_exit_after_the_first_chunk_cuts_the_stream_and_ends_the_process(serve: Serve, kind: str) -> None:
    """Rule E3b: no last chunk, no trailers; the status is the handler's."""
    source = f"""
        import sys

        {kind} handler(event, context):
            yield b"one"
            sys.exit(7)
        """
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out()
        request = runtime.api.read_request()

        assert request.chunks[1:] == [b"one"]
        assert request.cut
        assert runtime.wait() == (7, "", "")


def test_sys_exit_before_the_first_chunk_ends_the_process_without_a_word(serve: Serve) -> None:
    """Rule E3b: Runtime.ExitError is what the platform says of it."""
    source = "import sys\n\ndef handler(event, context):\n    sys.exit(3)\n"
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out()

        assert runtime.wait() == (3, "", "")
        with pytest.raises(ConnectionError):
            runtime.api.read_trailers()


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_a_runtime_exit_that_a_handler_raises_itself_is_an_error(serve: Serve, kind: str) -> None:
    """Rule E2b: it ends no process, and without a word of it the platform would hand out the same invocation again."""
    source = f"""
        from apptheory_streaming.errors import RuntimeExit

        {kind} handler(event, context):
            raise RuntimeExit("of a worker that I asked")
        """
    with serve(source) as runtime:
        request = runtime.api.invoke()
        document = json.loads(request.body)

        assert request.path.endswith("/r-1/error")
        assert (document["errorType"], document["errorMessage"]) == ("RuntimeExit", "of a worker that I asked")
        runtime.api.read_next()


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_a_runtime_exit_that_a_handler_raises_late_cuts_the_stream(serve: Serve, kind: str) -> None:
    """Rule E3b, also where the head has not left yet; the next invocation is served."""
    source = f"""
        from apptheory_streaming import streamify_response
        from apptheory_streaming.errors import RuntimeExit

        @streamify_response
        {kind} handler(event, stream, context):
            stream.write(b"one")
            raise RuntimeExit("of a worker that I asked")
        """
    with serve(source) as runtime:
        for _ in range(2):
            runtime.api.read_next()
            runtime.api.hand_out()
            request = runtime.api.read_request()

            assert request.path.endswith("/r-1/response")
            assert request.cut
            runtime.api.hang_up()
        runtime.api.read_next()
