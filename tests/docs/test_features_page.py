"""The page on features names tests that there are, and each feature once."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "features.md").read_text()
ROWS = re.findall(r"^\| ([A-E]\d\d) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)


def files(cell: str) -> list[Path]:
    """The files that a row names."""
    return [ROOT / name for name in re.findall(r"`([^`]+)`", cell)]


def has_a_test(path: Path) -> bool:
    """Whether pytest would find a test in a Python file."""
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return path.name.startswith("test_") and any(name.startswith("test_") for name in functions)


def test_every_feature_names_files_that_hold_tests() -> None:
    """A row without a test is a claim without a proof."""
    named = {feature: files(cell) for feature, _, cell in ROWS}
    tests = {path: path.is_file() and has_a_test(path) for paths in named.values() for path in paths}

    assert {feature for feature, paths in named.items() if not paths} == set()
    assert [(feature, str(path)) for feature, paths in named.items() for path in paths if not tests[path]] == []


def test_every_feature_stands_once_and_in_order() -> None:
    """Every row was read, so none escapes by a slip of its format."""
    ids = [feature for feature, _, _ in ROWS]

    assert ids == sorted(set(ids))
    assert len(ids) == len(re.findall(r"^\| \w\d", PAGE, re.MULTILINE))
