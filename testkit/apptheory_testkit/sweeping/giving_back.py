"""Whether a `finally` block gives back what was there before its function began, as far as its text tells.

A block that does nothing of the kind missed nothing when its function never began.  The text does
not tell everything, so what is not sure counts as no: a probe sees what is missed here.
"""

import ast
import functools
import logging
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinMethodType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from apptheory_testkit.places import is_library

__all__ = ["gives_back"]

_LOGGING = frozenset({"critical", "debug", "error", "exception", "info", "log", "warning"})
_VALUES = (str, bytes, int, float, complex, type(None))
_FUNCTIONS = (FunctionType, MethodType, BuiltinMethodType)
_PLAIN = (*_VALUES, *_FUNCTIONS, type, ModuleType, logging.Logger)
_UNKNOWN = object()


def gives_back(block: ast.Try | ast.TryStar, frame: FrameType) -> bool:
    """Whether the `finally` of this block, the first of a function that has not begun, is for what was there before.

    It must set or delete something from outside the function, or call a method of something from
    there, or a function of the user's.  It must use nothing that the function makes.  And the `try`
    must not be able to claim what is given back: beside what it yields and loops over, it calls
    only library functions and sets only names of its own.
    """
    scope = _Scope.of(frame)
    guarded = [*block.body, *block.handlers, *block.orelse]
    return (
        any(scope.is_set(node) or scope.is_given_up(node) for node in _nodes(block.finalbody))
        and not scope.uses_made(block.finalbody, by=guarded)
        and not any(scope.is_set(node) or scope.may_claim(node) for node in _nodes(guarded, without_items=True))
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    """The names of a function that has not begun: those it makes itself, and the others with their values."""

    own: frozenset[str]
    arguments: frozenset[str]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, frame: FrameType) -> "_Scope":
        code, given = frame.f_code, dict(frame.f_locals)
        local = {*code.co_varnames, *code.co_cellvars}
        return cls(
            frozenset(local - given.keys()),
            frozenset(local & given.keys()),
            ChainMap(given, frame.f_globals, frame.f_builtins),
        )

    def is_set(self, node: ast.AST) -> bool:
        """Whether a node sets or deletes something of outside: an attribute, an item, or a name."""
        if not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            return False
        if isinstance(node, ast.Name):
            return node.id not in self.own | self.arguments
        return isinstance(node, ast.Attribute | ast.Subscript) and self._resolved(node)[0] is not _UNKNOWN

    def is_given_up(self, node: ast.AST) -> bool:
        """Whether a node calls what may give something back."""
        if not isinstance(node, ast.Call):
            return False
        target, path = self._resolved(node.func)
        if path:
            return _holds(target) and path[-1] not in _LOGGING
        if _is(target, (MethodType, BuiltinMethodType)):
            return _holds(target.__self__)
        return _is(target, (FunctionType,)) and not is_library(target.__code__)

    def may_claim(self, node: ast.AST) -> bool:
        """Whether a node calls anything but a library function, or a method of what the function made itself."""
        if not isinstance(node, ast.Call):
            return False
        target, path = self._resolved(node.func)
        if target is _UNKNOWN:
            return self._root(node.func) not in self.own
        if path:
            return path[-1] not in _LOGGING and not _is(target, _VALUES)
        if isinstance(target, type):
            return target.__module__ != "builtins" and not issubclass(target, BaseException)
        return self.is_given_up(node) or not _is(target, _FUNCTIONS)

    def uses_made(self, statements: Iterable[ast.AST], *, by: Iterable[ast.AST]) -> bool:
        """Whether statements use a name that others make before them."""
        made = (self.own - _set_names(statements)) | _set_names(by)
        return any(isinstance(node, ast.Name) and node.id in made for node in _nodes(statements))

    def _root(self, node: ast.AST) -> str | None:
        return next((each.id for each in _chain(node) if isinstance(each, ast.Name)), None)

    def _resolved(self, node: ast.AST) -> tuple[Any, list[str]]:
        """Give the object that an expression begins with, behind modules, and what is asked of it."""
        *links, root = _chain(node)
        value: Any = root.value if isinstance(root, ast.Constant) else _UNKNOWN
        if isinstance(root, ast.Name) and root.id not in self.own:
            value = self.values.get(root.id, _UNKNOWN)
        path = [each.attr if isinstance(each, ast.Attribute) else "" for each in reversed(links)]
        while path and _is(value, (ModuleType,)):
            value = vars(value).get(path.pop(0), _UNKNOWN)
        while not path and _is(value, (functools.partial,)):
            value = value.func
        return value, path


def _holds(value: object) -> bool:
    """Whether something may be claimed of a value: it is no plain one, no function and no logger."""
    return value is not _UNKNOWN and not _is(value, _PLAIN)


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    """As isinstance, but without asking the value, which may stand for another that is not there yet."""
    return issubclass(type(value), kinds)


def _set_names(statements: Iterable[ast.AST]) -> set[str]:
    return {node.id for node in _nodes(statements) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _chain(node: ast.AST) -> Iterator[ast.AST]:
    """The links of `a.b().c`, from the last to the first; nothing else is one."""
    while True:
        yield node
        match node:
            case ast.Attribute() | ast.Subscript() | ast.Await():
                node = node.value
            case ast.Call():
                node = node.func
            case _:
                return


def _nodes(statements: Iterable[ast.AST], *, without_items: bool = False) -> Iterator[ast.AST]:
    """All nodes, if asked without what is yielded and looped over."""
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        yield node
        skipped = _items(node) if without_items else None
        waiting.extend(each for each in ast.iter_child_nodes(node) if each is not skipped)


def _items(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.For() | ast.AsyncFor():
            return node.iter
        case ast.Yield() | ast.YieldFrom():
            return node.value
        case _:
            return None
