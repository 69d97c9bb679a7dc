"""Where the `finally` blocks of a generator stand, read from its source."""

import ast
import functools
import linecache
from collections.abc import Iterator
from types import AsyncGeneratorType, CodeType, FrameType, GeneratorType
from typing import Any, Union

from apptheory_testkit.sweeping.giving_back import gives_back

__all__ = ["Generators", "finally_around", "frame_of", "generator_code", "generators_in", "guarding_finally"]

Generators = Union["GeneratorType[Any, Any, Any]", "AsyncGeneratorType[Any, Any]"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def generators_in(body: object) -> list[Generators]:
    """Give a body that has not begun, if it is a generator, and the generators that it was made with."""
    found: list[Generators] = []
    waiting = [body]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, GeneratorType | AsyncGeneratorType) or each in found:
            continue
        found.append(each)
        frame = frame_of(each)
        waiting.extend(frame.f_locals.values() if frame is not None else ())
    return found


def frame_of(generator: Generators) -> FrameType | None:
    """Give the frame of a generator; None when it is closed."""
    frame: FrameType | None = getattr(generator, "ag_frame", None) or getattr(generator, "gi_frame", None)
    return frame


def generator_code(generator: Generators) -> CodeType:
    """Give the code of a generator, also of a closed one."""
    return generator.ag_code if isinstance(generator, AsyncGeneratorType) else generator.gi_code


def guarding_finally(generator: Generators) -> int | None:
    """Give the line of the `finally` that gives back what was there before a generator that has not begun.

    It guards the whole function, from its first statement on; one further down guards what the
    function made above it.
    """
    frame, function = frame_of(generator), _function(generator_code(generator))
    if frame is None or function is None:
        return None
    first = next((each for each in function.body if not _makes_nothing(each)), None)
    if not isinstance(first, ast.Try | ast.TryStar) or not gives_back(first, frame):
        return None
    return _finally_line(first)


def finally_around(code: CodeType, line: int) -> int | None:
    """Give the line of the innermost `finally` block that guards this line."""
    function = _function(code)
    found = None
    for node in _own_nodes(function) if function is not None else ():
        guarded = _finally_line(node)
        if guarded is not None and node.lineno <= line < guarded:
            found = guarded  # the nodes come from the outside in
    return found


@functools.lru_cache(maxsize=64)
def _function(code: CodeType) -> _Function | None:
    source = "".join(linecache.getlines(code.co_filename))
    try:
        tree = ast.parse(source)
    except SyntaxError:  # not what was compiled
        return None
    for node in ast.walk(tree):
        if isinstance(node, _Function) and node.name == code.co_name:
            lines = {node.lineno, *(decorator.lineno for decorator in node.decorator_list)}
            if code.co_firstlineno in lines:
                return node
    return None


def _own_nodes(function: _Function) -> Iterator[ast.stmt]:
    """The statements of a function without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, _Function | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _finally_line(node: ast.AST) -> int | None:
    if isinstance(node, ast.Try | ast.TryStar) and node.finalbody:
        return node.finalbody[0].lineno
    return None


def _makes_nothing(node: ast.stmt) -> bool:
    """Whether a statement is a docstring or only says which names are meant."""
    if isinstance(node, ast.Global | ast.Nonlocal | ast.Pass):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
