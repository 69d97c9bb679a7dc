"""What ships: the wheel's contents, and the wheel in an environment that never saw the repository."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ["streaming", "testkit", "emulator", "plugins", "fixtures"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and no extra."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    run(str(folder / "bin" / "pip"), "install", "--quiet", str(wheel))
    return folder / "bin" / "python"


def run(*command: str, cwd: Path | str = "/") -> str:
    """Run a command outside the repository and give what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_five_packages_and_nothing_else(wheel: Path) -> None:
    """Every file of a room and no test, example or document is in it."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        str(path.relative_to(ROOT / room))
        for room in ROOMS
        for path in (ROOT / room / f"apptheory_{room}").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert names == expected


def test_the_wheel_passes_check_wheel_contents(wheel: Path) -> None:
    """The tool knows the usual mistakes of packaging."""
    run(sys.executable, "-m", "check_wheel_contents", "--config", str(ROOT / "pyproject.toml"), str(wheel))


def test_the_wheel_has_no_dependencies_of_its_own(python: Path) -> None:
    """A handler in production installs the package and nothing more."""
    listed = run(str(python), "-m", "pip", "list", "--format=freeze")

    assert {line.partition("==")[0] for line in listed.split()} <= {"apptheory-streaming", "pip", "setuptools"}


def test_a_handler_streams_with_the_wheel_alone(python: Path) -> None:
    """The testkit works without pytest."""
    script = (
        "from apptheory_testkit import stream_client\n"
        "def handler(event, context):\n"
        "    yield b'one'\n"
        "    yield b'two'\n"
        "print(stream_client(handler).sync.get('/').chunks)\n"
    )

    assert run(str(python), "-c", script) == "[b'one', b'two']\n"


def test_the_command_names_the_extra_that_is_missing(python: Path) -> None:
    """Without aiohttp the command says what to install, and shows no traceback."""
    done = subprocess.run(
        [python.parent / "apptheory-emulate", "app.py:handler"], capture_output=True, text=True, check=False, cwd="/"
    )

    assert done.returncode == 1
    assert done.stderr.strip().endswith("pip install 'apptheory-streaming[emulator]'")
    assert "Traceback" not in done.stderr
