"""Contract documents over HTTP and in workers: compared at the levels of rule W7, and no process stays."""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator import worker
from apptheory_emulator.contract.handlers_place import HandlersPlace
from apptheory_emulator.contract.target_names import make_target, make_targets
from apptheory_emulator.contract.worker_target import WorkerTarget
from apptheory_streaming import AppError
from apptheory_streaming.errors import TargetError, UsageError
from apptheory_testkit.contract import ContractTarget, Outcome, Verdict, run_document
from contract_documents import HANDLERS, MODULE, document
from runtime_clients import node

EMPTY = {"encoding": "utf8", "value": ""}
ONE = {"encoding": "utf8", "value": "one"}
REST = {"encoding": "base64", "value": "AP8="}

WORKER = f"""{MODULE}
import os

def pid(event, context):
    yield str(os.getpid())

def late(event, context):
    yield "one"
    raise KeyError("x")

def early(event, context):
    error = ValueError("busy")
    error.code = "app.conflict"
    raise error

def broken(event, context):
    raise ValueError("a secret")

def echo(event, context):
    import json
    yield json.dumps(event)

def waits(event, context):
    import threading
    threading.Event().wait()

def mutates(event, context):
    response = StreamingResponse(None, status=201, headers={{"content-type": "text/plain", "x-tag": "one,two"}}, cookies=["a=1", "b=2"])

    def body():
        yield "one"
        response.headers["x-late"] = "1"
        yield b"\\x00\\xff"

    response.body = body()
    return response
"""
NODE = """
export const two = awslambda.streamifyResponse(async (event, responseStream) => {
  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 201,
    headers: { 'content-type': 'text/plain', 'x-tag': 'one,two' },
    cookies: ['a=1', 'b=2'],
  });
  stream.write('one');
  stream.write(Buffer.from([0, 255]));
  stream.end();
});
"""

