"""Node handlers in every shape and kind of file: found, called, answered, logged."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from apptheory_streaming.errors import RuntimeFailure
from apptheory_streaming.wire.runtime_api import InvocationRequest
from node_cases import Seen
from runtime_clients import BOOTSTRAP, node, running, see

JSON = "application/json"


def bootstrap(*, newer: bool = False) -> tuple[str, ...]:
    """The command of our runtime."""
    return (node(newer=newer), str(BOOTSTRAP))


def write(folder: Path, files: dict[str, str]) -> None:
    """Make the files of a function."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def answer_of(folder: Path, handler: str, *, newer: bool = False, event: object = None, **env: str) -> Any:
    """Invoke a handler once and read the JSON that it returns, or the type and message of its error."""
    async with running(bootstrap(newer=newer), handler, folder, **env) as runtime:
        seen = await see(runtime, event)
    return json.loads(seen.body) if seen.end == "complete" else seen.end


async def init_error(folder: Path, handler: str, *, newer: bool = False) -> RuntimeFailure:
    """Start a handler that cannot be started."""
    with pytest.raises(RuntimeFailure) as failure:
        async with running(bootstrap(newer=newer), handler, folder):
            pass
    return failure.value


ESM = "export const handler = async () => 'esm';"
CJS = "exports.handler = async () => 'cjs'; exports.inner = { handler: async () => 'inner' };"
TYPED = "export const handler = async (event: object): Promise<string> => 'typed';"
PACKAGE = '{"type": "module"}'
FILES: list[tuple[str, str, dict[str, str], str]] = [
    ("an_mjs", "index.handler", {"index.mjs": ESM}, "esm"),
    ("a_cjs", "index.handler", {"index.cjs": CJS}, "cjs"),
    ("a_js_is_cjs", "index.handler", {"index.js": CJS}, "cjs"),
    ("a_js_of_a_module", "index.handler", {"index.js": ESM, "package.json": PACKAGE}, "esm"),
    ("js_before_mjs", "index.handler", {"index.js": CJS, "index.mjs": ESM}, "cjs"),
    ("a_nested_name", "index.inner.handler", {"index.cjs": CJS}, "inner"),
    ("a_folder", "app/v1/index.handler", {"app/v1/index.mjs": ESM}, "esm"),
    ("a_folder_of_the_same_name", "app.handler", {"app/index.mjs": "", "app.mjs": ESM}, "esm"),
    (
        "a_default_export",
        "index.handler",
        {"index.mjs": "export default { handler: async () => 'default' };"},
        "default",
    ),
    ("the_default_itself", "index.default", {"index.mjs": "export default async () => 'it';"}, "it"),
    ("with_its_ending", "index.mjs:handler", {"index.js": CJS, "index.mjs": ESM}, "esm"),
    ("with_dots_in_the_name", "app/my.api.mjs:handler", {"app/my.api.mjs": ESM}, "esm"),
    ("a_package", "pkg.handler", {"node_modules/pkg/index.js": CJS, "node_modules/pkg/package.json": "{}"}, "cjs"),
    (
        "top_level_await",
        "index.handler",
        {"index.mjs": "const word = await Promise.resolve('late'); export const handler = async () => word;"},
        "late",
    ),
]


@pytest.mark.parametrize(("handler", "files", "word"), [each[1:] for each in FILES], ids=[each[0] for each in FILES])
async def test_a_handler_is_found(tmp_path: Path, handler: str, files: dict[str, str], word: str) -> None:
    write(tmp_path, files)

    assert await answer_of(tmp_path, handler) == word


async def test_a_handler_sees_its_name_as_on_lambda(tmp_path: Path) -> None:
    write(tmp_path, {"app/index.mjs": "export const handler = async () => process.env._HANDLER;"})

    assert await answer_of(tmp_path, "app/index.mjs:handler") == "app/index.handler"


