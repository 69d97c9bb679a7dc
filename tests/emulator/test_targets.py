"""Handlers named by a target: what cannot be loaded answers 502, says why, and is tried again."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apptheory_emulator import FunctionUrlFactory, serve_function_url
from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.server import Emulator
from apptheory_streaming.errors import TargetError
from raw_http import fetch

pytestmark = pytest.mark.streaming(clock="real")

GOOD = """
def handler(event, context):
    yield b"served"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a file changes within the second of its bytecode's time
    yield tmp_path
    for name, module in [*sys.modules.items()]:
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


MISSING = {
    "no_such_module_here:handler": "there is no module 'no_such_module_here'",
    "no_such_file.py:handler": "there is no file 'no_such_file.py'",
    "present_app.py:no_such_name": "there is no 'no_such_name' in it; it has handler",
    "present_app:no_such_name": "there is no 'no_such_name' in it; it has handler",
    "present_app.py:NUMBER": "is of type int, not something that can be called",
    "needs_more.py:handler": "ModuleNotFoundError: No module named 'no_such_dependency'",
}


@pytest.mark.parametrize("target", MISSING)
async def test_target_that_is_not_there_answers_502_and_says_what_is_missing(
    caplog: pytest.LogCaptureFixture, folder: Path, target: str
) -> None:
    """E2b: unknown module, file or attribute: the emulator serves, with 502, and the log names what is missing."""
    (folder / "present_app.py").write_text(GOOD + "NUMBER = 1\n")
    (folder / "needs_more.py").write_text("import no_such_dependency\n" + GOOD)

    async with Emulator([FunctionConfig(name="own", target=target)]) as emulator:
        assert len(_errors(caplog)) == 1
        response = await fetch(emulator.functions[0].url)
        await emulator.settled()

    assert (response.status, response.body) == (502, b"Internal Server Error")
    assert len(_errors(caplog)) == 2
    for message in _errors(caplog):
        assert MISSING[target] in message
        assert "apptheory_streaming" not in message.replace("apptheory_streaming.errors.", "")
        assert ("import no_such_dependency" in message) == (target == "needs_more.py:handler")


@pytest.mark.parametrize("target", MISSING)
async def test_a_url_for_a_test_is_not_served_without_its_handler(
    function_url: FunctionUrlFactory, folder: Path, target: str
) -> None:
    """A test would only see a 502; the call says what is missing, with the module's own error as the cause."""
    (folder / "present_app.py").write_text(GOOD + "NUMBER = 1\n")
    (folder / "needs_more.py").write_text("import no_such_dependency\n" + GOOD)

    with pytest.raises(TargetError) as raised:
        await function_url(target)

    assert MISSING[target].removeprefix("ModuleNotFoundError: ") in str(raised.value)


async def test_the_environment_of_a_url_that_is_not_served_is_put_back(
    function_url: FunctionUrlFactory, folder: Path
) -> None:
    (folder / "breaks_app.py").write_text("import os\nraise ValueError(os.environ['OWN_VARIABLE'])\n")

    with pytest.raises(TargetError, match="ValueError: set"):
        await function_url("breaks_app:handler", env={"OWN_VARIABLE": "set"})

    assert "OWN_VARIABLE" not in os.environ


BROKEN_MODULES = {
    "raises": ("SETTINGS = {}['missing']\n", "KeyError: 'missing'", "SETTINGS = {}['missing']"),
    "exits": ("import sys\nsys.exit(2)\n", "SystemExit: 2", "sys.exit(2)"),
    "syntax": ("def handler(:\n", "SyntaxError", "def handler(:"),
    "no_handler": ("def other(event, context): ...\n", "there is no 'handler' in it; it has other", ""),
}


@pytest.mark.parametrize("form", ["{}.py:handler", "{}:handler"])
@pytest.mark.parametrize("kind", BROKEN_MODULES)
async def test_module_that_breaks_on_import_is_served_once_it_is_put_right(
    caplog: pytest.LogCaptureFixture, folder: Path, kind: str, form: str
) -> None:
    """A broken module answers 502 with its own traceback in the log; saved again, the next request is served."""
    source, says, user_code = BROKEN_MODULES[kind]
    name = f"{kind}_{form.count('.py')}_app"
    (folder / f"{name}.py").write_text(source)

    async with Emulator([FunctionConfig(name="own", target=form.format(name))]) as emulator:
        url = emulator.functions[0].url
        assert (await fetch(url)).status == 502
        await emulator.settled()
        for message in _errors(caplog):
            assert says in message
            assert user_code in message
            assert "importlib" not in message
            assert "apptheory_streaming/" not in message
        (folder / f"{name}.py").write_text(GOOD)

        response = await fetch(url)
    assert (response.status, response.body) == (200, b"served")


async def test_module_is_imported_once_and_before_the_first_request(
    function_url: FunctionUrlFactory, folder: Path
) -> None:
    """What a module does when it is imported happens once, at the start, as in a Lambda sandbox."""
    marks = folder / "marks"
    (folder / "counting_app.py").write_text(
        f"with open({str(marks)!r}, 'a') as marks:\n    marks.write('imported ')\n{GOOD}"
    )

    url = await function_url("counting_app.py:handler")
    assert marks.read_text() == "imported "
    for _ in range(3):
        assert (await fetch(url)).body == b"served"
    assert marks.read_text() == "imported "


async def test_environment_is_there_at_import_and_at_every_call(function_url: FunctionUrlFactory, folder: Path) -> None:
    """`env` is set before the module is imported and while it is called."""
    (folder / "environment_app.py").write_text(
        "import os\nAT_IMPORT = os.environ['OWN_VARIABLE']\n"
        "def handler(event, context):\n    yield AT_IMPORT + ' ' + os.environ['OWN_VARIABLE']\n"
    )

    url = await function_url("environment_app.py:handler", env={"OWN_VARIABLE": "set"})

    assert (await fetch(url)).body == b"set set"


async def test_environment_of_a_callable_is_set_too_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """`env` needs no import to take effect, and nothing of it is left when the server has stopped."""
    monkeypatch.setenv("OWN_KNOWN", "before")

    def handler(event: object, context: object) -> Iterator[str]:
        yield f"{os.environ['OWN_KNOWN']} {os.environ['OWN_NEW']}"

    async with serve_function_url(handler, env={"OWN_KNOWN": "within", "OWN_NEW": "new"}) as url:
        assert (await fetch(url)).body == b"within new"
    assert os.environ["OWN_KNOWN"] == "before"
    assert "OWN_NEW" not in os.environ
