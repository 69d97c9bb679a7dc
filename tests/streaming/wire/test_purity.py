"""The pure package stays pure: no loop, clock, socket, thread, process or source of randomness."""

import ast
from pathlib import Path

import pytest

import apptheory_streaming.errors
import apptheory_streaming.options
import apptheory_streaming.wire

ALLOWED = {
    "base64",
    "binascii",
    "collections.abc",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "json",
    "re",
    "struct",
    "types",
    "typing",
    "urllib.parse",
    "apptheory_streaming.errors",
    "apptheory_streaming.options",
}
ALLOWED_NAMES = {"importlib": {"import_module"}, "uuid": {"UUID"}, "zlib": {"crc32"}}
# A type, what may load orjson alone, and a checksum.
WIRE = "apptheory_streaming.wire"
# Ways to a clock, a file or a terminal that need no further import.
FORBIDDEN_CALLS = {"now", "utcnow", "today", "open", "print", "input", "__import__", "eval", "exec", "breakpoint"}

FOLDER = Path(apptheory_streaming.wire.__path__[0])
MODULES = sorted(FOLDER.rglob("*.py"))


def impurities(source: str) -> set[str]:
    """What a module imports or calls that pure code must not, at any depth of it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if not is_allowed(alias.name))
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            names = {alias.name for alias in node.names}
            found.update([] if is_allowed(name) or names <= ALLOWED_NAMES.get(name, set()) else [name])
        elif isinstance(node, ast.Call):
            name = called_name(node.func)
            loads = name == "import_module" and [ast.unparse(each) for each in node.args] != ["'orjson'"]
            found.update([name] if name in FORBIDDEN_CALLS or loads else [])
    return found


def is_allowed(name: str) -> bool:
    return name in ALLOWED or name == WIRE or name.startswith(f"{WIRE}.")


def called_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


@pytest.mark.parametrize("module", MODULES, ids=[str(path.relative_to(FOLDER)) for path in MODULES])
def test_a_module_of_wire_is_pure(module: Path) -> None:
    """D1: no module of wire imports from outside the list, or reaches for a clock, a file or a terminal."""
    assert impurities(module.read_text(encoding="utf-8")) == set()


def test_errors_and_options_are_pure() -> None:
    """D1: the modules outside that wire imports obey the same list."""
    assert impurities(Path(str(apptheory_streaming.errors.__file__)).read_text(encoding="utf-8")) == set()
    assert impurities(Path(str(apptheory_streaming.options.__file__)).read_text(encoding="utf-8")) == set()


def test_all_modules_are_looked_at() -> None:
    """D1: the test sees the package with its sub-packages, not an empty folder."""
    names = {path.relative_to(FOLDER).as_posix() for path in MODULES}
    assert {"__init__.py", "head.py", "prelude.py", "events/function_url.py"} <= names


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import asyncio", "asyncio"),
        ("import json, time", "time"),
        ("import os.path as p", "os.path"),
        ("from random import choice", "random"),
        ("from urllib import request", "urllib"),
        ("import urllib.request", "urllib.request"),
        ("from collections import OrderedDict", "collections"),
        ("from apptheory_streaming.writer import Sink", "apptheory_streaming.writer"),
        ("from apptheory_streaming import wire", "apptheory_streaming"),
        ("from . import head", "."),
        ("def f():\n    import socket", "socket"),
        ("if 0:\n    from threading import Thread", "threading"),
        ("x = datetime.now(UTC)", "now"),
        ("x = date.today()", "today"),
        ("open('f')", "open"),
        ("__import__('uuid')", "__import__"),
        ("from uuid import UUID, uuid4", "uuid"),
        ("from importlib import reload", "importlib"),
        ("import_module('time')", "import_module"),
        ("import_module(name)", "import_module"),
    ],
)
def test_what_is_impure_is_found(source: str, found: str) -> None:
    """D1: the check itself can fail: it finds each of these."""
    assert impurities(source) == {found}
