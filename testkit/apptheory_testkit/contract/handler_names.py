"""The handlers that documents name, from a module of the user."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from apptheory_streaming.errors import TargetError
from apptheory_streaming.handlers import Handler
from apptheory_streaming.target import LazyHandler, load_module

__all__ = ["Handlers", "check_imports", "find_handler", "load_handlers"]

Handlers = Mapping[str, Handler | str]
"""Name -> a handler, or the target of one such as `app.main:handler`."""


def find_handler(name: str, handlers: Handlers) -> Handler | None:
    """Give the handler of a name, None where there is none; raises TargetError for a target that cannot be had."""
    handler = handlers.get(name)
    return None if handler is None else LazyHandler(handler).load()


def load_handlers(place: str) -> Handlers:
    """Give the handlers of a module, or of a Python file: its HANDLERS, else its public functions.

    The module is looked up from the current folder.  Raises TargetError for one that cannot be had, or has none.
    """
    check_imports(place)
    module = load_module(place)
    handlers = getattr(module, "HANDLERS", None)
    found = _functions(module) if handlers is None else _checked(place, handlers)
    if not found:
        raise TargetError(f"{place!r} has no handlers: give it public functions, or a mapping HANDLERS")
    return found


def check_imports(place: str) -> None:
    """Raise TargetError for a Python file that imports the module of its own name, which would be itself."""
    file = Path(place)
    if file.suffix != ".py" or not file.is_file():
        return
    loaded = getattr(sys.modules.get(file.stem), "__file__", None)
    is_free = loaded is None and file.stem not in sys.stdlib_module_names
    if (is_free or loaded == str(file.resolve())) and file.stem in _imports(file):
        raise TargetError(
            f"{place!r} imports {file.stem!r}, which is its own name: of two files {file.name} only one can be that "
            "module, so rename one"
        )


def _imports(file: Path) -> Iterator[str]:
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError):  # which importing it tells
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module


def _functions(module: ModuleType) -> Handlers:
    """Those that it defines itself: what it imports is no handler of a document."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and inspect.isroutine(value) and value.__module__ == module.__name__
    }


def _checked(place: str, handlers: Any) -> Handlers:
    if not isinstance(handlers, Mapping):
        raise TargetError(f"HANDLERS of {place!r} must map names to handlers, not be of type {type(handlers).__name__}")
    for name, handler in handlers.items():
        if not isinstance(name, str) or not (callable(handler) or isinstance(handler, str)):
            raise TargetError(f"HANDLERS of {place!r} maps {name!r} to {handler!r}, which is no handler")
    return dict(handlers)
