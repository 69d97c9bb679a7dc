"""`worker(…)`: what it takes, which runtime it starts for that, and what it says to what cannot be."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator import serve_function_url, worker
from apptheory_streaming.errors import TargetError, UsageError
from apptheory_testkit import StreamClientFactory
from light_workers import light_worker

PYTHON = """
import os

def handler(event, context):
    yield f"{os.getpid()} {context.function_name}"
"""
NODE = r"""
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write(`from ${process.env.AWS_EXECUTION_ENV.replace(/\d+/, "")} as ${process.env.AWS_LAMBDA_FUNCTION_NAME}`);
  stream.end();
});
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a handler of each kind, which is the current folder."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "chat.py").write_text(PYTHON)
    (tmp_path / "app" / "index.mjs").write_text(NODE)
    (tmp_path / "app" / "no_program").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("app/chat.py:handler",),
        ("python", "app/chat.py:handler"),
        ("app.chat:handler",),
        ("python", "app.chat.handler"),
    ],
    ids=["file", "python-file", "module", "as-on-lambda"],
)
@pytest.mark.streaming(clock="real")
@pytest.mark.usefixtures("folder")
async def test_a_python_handler_runs_in_a_process_of_its_own(
    stream_client: StreamClientFactory, arguments: tuple[str, ...]
) -> None:
    """By its file, its module, or as on Lambda; the function has the name of its module."""
    function = worker(*arguments)

    capture = await stream_client(function).get("/")

    pid, name = capture.text.split()
    assert int(pid) != os.getpid()
    assert name == function.function_name == "chat"


@pytest.mark.parametrize(
    "arguments", [("app/index.mjs:handler",), ("node", "app/index.mjs:handler")], ids=["ending", "node"]
)
@pytest.mark.streaming(clock="real")
@pytest.mark.usefixtures("folder")
async def test_a_node_handler_is_told_by_the_ending_of_its_file(
    stream_client: StreamClientFactory, arguments: tuple[str, ...]
) -> None:
    """No package is needed for it."""
    assert (await stream_client(worker(*arguments)).get("/")).text == "from AWS_Lambda_nodejs.x as index"


@pytest.mark.streaming(clock="real")
async def test_a_target_is_found_from_the_folder_that_is_given(
    stream_client: StreamClientFactory, folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any
) -> None:
    """In which its process runs too."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    capture = await stream_client(worker("chat.py:handler", cwd=folder / "app", name="named")).get("/")

    assert capture.text.endswith(" named")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "a worker needs a target, as text, or a command"),
        (("python",), {}, "worker('python') names no handler"),
        (("ruby", "app.rb:handler"), {}, "the kind of a worker is 'python' or 'node', not 'ruby'"),
        (("app/chat.py:handler",), {"exec": ["true"]}, "exec takes the place of a target, and both are given"),
        ((len,), {}, "a worker needs a target, as text, or a command"),
        ((), {"exec": []}, "exec is empty"),
        ((), {"exec": "  "}, "exec is empty"),
        ((), {"exec": "no 'end"}, "is no command: No closing quotation"),
        ((), {"exec": ["sh", 1]}, "exec takes a command as text or as a list of words"),
        ((), {"exec": ["no-such-program-here"]}, "there is no program 'no-such-program-here'"),
        ((), {"exec": ["./app/nothing"]}, "there is no program './app/nothing' to be run (looked from "),
        ((), {"exec": ["./app"]}, "there is no program './app' to be run (looked from "),
        (
            (),
            {"exec": ["./app/no_program"]},
            "'./app/no_program' is no program that may be run: `chmod +x` makes it one",
        ),
        (("app/chat.py:handler",), {"concurrency": 0}, "concurrency is a whole number, 1 or more, not 0"),
        (("app/chat.py:handler",), {"memory": "128"}, "memory is a whole number, 1 or more, not '128'"),
        (("app/chat.py:handler",), {"timeout": 0}, "timeout must be more than 0 seconds"),
        (("app/chat.py:handler",), {"idle": -1}, "idle takes seconds, 0 or more, not -1"),
        (("app/chat.py:handler",), {"reload": "yes"}, "reload must be True or False, not 'yes'"),
        (("app/chat.py:handler",), {"name": " "}, "name is that of the function"),
        (("app/chat.py:handler",), {"cwd": "no/such/folder"}, "cwd is no folder: 'no/such/folder'"),
        (("app/chat.py:handler",), {"env": {"A": 1}}, "env['A'] must be text"),
        (("app/chat.py:handler",), {"env": {"AWS_LAMBDA_RUNTIME_API": "x"}}, "is where a worker finds its emulator"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_is_told_at_once(arguments: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    """Not at the first request, and in one sentence."""
    with pytest.raises(UsageError, match=re.escape(message)):
        worker(*arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("app/other.py:handler",), "there is no file 'app/other.py' (looked from "),
        (("node", "app/other.mjs:handler"), "there is no file 'app/other.mjs' (looked from "),
        (("app/chat.py",), "'app/chat.py' names no attribute"),
        (("app/index.mjs",), "'app/index.mjs' names no attribute: a target is `app/index.mjs:handler`"),
        (("node", "app/index.mjs"), "'app/index.mjs' names no attribute"),
        (("app.chat",), "'app.chat' names no attribute"),
        (("node", "app/chat.py:handler"), "'app/chat.py' ends in none of .cjs, .cts, .js, .mjs, .mts, .ts"),
        (("python", "app/index.mjs:handler"), "'app/index.mjs' ends in none of .py"),
        (("python", "handler"), "'handler' names no attribute"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_target_that_cannot_be_there_is_told_at_once(arguments: tuple[str, ...], message: str) -> None:
    """With the folder from which it was looked for."""
    with pytest.raises(TargetError, match=re.escape(message)):
        worker(*arguments)


async def test_virtual_time_is_refused_where_the_client_is_made(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """With the marker that helps: a process knows nothing of the test's clock."""
    with pytest.raises(UsageError, match=re.escape('@pytest.mark.streaming(clock="real") mark the test')):
        stream_client(light_worker(tmp_path, ""))


async def test_virtual_time_is_refused_where_a_url_is_made(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """The same over HTTP."""
    with pytest.raises(UsageError, match=re.escape('@pytest.mark.streaming(clock="real"), or let the fixture')):
        async with serve_function_url(light_worker(tmp_path, "")):
            pass


def test_virtual_time_is_refused_in_a_test_that_is_not_async(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """Its loop would be a virtual one too."""
    with pytest.raises(UsageError, match=re.escape('let @pytest.mark.streaming(clock="real") mark the test')):
        stream_client(light_worker(tmp_path, "")).sync.get("/")


@pytest.mark.streaming(clock="real")
async def test_the_time_of_a_function_holds_where_no_other_is_given(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """In a client and behind a URL; the context, and so the deadline that the runtime is told, has it too."""
    code = """
        import time

        def handler(event):
            time.sleep(1000)
    """
    function = light_worker(tmp_path, code, timeout=0.3)

    capture = await stream_client(function).get("/")
    async with serve_function_url(function) as url:
        pass

    assert (capture.status, str(capture.error and capture.error.exception)) == (
        502,
        "the function was still running after 0.3 seconds",
    )
    assert url.exchanges == []
