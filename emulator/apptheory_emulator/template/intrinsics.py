"""What the intrinsic functions of a template stand for, without asking AWS.

Values that only AWS knows stay as `${Name}` and `${Name.Attribute}`, also inside of longer texts, so that a reader sees
what is missing and a rule what is referred to.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

__all__ = ["Intrinsics", "as_list", "as_mapping", "unknowns"]

_UNKNOWN = re.compile(r"\$\{([^{}!]+)\}|\{\{resolve:([^{}]+)\}\}")
_VARIABLE = re.compile(r"\$\{(!?)([^{}]+)\}")
_NO_VALUE = object()
_LONGEST_CHAIN = 50
_LONGEST_TEXT = 1024 * 1024
"""A template has no more than this itself; texts that hold each other twice over would outgrow any memory."""


class Intrinsics:
    """The parameters, mappings and conditions of one template, and what its values come to with them.

    Parameters have their defaults, or what `parameters` says.
    """

    def __init__(self, template: Mapping[str, Any], *, parameters: Mapping[str, Any] | None = None) -> None:
        """Take what values may refer to."""
        self._parameters = as_mapping(template.get("Parameters"))
        self._given = parameters or {}
        self._mappings = as_mapping(template.get("Mappings"))
        self._conditions = as_mapping(template.get("Conditions"))
        self._depth = 0
        self._found: dict[str, bool | None] = {}

    def value(self, node: object) -> Any:
        """Give plain data: None for what is no value, `${…}` for what only AWS knows."""
        found = self._value(node)
        return None if found is _NO_VALUE else found

    def _value(self, node: object) -> Any:
        if isinstance(node, Mapping):
            return self._call(node) if _is_call(node) else self._mapping(node)
        if isinstance(node, list):
            return [value for value in map(self._value, node) if value is not _NO_VALUE]
        return str(node) if isinstance(node, str) else node

    def _mapping(self, node: Mapping[Any, Any]) -> dict[str, Any]:
        values = ((str(key), self._value(value)) for key, value in node.items())
        return {key: value for key, value in values if value is not _NO_VALUE}

    def _call(self, node: Mapping[str, Any]) -> Any:
        ((name, argument),) = node.items()
        call = _CALLS.get(name)
        known = self._guarded(call, argument) if call else None
        return f"${{{str(name).removeprefix('Fn::')}}}" if known is None else known

    def _guarded(self, call: Callable[["Intrinsics", Any], Any], argument: object) -> Any:
        """The value, or None for an argument that has not the form it should have; that is others' to report."""
        self._depth += 1
        try:
            return call(self, argument) if self._depth < _LONGEST_CHAIN else None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return None
        finally:
            self._depth -= 1

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._given:
            return self._given[name]
        parameter = as_mapping(self._parameters.get(name))
        if "Default" not in parameter:
            return f"${{{name}}}"
        default = _literal(parameter["Default"])
        is_list = "List" in str(parameter.get("Type"))
        return [each.strip() for each in str(default).split(",")] if is_list else default

    def _get_att(self, argument: list[str] | str) -> str:
        return f"${{{argument if isinstance(argument, str) else '.'.join(map(str, argument))}}}"

    def _sub(self, argument: list[Any] | str) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
        variables = {name: self._value(each) for name, each in given.items()}
        return _joined(self._pieces(str(text), variables))

    def _pieces(self, text: str, variables: Mapping[str, Any]) -> Iterator[str]:
        at = 0
        for found in _VARIABLE.finditer(text):
            yield text[at : found.start()]
            at = found.end()
            literal, name = found.groups()
            value = f"${{{name}}}" if literal else variables[name] if name in variables else self._ref(name)
            yield "" if value is _NO_VALUE else str(value)
        yield text[at:]

    def _join(self, argument: list[Any]) -> str:
        separator, parts = argument
        known = self._value(parts)
        return _joined(f"{separator if at else ''}{each}" for at, each in enumerate(known))

    def _select(self, argument: list[Any]) -> Any:
        index, values = (self._value(each) for each in argument)
        return values[int(index)] if isinstance(values, list) else None

    def _split(self, argument: list[Any]) -> list[str] | None:
        separator, text = (self._value(each) for each in argument)
        return None if unknowns(text) else str(text).split(separator)

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = (self._value(each) for each in argument[:3])
        return _literal(self._mappings[name][first][second])

    def _if(self, argument: list[Any]) -> Any:
        name, then, otherwise = argument
        holds = self._holds({"Condition": name})
        return None if holds is None else self._value(then if holds else otherwise)

    def _holds(self, condition: object) -> bool | None:
        """Whether a condition holds; None when only AWS can know."""
        if not isinstance(condition, Mapping) or len(condition) != 1:
            return None
        ((name, argument),) = condition.items()
        if name == "Condition":
            named: bool | None = self._guarded(Intrinsics._named, argument)
            return named
        if name == "Fn::Equals":
            left, right = (self._value(each) for each in argument)
            return None if unknowns(left) or unknowns(right) else str(left) == str(right)
        parts = [self._holds(each) for each in argument]
        if name == "Fn::Not":
            return None if parts[0] is None else not parts[0]
        decisive = name == "Fn::Or"
        return decisive if decisive in parts else None if None in parts else not decisive

    def _named(self, name: str) -> bool | None:
        if name not in self._found:
            self._found[name] = None  # what asks for itself on the way is known to nobody
            self._found[name] = self._holds(self._conditions[name])
        return self._found[name]


def as_mapping(value: object) -> Mapping[str, Any]:
    """Give a mapping, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """Give a list: of the value alone when it is none, an empty one for None."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def unknowns(value: object) -> list[str]:
    """Name what only AWS knows of a value, which may be nested."""
    if isinstance(value, str):
        return [found[1] or f"resolve:{found[2]}" for found in _UNKNOWN.finditer(value)]
    if isinstance(value, Mapping):
        return [name for each in value.values() for name in unknowns(each)]
    return [name for each in value for name in unknowns(each)] if isinstance(value, list) else []


def _is_call(node: Mapping[Any, Any]) -> bool:
    name = str(next(iter(node), ""))
    return len(node) == 1 and (name == "Ref" or name.startswith("Fn::"))


def _literal(value: object) -> Any:
    """Give a value of a place where no function may stand; raises TypeError for one."""
    if isinstance(value, Mapping):
        raise TypeError
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return str(value) if isinstance(value, str) else value


def _joined(parts: Iterable[str]) -> str:
    """Join texts; raises ValueError when it becomes too long a one."""
    found, size = [], 0
    for part in parts:
        size += len(part)
        if size > _LONGEST_TEXT:
            raise ValueError
        found.append(part)
    return "".join(found)


_CALLS: Mapping[str, Callable[[Intrinsics, Any], Any]] = {
    "Ref": Intrinsics._ref,  # noqa: SLF001 - the table of the class above
    "Fn::GetAtt": Intrinsics._get_att,  # noqa: SLF001
    "Fn::Sub": Intrinsics._sub,  # noqa: SLF001
    "Fn::Join": Intrinsics._join,  # noqa: SLF001
    "Fn::Select": Intrinsics._select,  # noqa: SLF001
    "Fn::Split": Intrinsics._split,  # noqa: SLF001
    "Fn::FindInMap": Intrinsics._find_in_map,  # noqa: SLF001
    "Fn::If": Intrinsics._if,  # noqa: SLF001
}