@pytest.mark.parametrize("ending", ["ts", "mts", "cts"])
async def test_typescript_runs_where_node_strips_types(tmp_path: Path, ending: str) -> None:
    text = TYPED if ending != "cts" else "exports.handler = async (event: object): Promise<string> => 'typed';"
    write(tmp_path, {f"index.{ending}": text, "package.json": PACKAGE if ending == "ts" else "{}"})

    assert await answer_of(tmp_path, "index.handler", newer=True) == "typed"


@pytest.mark.parametrize(
    "files", [{"index.ts": TYPED}, {"index.mjs": "export * from './typed.ts';", "typed.ts": TYPED}]
)
async def test_typescript_elsewhere_says_what_to_do(tmp_path: Path, files: dict[str, str]) -> None:
    """On a Node that strips no types, which one can also ask of a newer one."""
    write(tmp_path, files)
    command = (node(newer=True), "--no-experimental-strip-types", str(BOOTSTRAP))

    with pytest.raises(RuntimeFailure, match=r"\.ts.*does not strip types; use Node 22\.18 or newer") as failure:
        async with running(command, "index.handler", tmp_path):
            pass

    assert failure.value.error_type == "Runtime.ImportModuleError"


BROKEN = [
    ("index", {}, "Runtime.MalformedHandlerName", "write file.function"),
    ("../index.handler", {}, "Runtime.MalformedHandlerName", "write file.function"),
    ("index.handler", {}, "Runtime.ImportModuleError", "Cannot find module"),
    ("index.mjs:handler", {}, "Runtime.ImportModuleError", "Cannot find module"),
    ("index.handler", {"index.mjs": "import 'nothing';"}, "Runtime.ImportModuleError", "'nothing'"),
    ("index.handler", {"index.cjs": "require('nothing');"}, "Runtime.ImportModuleError", "'nothing'"),
    ("index.handler", {"index.mjs": "export const handler = ;"}, "Runtime.UserCodeSyntaxError", "SyntaxError"),
    ("index.handler", {"index.mjs": "throw new RangeError('at load');"}, "RangeError", "at load"),
    (
        "index.handler",
        {
            "index.mjs": "setTimeout(() => { throw new Error('stray'); }); await new Promise(() => setInterval(() => {}, 1000));"
        },
        "Error",
        "stray",
    ),
    ("index.handler", {"index.mjs": "export const other = 1;"}, "Runtime.HandlerNotFound", "its module exports other"),
    ("index.handler", {"index.mjs": "export const handler = 1;"}, "Runtime.HandlerNotFound", "is not a function"),
    (
        "index.handler",
        {
            "index.mjs": "export const handler = async () => 1; handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'request';"
        },
        "Runtime.MalformedStreamingHandler",
        "Only response streaming",
    ),
]


@pytest.mark.parametrize(("handler", "files", "error_type", "words"), BROKEN)
async def test_what_cannot_be_loaded_is_reported_by_type(
    tmp_path: Path, handler: str, files: dict[str, str], error_type: str, words: str
) -> None:
    """The types are those that Lambda shows."""
    write(tmp_path, files)

    failure = await init_error(tmp_path, handler)

    assert failure.error_type == error_type
    assert words in str(failure)


