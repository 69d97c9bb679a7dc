"""`--strict` on the command line and in settings: one line and exit code 2, or a line of the log."""

import sys
from pathlib import Path

import pytest

from emulate_command import emulate, run_to_end
from raw_http import fetch

TOML = """
[functions.chat]
handler = "app.py:handler"
timeout = 1000
strict = true
"""
TOO_LONG = "a timeout of 1000 s: a function has 1 to 900 whole seconds"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an app and its settings."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    yield 'served'\n")
    (tmp_path / "apptheory.toml").write_text(TOML)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("app.py:handler", "--strict", "--timeout", "1000", "--name", "chat"),
        ("--config", "apptheory.toml"),
        ("exec", "app.py:handler", "--strict", "--timeout", "1000", "--name", "chat", "--", sys.executable, "-c", ""),
    ],
    ids=["a target", "settings", "exec"],
)
async def test_strict_refuses_at_the_start(folder: Path, arguments: tuple[str, ...]) -> None:
    """One line says what AWS would refuse; nothing is served, and no command is run."""
    finished = await run_to_end(*arguments, cwd=folder)

    assert (finished.code, finished.stdout) == (2, "")
    assert finished.stderr == f"Error: strict: on AWS this cannot be: chat: {TOO_LONG}\n"


async def test_loose_serves_what_settings_would_refuse_and_says_so(folder: Path) -> None:
    """One line for the function, and it answers."""
    async with emulate(
        *("--config", "apptheory.toml", "--loose", "--port", "0", "--ready-json"), cwd=folder
    ) as command:
        response = await fetch(await command.url())
        finished = await command.stop()

    assert (response.status, response.body) == (200, b"served"), finished.stderr
    assert finished.stderr.count("on AWS") == 1
    assert f"chat: served, but on AWS not like this: {TOO_LONG}" in finished.stderr
