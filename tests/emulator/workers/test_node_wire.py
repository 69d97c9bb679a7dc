"""What our Node runtime writes to the Runtime API, line by line, and how its process ends."""

import base64
import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from raw_runtime_api import RunningRuntime, start_program
from runtime_clients import BOOTSTRAP, node

STREAM = "export const handler = awslambda.streamifyResponse(async (event, stream, context) => { %s });"
FROM = "awslambda.HttpResponseStream.from(stream, { statusCode: 201 })"


def start(folder: Path, code: str, **environment: str) -> AbstractContextManager[RunningRuntime]:
    """Run a handler."""
    (folder / "index.mjs").write_text(code)
    command = [node(), str(BOOTSTRAP)]
    return start_program(command, folder, _HANDLER="index.handler", LAMBDA_TASK_ROOT=str(folder), **environment)


def test_a_stream_is_one_chunked_request(tmp_path: Path) -> None:
    """Mode, trailers announced, content type; prelude, delimiter and each write are chunks of their own."""
    with start(tmp_path, STREAM % f"const out = {FROM}; out.write('a'); out.write('b'); out.end();") as runtime:
        request = runtime.api.invoke()

    assert (request.method, request.path) == ("POST", "/2018-06-01/runtime/invocation/r-1/response")
    assert [(name, value) for name, value in request.lines if name not in ("Host", "Connection")] == [
        ("Lambda-Runtime-Function-Response-Mode", "streaming"),
        ("Trailer", "Lambda-Runtime-Function-Error-Type"),
        ("Trailer", "Lambda-Runtime-Function-Error-Body"),
        ("Content-Type", "application/vnd.awslambda.http-integration-response"),
        ("Transfer-Encoding", "chunked"),
    ]
    assert request.chunks == [b'{"statusCode":201}', bytes(8), b"a", b"b"]
    assert request.trailers == ()


def test_a_late_error_is_in_the_trailers(tmp_path: Path) -> None:
    """E3: its type, and a document in base64 whose lines of the stack are the `trace`."""
    with start(tmp_path, STREAM % "stream.write('a'); throw new TypeError('late');") as runtime:
        trailers = dict(runtime.api.invoke().trailers)
        runtime.api.read_next()

    assert trailers["Lambda-Runtime-Function-Error-Type"] == "TypeError"
    document = json.loads(base64.b64decode(trailers["Lambda-Runtime-Function-Error-Body"]))
    assert (document["errorType"], document["errorMessage"]) == ("TypeError", "late")
    assert document["trace"][0] == "TypeError: late"


def test_an_early_error_of_a_stream_has_trailers_and_no_byte(tmp_path: Path) -> None:
    """Also where the head was given: it is not sent before the first byte."""
    with start(tmp_path, STREAM % f"{FROM}; throw new TypeError('early');") as runtime:
        request = runtime.api.invoke()

    assert request.chunks == []
    assert dict(request.trailers)["Lambda-Runtime-Function-Error-Type"] == "TypeError"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (STREAM % "stream.end('a');", "response"),
        ("export const handler = async () => 1;", "response"),
        ("export const handler = async () => { throw new Error(); };", "error"),
    ],
)
def test_the_id_of_an_attempt_is_echoed(tmp_path: Path, code: str, kind: str) -> None:
    """So that a late answer can be told from that of the next attempt."""
    with start(tmp_path, code) as runtime:
        request = runtime.api.invoke(Lambda_Runtime_Invocation_Id="attempt-1")
        again = runtime.api.invoke()

    assert request.path.endswith(kind)
    assert request.values("lambda-runtime-invocation-id") == ["attempt-1"]
    assert again.values("lambda-runtime-invocation-id") == []


def test_one_connection_serves_all(tmp_path: Path) -> None:
    with start(tmp_path, STREAM % "stream.write('a'); stream.end();") as runtime:
        for _ in range(5):
            runtime.api.invoke()
        runtime.api.read_next()

        assert runtime.api.connections == 1


def test_a_request_id_is_escaped_in_a_path(tmp_path: Path) -> None:
    with start(tmp_path, "export const handler = async () => 1;") as runtime:
        request = runtime.api.invoke(request_id="a/b c")

    assert request.path == "/2018-06-01/runtime/invocation/a%2Fb%20c/response"


def test_an_answer_that_is_refused_is_logged_and_the_next_one_served(tmp_path: Path) -> None:
    with start(tmp_path, "export const handler = async (event) => event;") as runtime:
        runtime.api.read_next()
        runtime.api.hand_out()
        runtime.api.read_request()
        runtime.api.answer(413, b"too large")
        served = runtime.api.invoke(b"2")
        runtime.api.read_next()
        log = runtime.log()

    assert served.body == b"2"
    assert "the Runtime API answered 413 to /invocation/r-1/response: too large" in log


@pytest.mark.parametrize(
    ("code", "status", "title"),
    [
        (
            STREAM % "stream.write('a', () => setTimeout(() => { throw new Error('stray'); }));",
            129,
            "Uncaught Exception",
        ),
        (STREAM % "stream.write('a', () => { Promise.reject(7); });", 128, "Unhandled Promise Rejection"),
    ],
)
def test_a_stray_error_ends_the_process_in_the_middle(tmp_path: Path, code: str, status: int, title: str) -> None:
    """E3b: a stream that has begun is cut, for a report of the error would be refused."""
    with start(tmp_path, code) as runtime:
        request = runtime.api.invoke()
        returncode, log, _ = runtime.wait()

    assert (request.chunks, request.cut) == ([b"a"], True)
    assert returncode == status
    assert f"\tr-1\tERROR\t{title}" in log


@pytest.mark.parametrize("answered", [False, True], ids=["waiting for its first", "given its first"])
def test_a_stray_rejection_of_the_module_ends_the_process(tmp_path: Path, answered: bool) -> None:
    """It is told while `next` still waits, and an invocation that comes meanwhile is not answered by what is broken."""
    code = "Promise.reject(new Error('stray')); export const handler = async () => 1;"
    with start(tmp_path, code) as runtime:
        runtime.api.read_next()
        if answered:
            runtime.api.hand_out()
        with runtime.api.another_connection():
            request = runtime.api.read_request()
            runtime.api.answer(403, b"{}")
        returncode, log, _ = runtime.wait()

    assert request.path == "/2018-06-01/runtime/init/error"
    assert returncode == 128
    assert "Unhandled Promise Rejection" in log


def test_a_runtime_ends_with_its_runtime_api(tmp_path: Path) -> None:
    """No process is left that nobody talks to."""
    with start(tmp_path, "export const handler = async () => 1;") as runtime:
        runtime.api.read_next()
        runtime.api.hang_up(reset=True)
        returncode, log, _ = runtime.wait()

    assert returncode == 1
    assert "Runtime Error" in log


def test_a_handler_that_cannot_be_loaded_ends_the_process(tmp_path: Path) -> None:
    """After `init/error`, with its type as a header."""
    with start(tmp_path, "export const other = 1;") as runtime:
        request = runtime.api.read_request()
        runtime.api.answer()
        returncode, _, _ = runtime.wait()

    assert request.path == "/2018-06-01/runtime/init/error"
    assert request.values("lambda-runtime-function-error-type") == ["Runtime.HandlerNotFound"]
    assert returncode == 1


def test_what_is_not_set_is_named(tmp_path: Path) -> None:
    with start_program([node(), str(BOOTSTRAP)], tmp_path, _HANDLER="index.handler") as runtime:
        request = runtime.api.read_request()
        runtime.api.answer()

    assert json.loads(request.body)["errorMessage"].startswith("LAMBDA_TASK_ROOT is not set")
