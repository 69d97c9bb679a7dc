"""Names of handlers, how they are found, and what is reported when they are not."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from raw_runtime_api import MODULE, RawRequest, start_runtime

FILES = {
    "app.py": "def handler(event, context):\n    return __name__\n\nnumber = 1\n\nclass Group:\n    handler = staticmethod(handler)\n",
    "folder/__init__.py": "",
    "folder/deeper.py": "from app import handler\n",
    "broken.py": "def handler(event, context)\n    return 1\n",
    "raises.py": "import json\n\ndef load():\n    raise ValueError('no configuration')\n\nload()\n",
    "needs.py": "import no_such_library\n",
    "needs_name.py": "from json import no_such_name\n",
}

FAILURES = {
    "no module": "nosuch.handler",
    "no module in a folder": "folder/nosuch.handler",
    "no handler": "app.nosuch",
    "no dot": "handler",
    "a built-in module": "sys.exit",
    "a syntax error": "broken.handler",
    "the module raises": "raises.handler",
    "a library is missing": "needs.handler",
    "a name is missing": "needs_name.handler",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("init")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def failure(handler: str, folder: Path, command: Sequence[str] = MODULE, **environment: str) -> tuple[RawRequest, int]:
    """What a client reports to init/error, and its exit status."""
    with start_runtime(handler, folder, command=command, **environment) as runtime:
        request = runtime.api.read_request()
        runtime.api.answer()
        return request, runtime.wait()[0]


@pytest.mark.parametrize("name", FAILURES)
def test_a_handler_that_cannot_be_loaded_is_reported_as_the_official_client_does(name: str, folder: Path) -> None:
    """Path, body, error type and exit status of awslambdaric."""
    pytest.importorskip("awslambdaric")
    ours, status = failure(FAILURES[name], folder)
    official, official_status = failure(FAILURES[name], folder, ("-m", "awslambdaric"))

    assert (ours.method, ours.path) == (official.method, official.path) == ("POST", "/2018-06-01/runtime/init/error")
    assert ours.body == official.body
    header = "lambda-runtime-function-error-type"
    assert ours.values(header) == official.values(header)
    assert status == official_status == 1


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("nosuch:handler", "Runtime.ImportModuleError", "Unable to import module 'nosuch': No module named 'nosuch'"),
        ("nosuch.py:handler", "Runtime.ImportModuleError", "Unable to import module 'nosuch.py': there is no file"),
        ("app:nosuch", "Runtime.HandlerNotFound", "Handler 'nosuch' missing on module 'app': "),
        ("app.py:number", "Runtime.HandlerNotFound", "Handler 'number' missing on module 'app.py': "),
        ("app.number", "Runtime.HandlerNotFound", "Handler 'number' on module 'app' is no function but int"),
        ("app:", "Runtime.MalformedHandlerName", "Bad handler 'app:': "),
        ("app.toml:handler", "Runtime.HandlerNotFound", ""),
        ("broken.py:handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'broken.py': "),
        ("raises.py:handler", "ValueError", "no configuration"),
        ("needs:handler", "Runtime.ImportModuleError", "Unable to import module 'needs': No module named"),
    ],
)
def test_a_target_that_cannot_be_loaded_has_the_same_types(
    handler: str, error_type: str, message: str, folder: Path
) -> None:
    """`module:attribute` and `file.py:attribute` fail as `module.handler` does, and say what is wrong."""
    request, status = failure(handler, folder)
    document = json.loads(request.body)

    if handler.startswith("app.toml"):  # a module `app.toml`, whose parent is no package
        error_type = "Runtime.ImportModuleError"
    assert document["errorType"] == error_type
    assert document["errorMessage"].startswith(message)
    assert request.values("lambda-runtime-function-error-type") == [error_type]
    assert status == 1


def test_what_a_module_raises_keeps_its_own_frames(folder: Path) -> None:
    """The last lines are the module's, so that its author finds the place."""
    stack = json.loads(failure("raises.handler", folder)[0].body)["stackTrace"]

    assert "raises.py" in stack[-1]
    assert "in load" in stack[-1]
    assert not [line for line in stack if "apptheory_streaming" in line]


@pytest.mark.parametrize(
    ("handler", "module"),
    [
        ("app.handler", "app"),
        ("folder/deeper.handler", "app"),
        ("folder.deeper.handler", "app"),
        ("app:handler", "app"),
        ("app:Group.handler", "app"),
        ("app.py:handler", "app"),
        ("folder/deeper.py:handler", "app"),
    ],
)
def test_every_form_of_a_name_finds_its_handler(handler: str, module: str, folder: Path) -> None:
    """Lambda's forms, and those of the emulator."""
    with start_runtime(handler, folder) as runtime:
        assert json.loads(runtime.api.invoke().body) == module


def test_the_task_root_is_where_modules_are_found(folder: Path, tmp_path: Path) -> None:
    """LAMBDA_TASK_ROOT counts where the process was started elsewhere, and before any other folder."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 'the wrong one'\n")
    with start_runtime("app.handler", tmp_path, LAMBDA_TASK_ROOT=str(folder)) as runtime:
        assert runtime.api.invoke().body == b'"app"'


def test_sys_exit_while_loading_ends_the_process(tmp_path: Path) -> None:
    """As under awslambdaric: the platform says Runtime.ExitError."""
    (tmp_path / "app.py").write_text("import sys\nsys.exit(4)\n")
    with start_runtime("app.handler", tmp_path) as runtime:
        assert runtime.wait()[0] == 4
    with start_runtime("app:handler", tmp_path) as runtime:
        assert runtime.wait()[0] == 4


def test_the_variable_names_the_handler_where_no_argument_does(folder: Path) -> None:
    """A `bootstrap` may leave it out: Lambda sets _HANDLER."""
    with start_runtime("app.handler", folder, command=("-c", CALL), _HANDLER="app.handler") as runtime:
        assert runtime.api.invoke().body == b'"app"'


CALL = "import sys; sys.argv[1:] = []; from apptheory_streaming.runtime.__main__ import main; sys.exit(main())"