Open = Callable[[str], ContractTarget]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of handlers in two languages."""
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "documents.py").write_text(WORKER)
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "documents.mjs").write_text(NODE)
    return tmp_path


@pytest.fixture
def opened(folder: Path) -> Iterator[Open]:
    """Targets by their words, over that folder; closed with the test."""
    targets: list[ContractTarget] = []

    def make(text: str) -> ContractTarget:
        targets.append(make_target(text, HandlersPlace(str(folder))))
        return targets[-1]

    yield make
    for target in targets:
        target.close()


def run(target: ContractTarget, changes: Mapping[str, Any] | None = None, **handlers: Any) -> Verdict:
    """Run the document with these changes."""
    return run_document(document(changes), {**HANDLERS, **handlers}, target)


def test_over_http_a_document_holds_at_the_level_of_w7(opened: Open) -> None:
    """W7: empty chunks do not show, the values of a header are joined, connection headers are remapped."""
    target = opened("http")
    headers = {"content-type": "text/plain", "x-tag": ["one,two"], "Connection": "close"}

    def closes(event: Any, context: Any) -> Any:
        response = HANDLERS["two"](event, context)
        response.headers["connection"] = "close"
        return response

    holds = {"/expect/response/chunks": [EMPTY, ONE, REST, EMPTY], "/expect/response/headers": headers}
    broken = {"/expect/response/chunks": [{"encoding": "base64", "value": "b25lAP8="}]}

    assert run(target).differences == ()
    assert (
        run(
            target, {**holds, "/tier": "p1", "/expect/response/headers/x-request-id": "req_test_123"}, two=closes
        ).differences
        == ()
    )
    assert run(target, broken).differences == (
        *("same bytes, chunk boundaries moved", "  got 2 chunks (+), expected 1 chunk (-)"),
        *("  - 0  hex 6f 6e 65 00 ff", "  + 0  'one'", "  + 1  hex 00 ff"),
    )


def test_over_http_the_runner_finishes_cors_too(opened: Open) -> None:
    """Contract fixtures: on every target it adds what AppTheory adds, and answers a preflight."""
    added = {"access-control-allow-origin": "https://here.example", "x-request-id": "req_test_123"}
    headers = {"content-type": "text/plain", "x-tag": ["one", "two"], **added, "vary": ["accept", "origin"]}
    asked = {"origin": "https://here.example", "access-control-request-method": "PUT"}
    allowed = {**added, "vary": "origin", "access-control-allow-methods": "PUT"}
    preflight = {
        "/tier": "p1",
        "/input/request": {"method": "OPTIONS", "path": "/x", "headers": asked},
        "/expect/response": {"status": 204, "headers": allowed, "cookies": []},
    }
    changes = {
        "/tier": "p1",
        "/input/request/headers": {"origin": asked["origin"]},
        "/expect/response/headers": headers,
    }

    def varies(event: Any, context: Any) -> Any:
        response = HANDLERS["two"](event, context)
        response.headers["vary"] = "Accept"
        return response

    target = opened("http")

    assert run(target, changes, two=varies).differences == ()
    assert run(target, preflight).differences == ()
    assert run(opened("python"), preflight).differences == ()


@pytest.mark.parametrize(
    ("tier", "status"),
    [("p0", 502), ("p1", 500)],
)
def test_over_http_a_tier_chooses_the_error_pages(opened: Open, tier: str, status: int) -> None:
    """E2b: 502 as on AWS, 500 as AppTheory."""
    verdict = run(
        opened("http"), {"/tier": tier, "/setup/routes/0/handler": "broken", "/expect/response/status": status}
    )

    assert "status differs" not in verdict.differences


async def paced(event: Any, context: Any) -> AsyncIterator[str]:
    yield "one"
    yield "two"


def fails_late(event: Any, context: Any) -> Iterator[str]:
    yield "one"
    raise AppError("app.conflict", "taken")


@pytest.mark.parametrize(
    ("handler", "ours", "expected"),
    [
        (fails_late, {"late_errors": "abort"}, {"delivery_outcome": "cut", "handler_outcome": "failed(app.conflict)"}),
        (fails_late, {}, {"delivery_outcome": "complete", "error": {"code": "app.conflict"}}),
        (paced, {"pace": {"burst": 3, "rate": 2}}, {"delivered_at": [0, 1.5]}),
        (paced, {"fault": {"limit": 3}}, {"error": {"code": "app.too_large"}}),
    ],
    ids=["abort", "clean end", "pace", "limit"],
)
def test_over_http_a_document_may_set_up_what_a_connection_shows(
    opened: Open, handler: Any, ours: Any, expected: Any
) -> None:
    """E3, L2, L3: late errors that abort, a pace, and bounds, in virtual time."""
    verdict = run(opened("http"), {"/setup/ours": ours, "/expect/ours": expected}, two=handler)

    assert verdict.outcome is Outcome.FAILED  # for its head, which is another
    assert [line for line in verdict.differences if line.split()[0] in expected] == []


def test_what_a_target_cannot_show_is_told(opened: Open) -> None:
    """A client of a connection has no exact moments, a worker has no exact chunks either."""
    fault = {"/setup/ours": {"fault": {"disconnect": 1}}}
    pace = {"/setup/ours": {"pace": {"burst": 1, "rate": 1}}}
    abort = {"/setup/ours": {"late_errors": "abort"}}
    http, python = opened("http"), opened("python")

    assert [run(http, each).outcome for each in (fault, pace, abort)] == ["not here", "passed", "passed"]
    assert [run(python, each).outcome for each in (fault, pace, abort)] == ["not here"] * 3


def test_in_a_worker_head_body_and_outcomes_are_compared(opened: Open) -> None:
    """W7: borders of chunks are the runtime's; late changes and times stay inside of it."""
    target = opened("python")
    whole = {"/expect/response/chunks": [{"encoding": "base64", "value": "b25lAP8="}]}
    ours = {"late_mutations": [], "produced_at": [], "handler_outcome": "ended", "delivery_outcome": "complete"}

    assert run(target, whole).differences == ()
    assert run(target, {"/setup/routes/0/handler": "mutates", "/expect/ours": ours}).differences == ()
    assert run(target, {"/expect/response/status": 200}).differences == ("status differs", "  - 200", "  + 201")
    late = run(
        target,
        {
            "/setup/routes/0/handler": "late",
            "/expect/response": {
                "status": 200,
                "headers": {"content-type": "application/octet-stream"},
                "cookies": [],
                "body": ONE,
                "stream_error_code": "app.internal",
            },
            "/expect/ours": {"handler_outcome": "failed(app.internal)", "error": {"code": "app.internal"}},
        },
    )
    assert late.differences == ()


