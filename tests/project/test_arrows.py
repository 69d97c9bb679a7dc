"""The house: which room may import which, what a room may load, and what lies in a room's folder."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINE = ["streaming", "testkit", "emulator", "plugins"]
ROOMS = [*LINE, "fixtures"]
THIRD_PARTY = {
    "aiohttp",
    "anyio",
    "botocore",
    "cfnlint",
    "click",
    "dotenv",
    "freezegun",
    "httptools",
    "hypothesis",
    "pytest",
    "syrupy",
    "time_machine",
    "watchfiles",
}


def sources(room: str) -> list[Path]:
    """The Python files of a room, but for the handlers among the fixtures: those are written as users write them."""
    package = ROOT / room / f"apptheory_{room}"
    return sorted(path for path in package.rglob("*.py") if package / "handlers" not in path.parents)


def imported(path: Path) -> Iterator[str]:
    """The top-level names that a file imports, at any depth of the code."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_that_stand_before_it(room: str) -> None:
    """The line is streaming <- testkit <- emulator <- plugins; fixtures is data and imports none of them."""
    before = LINE[: LINE.index(room) + 1] if room in LINE else ["fixtures"]
    allowed = {f"apptheory_{name}" for name in before} | {"apptheory_fixtures"}

    for path in sources(room):
        ours = {name for name in imported(path) if name.startswith("apptheory_")}

        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {sorted(ours - allowed)}"


@pytest.mark.parametrize(
    ("room", "allowed"),
    [
        ("streaming", set[str]()),
        ("testkit", {"anyio", "freezegun", "hypothesis", "jsonschema", "time_machine"}),  # where a test asks for them
        (
            "emulator",
            {"aiohttp", "botocore", "cfnlint", "click", "dotenv", "httptools", "multidict", "watchfiles", "yarl"},
        ),
        ("plugins", {"anyio", "hypothesis", "pytest", "syrupy"}),
        ("fixtures", set[str]()),
    ],
)
def test_a_room_imports_only_its_own_dependencies(room: str, allowed: set[str]) -> None:
    """Streaming and fixtures need the standard library alone; only plugins knows pytest."""
    known = sys.stdlib_module_names | {f"apptheory_{name}" for name in ROOMS} | allowed

    for path in sources(room):
        unknown = set(imported(path)) - known

        assert not unknown, f"{path.relative_to(ROOT)} imports {sorted(unknown)}"


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("apptheory_streaming", THIRD_PARTY | {"apptheory_testkit", "apptheory_emulator", "apptheory_plugins"}),
        ("apptheory_testkit", THIRD_PARTY | {"apptheory_emulator", "apptheory_plugins"}),
        ("apptheory_emulator", THIRD_PARTY - {"aiohttp"} | {"apptheory_testkit", "apptheory_plugins"}),
        ("apptheory_fixtures", THIRD_PARTY | {"apptheory_streaming", "asyncio"}),
        ("apptheory_plugins.pytest_plugin", THIRD_PARTY - {"pytest"} | {"apptheory_streaming", "apptheory_testkit"}),
    ],
)
def test_importing_one_room_loads_no_other_rooms_dependencies(module: str, forbidden: set[str]) -> None:
    """What a fresh interpreter has loaded after the import holds nothing of the other rooms."""
    script = f"import sys, {module}; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT / "docs")

    assert not forbidden & set(done.stdout.split())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_folder_holds_one_package_and_nothing_else_to_import(room: str) -> None:
    """In an editable install the folder is on sys.path, so a stray module would be importable by users."""
    entries = {path.name for path in (ROOT / room).iterdir()} - {"README.md", "__pycache__"}

    assert entries == {f"apptheory_{room}"}
    assert (ROOT / room / f"apptheory_{room}" / "py.typed").is_file()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_folder_is_no_package_itself(room: str) -> None:
    """`import testkit` must not work outside the repository, nor by an install."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {room}"], capture_output=True, text=True, check=False, cwd="/"
    )

    assert "ModuleNotFoundError" in done.stderr


def test_no_file_is_longer_than_400_lines_and_no_function_body_than_30() -> None:
    """A file is one noun; a function does one thing.  The lines of its signature and its docstring do not count."""
    long: list[str] = []
    for path in [path for room in ROOMS for path in sources(room)]:
        text = path.read_text()
        name = str(path.relative_to(ROOT))
        if text.count("\n") > 400:
            long.append(name)
        long += [
            f"{name}:{node.lineno} {node.name} ({body_lines(node)} lines)"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > 30
        ]

    assert not long


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines the code of a function has, from its first statement behind the docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