SHAPES: list[tuple[str, str, Any]] = [
    ("async", "async (event) => ({ ...event, more: 1 })", {"n": 1, "more": 1}),
    ("async_of_nothing", "async () => {}", None),
    ("a_promise", "() => Promise.resolve(2)", 2),
    ("a_value", "() => 'sync'", "sync"),
    ("nothing_at_all", "() => {}", None),
    ("a_callback", "(event, context, callback) => { setTimeout(() => callback(null, 'called'), 1); }", "called"),
    ("a_callback_once", "(event, context, callback) => { callback(null, 1); callback(null, 2); }", 1),
    (
        "a_callback_and_a_return",
        "(event, context, callback) => setTimeout(() => callback(null, 'called'), 1)",
        "called",
    ),
    (
        "a_callback_waits_for_the_event_loop",
        "(e, c, callback) => { const state = { n: 0 }; setTimeout(() => { state.n = 1; }, 5); callback(null, state); }",
        {"n": 1},
    ),
    (
        "a_callback_that_does_not_wait",
        "(e, c, callback) => { c.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); callback(null, 1); }",
        1,
    ),
    ("a_failed_callback", "(event, context, callback) => callback(new RangeError('no'))", "RangeError: no"),
    ("a_callback_with_text", "(event, context, callback) => callback('no')", "string: no"),
    ("done", "(event, context) => { context.done(null, 3); }", 3),
    ("succeed", "(event, context) => { context.succeed(4); }", 4),
    ("fail", "(event, context) => { context.fail(new Error('no')); }", "Error: no"),
    ("throws", "() => { throw new TypeError('no'); }", "TypeError: no"),
    ("rejects", "async () => { throw new TypeError('no'); }", "TypeError: no"),
    (
        "an_error_that_leads_back_to_itself",
        "async () => { const error = new Error('no'); error.request = { error }; throw error; }",
        "Error: no",
    ),
    (
        "an_error_whose_name_is_no_text",
        "async () => { throw Object.assign(new Error('no'), { name: Symbol('n') }); }",
        "Error: no",
    ),
    (
        "an_error_whose_message_cannot_be_read",
        "async () => { throw Object.defineProperty(new Error(), 'message', { get() { throw new Error('evil'); } }); }",
        "Error: something that has no text",
    ),
    ("no_json", "async () => 1n", "TypeError: Do not know how to serialize a BigInt"),
    (
        "never_settles",
        "() => new Promise(() => {})",
        "Runtime.NodeJsExit: nothing is left to wait for, and the handler's promise was never settled",
    ),
    ("uncaught", "() => new Promise(() => setTimeout(() => { throw new Error('stray'); }))", "Error: stray"),
    (
        "unhandled",
        "async () => { Promise.reject(new Error('stray')); await new Promise((done) => setTimeout(done, 1000)); }",
        "Runtime.UnhandledPromiseRejection: Error: stray",
    ),
]


@pytest.mark.parametrize(("code", "result"), [each[1:] for each in SHAPES], ids=[each[0] for each in SHAPES])
async def test_a_handler_that_returns_its_answer(tmp_path: Path, code: str, result: Any) -> None:
    """Every shape that a runtime of Node has had."""
    write(tmp_path, {"index.mjs": f"export const handler = {code};"})

    assert await answer_of(tmp_path, "index.handler", event={"n": 1}) == result


async def test_a_stream_is_a_writable_of_the_size_that_was_asked_for(tmp_path: Path) -> None:
    """`highWaterMark` is the stream's, and the adapters of Node take it."""
    code = """
        import { Writable } from "node:stream";
        export const handler = awslambda.streamifyResponse(async (event, stream) => {
          const writer = Writable.toWeb(stream).getWriter();
          await writer.write(Buffer.from(JSON.stringify([stream instanceof Writable, stream.writableHighWaterMark])));
          await writer.close();
        }, { highWaterMark: 10 });
    """
    write(tmp_path, {"index.mjs": code})

    assert await answer_of(tmp_path, "index.handler") == [True, 10]


async def test_the_global_can_be_left_out(tmp_path: Path) -> None:
    """As AWS documents; a handler is then marked by its symbol."""
    code = """
        export const handler = async (event, stream) => { stream.end(JSON.stringify(typeof awslambda)); };
        handler[Symbol.for("aws.lambda.runtime.handler.streaming")] = "response";
    """
    write(tmp_path, {"index.mjs": code})

    answer = await answer_of(tmp_path, "index.handler", AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA="1")

    assert answer == "undefined"