def test_in_a_worker_the_event_of_a_document_arrives(opened: Open) -> None:
    """Contract fixtures: an `aws_event`, with the parameters of its route."""
    event = {"path": "/two", "httpMethod": "GET", "requestContext": {"elb": {"targetGroupArn": "arn"}}, "body": "é"}
    expected = {"status": 200, "headers": {"content-type": "application/octet-stream"}, "cookies": []}

    verdict = run(
        opened("python"),
        {
            "/setup/routes/0": {"method": "GET", "path": "/{name+}", "handler": "echo"},
            "/input": {"aws_event": {"source": "alb", "event": event}},
            "/expect/response": {**expected, "body_json": {**event, "pathParameters": {"name": "two"}}},
        },
    )

    assert verdict.differences == ()


def test_an_early_error_with_a_code_is_a_response_of_the_runtime(opened: Open) -> None:
    """E2: what failed is known inside the worker alone; the response shows."""
    body = {"error": {"code": "app.conflict", "message": "busy", "request_id": "req_test_0001"}}
    changes = {
        "/setup/routes/0/handler": "early",
        "/expect/response": {
            "status": 409,
            "headers": {"content-type": "application/json; charset=utf-8"},
            "cookies": [],
            "body_json": body,
        },
        "/expect/ours": {"handler_outcome": "failed(app.conflict)", "error": {"code": "app.conflict"}},
    }
    target = opened("python")

    assert run(target, changes).differences == ()
    assert run(target, {**changes, "/setup/routes/0/handler": "broken"}).failed


def test_a_worker_that_never_answers_fails_its_document(folder: Path) -> None:
    """E5: a process cannot be seen to wait for nothing, so the patience of the target ends."""
    place = str(folder / "python")
    target = WorkerTarget("python", lambda name: worker("python", f"documents.py:{name}", cwd=place), patience=0.2)
    try:
        verdict = run(target, {"/setup/routes/0/handler": "waits", "/expect/ours": {"handler_outcome": "timed_out"}})
    finally:
        target.close()

    assert verdict.failed
    assert "handler_outcome differs" not in verdict.differences
    assert verdict.differences[-1].startswith("the handler failed: app.timeout: ")


def pid_of(verdict: Verdict) -> int:
    """The number that the handler `pid` answered: the body is what differs."""
    (line,) = [line for line in verdict.differences if line.startswith("  + 0  ")]
    return int(line.removeprefix("  + 0  ").strip("'"))


