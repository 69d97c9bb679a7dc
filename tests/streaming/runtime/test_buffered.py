"""Buffered handlers, byte for byte as the official `awslambdaric` answers for them (rule R0)."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raw_runtime_api import MODULE, Gate, RawRequest, RunningRuntime, start_runtime

Serve = Callable[..., AbstractContextManager[RunningRuntime]]

OFFICIAL = ("-m", "awslambdaric")

HANDLERS = '''
import collections
import decimal
import json
import os

Point = collections.namedtuple("Point", "x y")

VALUES = {
    "object": {"b": 1, "a": [True, None, 1.5, -0.0, 1e300], "ä": "ö \\u2028 \\x00 \\" \\\\ 😀"},
    "format 2.0": {"statusCode": 404, "headers": {"x-a": "1"}, "body": "none"},
    "text": "plain ä",
    "none": None,
    "true": True,
    "number": 12345678901234567890,
    "not a number": [float("nan"), float("inf"), -float("inf")],
    "decimal": [decimal.Decimal("1.10"), decimal.Decimal("NaN"), decimal.Decimal("1E+2")],
    "tuple": (1, (2, 3)),
    "named tuple": Point(1, [2]),
    "keys": {1: "a", 2.5: "b", None: "c", True: "d", "x": "e"},
    "bytes": b"\\x00\\xff binary",
    "bytes in a list": [b"text"],
    "empty": {},
}


class Unusual(Exception):
    """No code."""

    def __str__(self):
        return "unusual\\nin two lines"


def deep(depth):
    if depth:
        return deep(depth - 1)
    raise Unusual


def context_of(context):
    identity, client = context.identity, context.client_context
    return {
        "id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "function": [context.function_name, context.function_version, context.memory_limit_in_mb],
        "log": [context.log_group_name, context.log_stream_name],
        "identity": [identity.cognito_identity_id, identity.cognito_identity_pool_id],
        "client": client and [client.custom, client.env, client.client and [
            client.client.installation_id, client.client.app_title, client.client.app_version_name,
            client.client.app_version_code, client.client.app_package_name]],
        "tenant": context.tenant_id,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "time left": context.get_remaining_time_in_millis() > 1_000_000,
    }


def handler(event, context):
    if isinstance(event, bytes):
        return event[::-1]
    name = event["name"]
    if name == "echo":
        return event
    if name == "context":
        return context_of(context)
    if name == "no time left":
        return context.get_remaining_time_in_millis()
    if name == "value error":
        raise ValueError("no ä")
    if name == "key error":
        raise KeyError("x")
    if name == "no message":
        assert not name
    if name == "from a library":
        json.loads("{")
    if name == "deep":
        deep(5)
    if name == "with a cause":
        try:
            1 / 0
        except ZeroDivisionError as error:
            raise RuntimeError("second") from error
    return VALUES[name]
'''

VALUES = [
    *("object", "format 2.0", "text", "none", "true", "number", "not a number", "decimal", "tuple", "named tuple"),
    *("keys", "bytes", "bytes in a list", "empty", "echo"),
]
ERRORS = ["value error", "key error", "no message", "from a library", "deep", "with a cause"]


@dataclass(frozen=True)
class Case:
    """One invocation; `headers` as for `hand_out`."""

    event: bytes
    headers: tuple[tuple[str, str], ...] = ()


CASES = {
    **{name: Case(json.dumps({"name": name, "ä": [1, 2.50, None]}).encode()) for name in (*VALUES, *ERRORS)},
    "invocation id": Case(b'{"name": "echo"}', (("Lambda_Runtime_Invocation_Id", "attempt-1"),)),
    "bytes as the event": Case(b"\x00\xffabc", (("Content_Type", "application/octet-stream"),)),
    "JSON with a charset": Case(b'{"a": 1}', (("Content_Type", "application/json; charset=utf-8"),)),
    "no JSON": Case(b'{"name": '),
    "no event": Case(b""),
    "context": Case(
        b'{"name": "context"}',
        (
            ("Lambda_Runtime_Trace_Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"),
            ("Lambda_Runtime_Aws_Tenant_Id", "tenant-1"),
            ("Lambda_Runtime_Cognito_Identity", '{"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"}'),
            (
                "Lambda_Runtime_Client_Context",
                '{"client": {"installation_id": "i", "app_title": "t"}, "custom": {"a": 1}, "env": {"b": "ü"}}',
            ),
        ),
    ),
    "no trace and no client": Case(b'{"name": "context"}'),
    "no time left": Case(b'{"name": "no time left"}', (("Lambda_Runtime_Deadline_Ms", "1"),)),
    "broken client context": Case(b'{"name": "echo"}', (("Lambda_Runtime_Client_Context", "{"),)),
    "broken identity": Case(b'{"name": "echo"}', (("Lambda_Runtime_Cognito_Identity", "no"),)),
    "after a broken one": Case(b'{"name": "echo"}'),
}

ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shop",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/21/[7]abc",
}


def answers(command: Sequence[str], folder: Path) -> dict[str, RawRequest]:
    """What a runtime client answers for each case, in one process."""
    with start_runtime("app.handler", folder, command=command, **ENVIRONMENT) as runtime:
        return {
            name: runtime.api.invoke(case.event, request_id=f"r-{number}", **dict(case.headers))
            for number, (name, case) in enumerate(CASES.items())
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("buffered")
    (folder / "app.py").write_text(HANDLERS)
    return folder


@pytest.fixture(scope="module")
def ours(folder: Path) -> dict[str, RawRequest]:
    return answers(MODULE, folder)


@pytest.fixture(scope="module")
def official(folder: Path) -> dict[str, RawRequest]:
    pytest.importorskip("awslambdaric")
    return answers(OFFICIAL, folder)


def headers(request: RawRequest) -> dict[str, Any]:
    """The headers of an answer, but for those that name the client, and those that only one of the two sends."""
    other = ("host", "user-agent", "accept", "lambda-runtime-function-error-type")
    fields: dict[str, Any] = {name.lower(): value for name, value in request.lines if name.lower() not in other}
    if cause := fields.get("lambda-runtime-function-xray-error-cause"):
        fields["lambda-runtime-function-xray-error-cause"] = in_order(json.loads(cause))
    return fields


def in_order(cause: dict[str, Any]) -> dict[str, Any]:
    """A description for X-Ray, whose list of files has no order in awslambdaric."""
    return cause | {"paths": sorted(cause["paths"])}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_is_that_of_the_official_client(
    ours: dict[str, RawRequest], official: dict[str, RawRequest], name: str
) -> None:
    """Path, body and headers of `response` and `error`."""
    assert (ours[name].method, ours[name].path) == (official[name].method, official[name].path)
    assert ours[name].body == official[name].body
    assert headers(ours[name]) == headers(official[name])


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_answered_as_its_name_says(ours: dict[str, RawRequest], name: str) -> None:
    """So that two clients which are wrong in the same way are not enough."""
    fails = name in (*ERRORS, "no JSON", "no event") or name.startswith("broken")

    assert ours[name].path.rsplit("/", 1)[1] == ("error" if fails else "response")


def test_an_error_says_its_type_in_a_header_too(ours: dict[str, RawRequest]) -> None:
    """By which Lambda counts; awslambdaric leaves it out."""
    assert ours["deep"].values("lambda-runtime-function-error-type") == ["Function.Unusual"]
    assert ours["no JSON"].values("lambda-runtime-function-error-type") == ["Runtime.UnmarshalError"]


@pytest.mark.parametrize(
    ("source", "official_message"),
    [
        ("{1}", "Object of type set is not JSON serializable"),
        ("object", "Object of type type is not JSON serializable"),
        ('{"a": [1, print]}', "Object of type builtin_function_or_method is not JSON serializable"),
    ],
    ids=["a set", "a class", "nested"],
)
def test_a_value_without_a_json_form_is_a_marshal_error(serve: Serve, source: str, official_message: str) -> None:
    """The type and the beginning of the message are awslambdaric's; ours goes on to say where the value stands."""
    with serve(f"def handler(event, context):\n    return {source}\n") as runtime:
        request = runtime.api.invoke()
        document = json.loads(request.body)

        assert request.path.endswith("/error")
        assert document["errorType"] == "Runtime.MarshalError"
        assert document["errorMessage"].startswith("Unable to marshal response: the returned value has no JSON form: $")
        assert official_message.split()[3] in document["errorMessage"]
        assert document["stackTrace"] == []
        assert request.values("lambda-runtime-function-error-type") == ["Runtime.MarshalError"]


