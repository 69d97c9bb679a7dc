"""What a runtime sends becomes a response: preludes under any cut, other content types, buffered answers."""

import base64
import json
import os
import sys
import time
from pathlib import Path

import pytest

from apptheory_emulator import worker
from apptheory_streaming.errors import InvalidResponse, RuntimeFailure, UsageError
from apptheory_testkit import StreamClientFactory
from light_workers import light_worker, open_gate

pytestmark = pytest.mark.streaming(clock="real")

HEAD = b'{"statusCode": 201, "headers": {"x-kind": "cut"}, "cookies": ["a=1", "b=2"]}'
BODY = b"\0\0body\0\0\0\0\0\0\0\0end"


def sending(pieces: list[bytes], headers: str = "") -> str:
    """A handler whose answer is these bytes, one chunk each."""
    setting = f"HEADERS = {headers!r}" if headers else ""
    return f'PRELUDE = b""\n{setting}\n\ndef handler(event):\n    yield from {pieces!r}\n'


@pytest.mark.parametrize("cut", ["every byte", "every place"])
async def test_a_prelude_is_understood_however_it_is_cut(
    stream_client: StreamClientFactory, tmp_path: Path, cut: str
) -> None:
    """Head, cookies and body are the same; NULs of the body are the body's."""
    whole = HEAD + bytes(8) + BODY
    code = f"""
        whole = {whole!r}
        PRELUDE = b""

        def handler(event):
            place = int(event["rawPath"][1:])
            yield from (whole[:place], whole[place:]) if place else (bytes([byte]) for byte in whole)
    """
    client = stream_client(light_worker(tmp_path, code))
    places = [0] if cut == "every byte" else range(1, len(whole))

    for place in places:
        capture = await client.get(f"/{place}")
        assert (capture.status, capture.headers["x-kind"], capture.cookies, capture.body) == (
            201,
            ["cut"],
            ["a=1", "b=2"],
            BODY,
        ), place


async def test_a_head_goes_out_before_the_first_byte_of_its_body(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """A prelude that is whole is committed; a client sees it while the handler still works."""
    code = """
        def handler(event):
            yield b""
            gate()
            yield b"body"
    """
    function = light_worker(tmp_path, code)
    async with open_gate(tmp_path) as gate, stream_client(function).stream("GET", "/") as live:
        await gate.reached()
        assert live.head.status == 200
        gate.let_go()
        assert [chunk async for chunk in live] == [b"body"]


async def test_a_prelude_without_a_body_keeps_its_head(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """Rule F6."""
    capture = await stream_client(light_worker(tmp_path, sending([HEAD + bytes(8)]))).get("/")

    assert (capture.status, capture.cookies, capture.body) == (201, ["a=1", "b=2"], b"")


async def test_no_byte_at_all_is_an_empty_answer(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """As AWS answers a runtime that lost its prelude: 200 and application/octet-stream."""
    capture = await stream_client(light_worker(tmp_path, sending([]))).get("/")

    assert (capture.status, capture.headers["content-type"], capture.body) == (
        200,
        ["application/octet-stream"],
        b"",
    )
    assert capture.error is None


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([b"hello"], "the response ended after 5 bytes without 8 NUL bytes"),
        ([b"hello" + bytes(8), b"body"], "prelude: not JSON"),
        ([b'{"statusCode": 999}' + bytes(8), b"body"], "status must be from 100 to 599"),
    ],
    ids=["no-delimiter", "no-json", "no-status"],
)
async def test_a_broken_prelude_is_a_function_error(
    stream_client: StreamClientFactory, tmp_path: Path, pieces: list[bytes], message: str
) -> None:
    """502 and a reason (E2b); the runtime did nothing wrong, and serves the next request."""
    code = sending(pieces) + "\nimport os\nPRELUDE = b''\n"
    function = light_worker(tmp_path, code)
    capture = await stream_client(function).get("/")
    await function.settled()

    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)
    assert message in str(capture.error)
    assert len(children()) == 1


