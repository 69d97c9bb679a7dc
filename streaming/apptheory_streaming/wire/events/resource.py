"""Which resource of an API a path belongs to, and what stands for its parameters.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html: a
whole path wins over one with parameters, and `{name+}`, which takes the rest of a path, comes last.
REST APIs choose in the same order.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ResourceMatch", "find_resource"]

_PARAMETER = re.compile(r"\{([^{}+]+)\}")
_REST = re.compile(r"\{([^{}+]+)\+\}")


@dataclass(frozen=True, slots=True)
class ResourceMatch:
    """A resource such as `/files/{name}`, and name -> the part of the path, as it stood in it."""

    resource: str
    parameters: dict[str, str]


def find_resource(path: str, resources: Iterable[str]) -> ResourceMatch | None:
    """Give the most exact resource that a path belongs to, None if there is none.

    A slash at the end of a path is not significant (inferred).
    """
    for resource in sorted(resources, key=_generality):
        parameters = _match(resource, path)
        if parameters is not None:
            return ResourceMatch(resource, parameters)
    return None


def _generality(resource: str) -> tuple[list[int], int]:
    """Segment by segment: text before a parameter before the rest; a longer path before a shorter one."""
    ranks = [2 if _REST.fullmatch(part) else 1 if _PARAMETER.fullmatch(part) else 0 for part in _segments(resource)]
    return ranks, -len(ranks)


def _match(resource: str, path: str) -> dict[str, str] | None:
    wanted, given = _segments(resource), _segments(path)
    found: dict[str, str] = {}
    for index, part in enumerate(wanted):
        rest = _REST.fullmatch(part)
        if rest is not None:
            found[rest[1]] = "/".join(given[index:])
            return found if found[rest[1]] else None
        parameter = _PARAMETER.fullmatch(part)
        if index >= len(given) or (parameter is None and part != given[index]) or not given[index]:
            return None
        if parameter is not None:
            found[parameter[1]] = given[index]
    return found if len(given) == len(wanted) else None


def _segments(path: str) -> list[str]:
    text = path.removeprefix("/").removesuffix("/")
    return text.split("/") if text else []