async def test_the_context_is_that_of_the_invocation(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "index.mjs": "export const handler = async (event, context) => ({ ...context, trace: process.env._X_AMZN_TRACE_ID, "
            "left: context.getRemainingTimeInMillis() });"
        },
    )
    request = InvocationRequest(
        request_id="req-7",
        deadline_ms=4_000_000_000_000,
        payload=b"{}",
        function_arn="arn:aws:lambda:us-east-1:1:function:f",
        trace_id="Root=1-2-3",
        client_context='{"custom":{"a":1}}',
        cognito_identity='{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
        tenant_id="blue",
    )

    async with running(bootstrap(), "index.handler", tmp_path) as runtime:
        first = json.loads(b"".join([piece async for piece in (await runtime.api.invoke(request)).body]))
        await runtime.api.idle()
        second = json.loads((await see(runtime, {})).body)

    assert first.pop("left") > 1_000_000_000_000
    assert first.pop("logStreamName")
    assert first == {
        "awsRequestId": "req-7",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:1:function:f",
        "functionName": "contract",
        "functionVersion": "$LATEST",
        "memoryLimitInMB": "1024",
        "logGroupName": "/aws/lambda/contract",
        "clientContext": {"custom": {"a": 1}},
        "identity": {"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"},
        "tenantId": "blue",
        "callbackWaitsForEmptyEventLoop": True,
        "trace": "Root=1-2-3",
    }
    assert not {"clientContext", "identity", "tenantId", "trace"} & set(second)


LOGGING = """
export const handler = async () => {
  console.log("hello %s", "you", { a: 1 });
  console.debug("detail");
  console.error("bad", new TypeError("no"));
};
"""


async def printed(folder: Path, caplog: pytest.LogCaptureFixture, **env: str) -> list[str]:
    """What the handler prints, line by line."""
    caplog.set_level(logging.INFO)
    write(folder, {"index.mjs": LOGGING})
    async with running(bootstrap(), "index.handler", folder, **env) as runtime:
        await see(runtime, {}, request_id="req-log")
        await runtime.api.idle()
        await runtime.output_taken()
    return [record.getMessage() for record in caplog.records]


async def test_log_lines_have_the_form_of_lambda(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Time, request id, level, message, between tabs."""
    lines = await printed(tmp_path, caplog)

    assert any(line.endswith("Z\treq-log\tINFO\thello you { a: 1 }") for line in lines)
    assert any(line.endswith("Z\treq-log\tDEBUG\tdetail") for line in lines)
    assert any("\treq-log\tERROR\tbad TypeError: no" in line for line in lines)


async def test_log_lines_can_be_json_from_a_level_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """AWS_LAMBDA_LOG_FORMAT and AWS_LAMBDA_LOG_LEVEL are Lambda's."""
    lines = await printed(tmp_path, caplog, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="INFO")
    logged = [json.loads(line[line.index("{") :]) for line in lines if "req-log" in line]

    assert [(line["level"], line.get("errorType"), line["message"].partition("\n")[0]) for line in logged] == [
        ("INFO", None, "hello you { a: 1 }"),
        ("ERROR", "TypeError", "bad TypeError: no"),
    ]


async def test_one_process_answers_many_invocations(tmp_path: Path) -> None:
    """Its state stays, its request ids do not mix."""
    write(tmp_path, {"index.mjs": "let n = 0; export const handler = async (e, c) => [++n, e, c.awsRequestId];"})

    async with running(bootstrap(), "index.handler", tmp_path) as runtime:
        for number in range(1, 21):
            seen = await see(runtime, {"n": number}, request_id=f"req-{number}")
            assert seen == Seen(content_type=JSON, body=f'[{number},{{"n":{number}}},"req-{number}"]'.encode())
            await runtime.api.idle()


@pytest.mark.parametrize(
    "code",
    [
        "async () => process.listenerCount('beforeExit')",
        (
            "awslambda.streamifyResponse(async (event, stream) => "
            "{ stream.end(String(process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length)); })"
        ),
    ],
    ids=["listeners", "timers"],
)
async def test_nothing_of_an_invocation_stays(tmp_path: Path, code: str) -> None:
    write(tmp_path, {"index.mjs": f"export const handler = {code};"})

    async with running(bootstrap(), "index.handler", tmp_path) as runtime:
        for _ in range(3):
            assert (await see(runtime, {})).body == b"1"
            await runtime.api.idle()