def ended(pid: int) -> bool:
    """Whether there is no such process any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_handler_keeps_its_worker_until_the_target_is_closed(opened: Open) -> None:
    """One start for all documents that name a handler, and none runs on afterwards."""
    target = opened("python")
    changes = {"/setup/routes/0/handler": "pid", "/expect/response/chunks": ...}

    first, second = (pid_of(run(target, changes)) for _ in range(2))
    assert first == second != os.getpid()
    target.close()
    assert ended(first)
    third = pid_of(run(target, changes))
    assert third != first
    target.close()
    assert ended(third)


def test_only_so_many_workers_stay(folder: Path) -> None:
    """A folder of a thousand handlers does not become a thousand processes."""
    place = str(folder / "python")
    target = WorkerTarget("python", lambda name: worker("python", f"documents.py:{name}", cwd=place), kept=1)
    changes = {"/setup/routes/0/handler": "pid", "/expect/response/chunks": ...}
    try:
        first = pid_of(run(target, changes))
        run(target)
        assert ended(first)
    finally:
        target.close()


def test_two_programs_of_one_name_are_two_columns(folder: Path) -> None:
    """Each target has a label of its own; one that is named twice is one."""
    commands = [f"exec={sys.executable} {path} {{handler}}" for path in ("a/run.py", "b/run.py")]

    targets = make_targets(["in-process", *commands, "in-process"], HandlersPlace(str(folder)))

    python = Path(sys.executable).name
    assert [each.label for each in targets] == [
        "in-process",
        f"{python} run.py",
        f"{sys.executable} b/run.py {{handler}}",
    ]


@pytest.mark.parametrize(
    "command",
    ["{python} -m apptheory_streaming.runtime documents.py:{{handler}}", "{python} run.py"],
    ids=["in the command", "in the environment"],
)
def test_any_program_finds_the_name_of_the_handler(folder: Path, command: str) -> None:
    """`{handler}` in the command stands for it, and `_HANDLER` is it."""
    (folder / "run.py").write_text(
        "import os, sys\n"
        "target = 'documents.py:' + os.environ['_HANDLER']\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'apptheory_streaming.runtime', target])\n"
    )
    shutil.copy(folder / "python" / "documents.py", folder / "documents.py")
    target = make_target(f"exec={command.format(python=sys.executable)}", HandlersPlace(str(folder)))
    try:
        verdict = run(target)
    finally:
        target.close()

    assert verdict.differences == ()
    assert target.label in (
        f"{Path(sys.executable).name} -m apptheory_streaming.runtime",
        f"{Path(sys.executable).name} run.py",
    )


def test_a_file_of_node_runs_the_same_document(opened: Open) -> None:
    """A30: the lists of a header are joined by the runtime, chunks are cut where it likes."""
    node()

    assert run(opened("node")).differences == ()


def test_a_worker_of_python_finds_a_handler_by_its_key_in_handlers(folder: Path, opened: Open) -> None:
    """As in process: a key need be no name of Python, and its value may be a target."""
    file = folder / "python" / "documents.py"
    keys = "HANDLERS = {'two-chunks.of': two, 'by.target': 'documents.py:two', 'lambda': lambda e, c: two(e, c)}\n"
    file.write_text(f"{MODULE}\n{keys}")
    target = opened("python")

    for name in ("two-chunks.of", "by.target", "lambda"):
        assert run(target, {"/setup/routes/0/handler": name}).differences == ()
    missing = run(target, {"/setup/routes/0/handler": "two"}).explain()
    assert "Runtime.HandlerNotFound" in missing
    assert "there is no handler 'two'; there are two-chunks.of, by.target, lambda" in missing


def test_a_worker_without_the_handler_fails_its_document(opened: Open) -> None:
    """What the runtime says of it is part of the verdict."""
    verdict = run(opened("python"), {"/setup/routes/0/handler": "nobody"})

    assert verdict.failed
    assert "Runtime.HandlerNotFound" in verdict.explain()


WRONG = {
    "deno": "there is no target 'deno': there are in-process, http, python, node, exec=COMMAND",
    "exec=": "exec is empty; it takes a command, such as ./bootstrap$",
    "exec=./nothing": "exec: there is no program './nothing' .*",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_target_that_cannot_be_had_is_a_clear_error(opened: Open, text: str) -> None:
    """It is told before anything is run."""
    with pytest.raises(UsageError, match=WRONG[text]):
        opened(text)


def test_a_package_is_a_module_and_no_folder_of_handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--handlers app` means `import app`, though there is a folder of that name."""
    (tmp_path / "package_of_two").mkdir()
    (tmp_path / "package_of_two" / "__init__.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    place = HandlersPlace("package_of_two")

    assert list(place.load()) == ["two"]
    assert place.folder == tmp_path


def test_a_place_without_the_handlers_of_a_language_is_a_clear_error(tmp_path: Path, folder: Path) -> None:
    """It says which files there could be."""
    (folder / "python" / "documents.py").write_text("1 / 0")

    with pytest.raises(UsageError, match=r"has no documents\.py, and no python/documents\.py"):
        make_target("python", HandlersPlace(str(tmp_path / "node")))
    with pytest.raises(UsageError, match=r"takes handlers from a folder, with a file documents\.mjs"):
        make_target("node", HandlersPlace("app.main"))
    with pytest.raises(UsageError, match="--handlers is missing"):
        HandlersPlace().load()
    with pytest.raises(TargetError, match="cannot be imported: ZeroDivisionError"):
        HandlersPlace(str(folder)).load()