def test_an_async_handler_may_answer_with_a_value(serve: Serve) -> None:
    """Rule R0: which awslambdaric cannot."""
    source = """
        import asyncio

        async def handler(event, context):
            await asyncio.sleep(0)
            return {"event": event}
        """
    with serve(source) as runtime:
        request = runtime.api.invoke(b"[1]")

        assert request.values("content-type") == ["application/json"]
        assert request.body == b'{"event": [1]}'


def test_a_sync_handler_has_the_main_thread(serve: Serve) -> None:
    """As under awslambdaric: loops of its own, signals, and objects that belong to the importing thread."""
    source = """
        import asyncio
        import signal
        import sqlite3
        import threading

        database = sqlite3.connect(":memory:")

        async def answer():
            return database.execute("select 42").fetchone()[0]

        def handler(event, context):
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            return [asyncio.run(answer()), threading.current_thread() is threading.main_thread()]
        """
    with serve(source) as runtime:
        assert [runtime.api.invoke().body for _ in range(2)] == [b"[42, true]", b"[42, true]"]


def test_background_tasks_run_on_between_invocations(serve: Serve, gate: Gate) -> None:
    """One loop for the whole life of the process, which goes on while the next invocation is waited for."""
    source = """
        import asyncio

        done = asyncio.Event()
        tasks = set()

        async def later(port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.read(1)
            writer.transport.abort()
            done.set()

        async def handler(event, context):
            if event:
                tasks.add(asyncio.create_task(later(event)))
                return "started"
            await done.wait()
            return "done"
        """
    with serve(source) as runtime:
        assert runtime.api.invoke(str(gate.port).encode()).body == b'"started"'
        runtime.api.read_next()  # idle: only the background task is left
        gate.wait()
        gate.open()

        runtime.api.hand_out(b"null")

        assert runtime.api.read_request().body == b'"done"'
