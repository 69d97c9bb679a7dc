"""JSON that reads line by line: what is small stands in one line, so that a chunk is a line of a difference."""

import json
from typing import Any

__all__ = ["render_json"]

LINE = 110
INDENT = 2


def render_json(value: Any, *, depth: int = 0) -> str:
    """Give a value as JSON, UTF-8, with objects and lists of plain values in one line where they fit."""
    if not isinstance(value, dict | list) or not value or _is_leaf(value, depth):
        return _compact(value)
    inner = " " * INDENT * (depth + 1)
    if isinstance(value, dict):
        opening, closing = "{", "}"
        items = [f"{_compact(str(name))}: {render_json(each, depth=depth + 1)}" for name, each in value.items()]
    else:
        opening, closing = "[", "]"
        items = [render_json(each, depth=depth + 1) for each in value]
    lines = ",\n".join(f"{inner}{item}" for item in items)
    return f"{opening}\n{lines}\n{' ' * INDENT * depth}{closing}"


def _is_leaf(value: dict[Any, Any] | list[Any], depth: int) -> bool:
    """Whether nothing in it is a container, and it is short; a chunk stays one line however long."""
    each = list(value.values()) if isinstance(value, dict) else value
    if any(isinstance(item, dict | list) for item in each):
        return False
    is_piece = isinstance(value, dict) and set(value) == {"encoding", "value"}
    return is_piece or len(_compact(value)) + INDENT * depth <= LINE


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