async def test_a_broken_prelude_before_a_long_body_leaves_its_worker_warm(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """What nobody reads is dropped, so that the handler comes to its end."""
    code = """
        import os
        PRELUDE = b""

        def handler(event):
            if event["rawPath"] == "/broken":
                yield b"hello" + bytes(8)
                for _ in range(1000):
                    yield bytes(10_000)
            else:
                yield b"{}" + bytes(8) + str(os.getpid()).encode()
    """
    client = stream_client(light_worker(tmp_path, code))
    before = await client.get("/")
    broken = await client.get("/broken")

    assert (broken.status, type(broken.error and broken.error.exception)) == (502, InvalidResponse)
    assert (await client.get("/")).text == before.text


async def test_another_content_type_is_shown_with_every_byte(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """A streaming answer without a prelude: 200, its type, verbatim."""
    headers = (
        "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
    )
    whole = HEAD + bytes(8) + BODY

    capture = await stream_client(light_worker(tmp_path, sending([whole], headers))).get("/")

    assert (capture.status, capture.headers["content-type"], capture.body) == (200, ["text/plain"], whole)


BUFFERED = json.dumps(
    {"statusCode": 404, "headers": {"x-a": "1"}, "body": base64.b64encode(b"gone").decode(), "isBase64Encoded": True}
)


@pytest.mark.parametrize("mode", ["buffered", "chunked"])
async def test_a_buffered_answer_is_verbatim_or_inferred_by_the_mode_of_the_url(
    stream_client: StreamClientFactory, tmp_path: Path, mode: str
) -> None:
    """Rule R0; so is one that is sent in chunks without the mode header, as Go sends all."""
    how = f"Content-Length: {len(BUFFERED)}" if mode == "buffered" else "Transfer-Encoding: chunked"
    code = f"""
        HEADERS = "Content-Type: application/json\\r\\n{how}\\r\\n"
        PRELUDE = b""

        def handler(event):
            yield {BUFFERED.encode()!r}
    """
    function = light_worker(tmp_path, code)

    verbatim = await stream_client(function).get("/")
    inferred = await stream_client(function, invoke_mode="BUFFERED").get("/")

    assert (verbatim.status, verbatim.headers["content-type"], verbatim.text) == (200, ["application/json"], BUFFERED)
    assert (inferred.status, inferred.headers["x-a"], inferred.body) == (404, ["1"], b"gone")


async def test_a_stream_with_a_prelude_is_collected_by_a_buffered_url(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """Its head counts there too."""
    function = light_worker(tmp_path, sending([HEAD + bytes(8), b"one ", b"two"]))

    capture = await stream_client(function, invoke_mode="BUFFERED").get("/")

    assert (capture.status, capture.cookies, capture.chunks) == (201, ["a=1", "b=2"], [b"one two"])


async def test_trailers_before_the_prelude_is_whole_are_an_early_error(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """Nothing was committed: 502 (E2b)."""
    code = """
        PRELUDE = b""

        def handler(event):
            yield b'{"statusCode": 2'
            raise ValueError("too early")
    """
    capture = await stream_client(light_worker(tmp_path, code)).get("/")

    assert (capture.status, str(capture.error and capture.error.exception)) == (502, "too early")
    assert isinstance(capture.error and capture.error.exception, RuntimeFailure)


ECHO = """
import http.client, json, os

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event = json.loads(answer.read())
    headers = {name.lower(): value for name, value in answer.getheaders()}
    body = json.dumps({"event": event, "headers": headers, "env": dict(os.environ), "cwd": os.getcwd()})
    path = f"/2018-06-01/runtime/invocation/{headers['lambda-runtime-aws-request-id']}/response"
    api.request("POST", path, body, {"Content-Type": "application/json"})
    api.getresponse().read()
"""


async def test_a_runtime_gets_the_event_and_all_that_names_its_invocation(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """Request id, deadline, ARN and trace id are those of the event and the context."""
    function = worker(exec=[sys.executable, "-c", ECHO], cwd=tmp_path, name="echo")
    before = time.time() * 1000

    capture = await stream_client(function, timeout=30).post("/a%20b", json={"text": "ü"})

    told = capture.json()
    assert told["event"]["rawPath"] == "/a%20b"
    assert json.loads(told["event"]["body"]) == {"text": "ü"}
    headers = told["headers"]
    assert headers["lambda-runtime-aws-request-id"] == "req_test_0001"
    assert before + 29_000 < int(headers["lambda-runtime-deadline-ms"]) < time.time() * 1000 + 30_000
    assert headers["lambda-runtime-invoked-function-arn"] == "arn:aws:lambda:us-east-1:000000000000:function:echo"
    assert headers["lambda-runtime-trace-id"] == told["event"]["headers"]["x-amzn-trace-id"]


async def test_a_worker_has_the_environment_of_lambda(
    stream_client: StreamClientFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the user's own, and under that of the function."""
    monkeypatch.setenv("OWN", "user's")
    monkeypatch.setenv("OTHER", "user's")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    function = worker(
        exec=[sys.executable, "-c", ECHO], cwd=tmp_path, name="echo", memory=256, env={"OWN": "function's"}
    )

    env = (await stream_client(function).get("/")).json()["env"]

    assert env["PATH"] == os.environ["PATH"]
    expected = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": "echo",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/echo",
        "AWS_REGION": "eu-central-1",
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "LANG": "en_US.UTF-8",
        "OTHER": "user's",
        "OWN": "function's",
        "TZ": ":UTC",
        "_HANDLER": ECHO,
    }
    assert {name: env.get(name) for name in expected} == expected
    assert "AWS_EXECUTION_ENV" not in env
    assert env["AWS_LAMBDA_LOG_STREAM_NAME"].startswith(time.strftime("%Y/", time.gmtime()))


async def test_credentials_of_the_user_are_left_alone(
    stream_client: StreamClientFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile would lose against a key in the environment."""
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    function = worker(exec=[sys.executable, "-c", ECHO], cwd=tmp_path)

    env = (await stream_client(function).get("/")).json()["env"]

    assert env["AWS_PROFILE"] == "mine"
    assert "AWS_ACCESS_KEY_ID" not in env


async def test_an_event_without_a_json_form_is_refused(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """It cannot leave this process."""
    capture = await stream_client(light_worker(tmp_path, sending([]))).invoke({"when": object()})

    assert isinstance(capture.error and capture.error.exception, UsageError)
    assert "an event goes to a worker as JSON" in str(capture.error)


def children() -> list[str]:
    """The workers of this process."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[1:]
