"""The public surface: every module's `__all__` is sorted and true, every package re-exports from one."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
ROOMS = ["streaming", "testkit", "emulator", "plugins", "fixtures"]
FILES = sorted(path for room in ROOMS for path in (ROOT / room / f"apptheory_{room}").rglob("*.py"))
HANDLERS = ROOT / "fixtures" / "apptheory_fixtures" / "handlers"  # written as users write them, without `__all__`
LIBRARY = [  # pytest finds hooks by their names
    path for path in FILES if path.name != "pytest_plugin.py" and HANDLERS not in path.parents
]


def module_name(path: Path) -> str:
    """The dotted name of a file in a room."""
    parts = path.relative_to(ROOT).with_suffix("").parts[1:]
    return ".".join(part for part in parts if part != "__init__")


def public_definitions(path: Path) -> set[str]:
    """The functions and classes that a file defines at its top and does not mark as private."""
    tree = ast.parse(path.read_text())
    return {node.name for node in definitions(tree)}


def definitions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """The public functions and classes at the top of a module."""
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    return [node for node in found if not node.name.startswith("_")]


def test_all_is_sorted_and_names_what_is_there() -> None:
    """A name in `__all__` can be imported; the list is in isort's order: CONSTANTS, Classes, functions."""
    exports = {name: list(getattr(module, "__all__", [])) for name, module in modules()}
    sorted_exports = {name: sorted(names, key=isort_key) for name, names in exports.items()}

    assert exports == sorted_exports
    assert [f"{name}.{each}" for name, module in modules() for each in exports[name] if not hasattr(module, each)] == []


def isort_key(name: str) -> tuple[bool, bool, str]:
    """CONSTANTS before Classes before functions."""
    return (not name.isupper(), not name[0].isupper(), name)


def modules() -> list[tuple[str, ModuleType]]:
    """The modules of the library by their names."""
    return [(module_name(path), importlib.import_module(module_name(path))) for path in LIBRARY]


def test_every_public_definition_is_exported() -> None:
    """What has no underscore is in `__all__`; what is not for others has one."""
    exports = {name: set(getattr(module, "__all__", [])) for name, module in modules()}
    missing = {module_name(path): public_definitions(path) - exports[module_name(path)] for path in LIBRARY}

    assert {name: names for name, names in missing.items() if names} == {}


def test_every_module_and_public_definition_says_what_it_is() -> None:
    """Each has a docstring that begins with a whole sentence."""
    assert len(FILES) > 300
    assert [undocumented for path in FILES for undocumented in undocumented_in(path)] == []


def undocumented_in(path: Path) -> list[str]:
    """What in a file has no such docstring."""
    tree = ast.parse(path.read_text())
    documented = [(path.stem, ast.get_docstring(tree))]
    documented += [(node.name, ast.get_docstring(node)) for node in definitions(tree) if not is_overload(node)]
    return [f"{module_name(path)}: {name}" for name, text in documented if not first_line(text).endswith((".", ":"))]


def is_overload(node: ast.stmt) -> bool:
    """Whether a definition says only how another may be called."""
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(each, ast.Name) and each.id == "overload" for each in decorators)


def first_line(text: str | None) -> str:
    """The first line of a docstring, or nothing."""
    return (text or "").partition("\n")[0]
