"""Where the `finally` blocks of a generator stand, read from its source."""

import ast
import linecache
from collections.abc import Iterator
from pathlib import Path
from types import AsyncGeneratorType, CodeType, FrameType, GeneratorType
from typing import Any, Union

import apptheory_streaming

__all__ = [
    "Generators",
    "code_of",
    "finally_around",
    "first_finally",
    "frame_of",
    "generators_in",
    "is_ours",
    "place_in",
]

Generators = Union["GeneratorType[Any, Any, Any]", "AsyncGeneratorType[Any, Any]"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_OURS = (str(Path(apptheory_streaming.__file__).parent), str(Path(__file__).parent))


def is_ours(code: CodeType) -> bool:
    """Whether code is this project's own, of which nobody needs to hear."""
    return code.co_filename.startswith(_OURS)


def place_in(code: CodeType, line: int) -> str:
    """Name a line of code as `handlers.py:35`."""
    return f"{Path(code.co_filename).name}:{line}"


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


def code_of(generator: Generators) -> CodeType:
    """Give the code of a generator, also of a closed one."""
    return generator.ag_code if isinstance(generator, AsyncGeneratorType) else generator.gi_code


def first_finally(code: CodeType) -> int | None:
    """Give the line of the `finally` block that guards a whole function, from its first statement on."""
    function = _function(code)
    if function is None:
        return None
    statements = [each for each in function.body if not _makes_nothing(each)]
    return _finally_line(statements[0]) if statements else None


def finally_around(code: CodeType, line: int) -> int | None:
    """Give the line of the innermost `finally` block that guards this line."""
    function = _function(code)
    found = None
    for node in _own_nodes(function) if function is not None else ():
        guarded = _finally_line(node)
        if guarded is not None and node.lineno <= line < guarded:
            found = guarded  # the nodes come from the outside in
    return found


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
