"""Which handler of a document takes its request."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apptheory_streaming.errors import AppError
from apptheory_testkit.contract.paths import wrong_path

__all__ = ["Route", "RouteMatch", "match_route", "wrong_route"]

_PARAMETER = re.compile(r"\{([^{}+]+)(\+?)\}")
_BRACES = re.compile(r"[{}]")


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path such as `/files/{name}` in its percent-encoded form, and the name of a handler."""

    method: str
    path: str
    handler: str

    def __str__(self) -> str:
        """Give what it takes, such as `GET /files/{name}`."""
        return f"{self.method.upper()} {self.path}"


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The handler that takes a request, and the parameters of its path, as they stood in it.

    Without a handler, `error` is what the client gets; without both the runner answers by itself.
    """

    handler: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    error: AppError | None = None


def match_route(routes: Sequence[Route], method: str, path: str) -> RouteMatch:
    """Find the most exact route: text before `{name}`, that before `{name+}`; the first of equal ones.

    A slash at the end counts, and so does the case of letters.
    """
    found = [(route, _parameters(route.path, path)) for route in routes]
    matches = [(route, parameters) for route, parameters in found if parameters is not None]
    taken = [each for each in matches if each[0].method.upper() == method]
    if taken:
        route, parameters = min(taken, key=lambda each: _generality(each[0].path))
        return RouteMatch(route.handler, parameters)
    if matches:
        return RouteMatch(error=AppError("app.method_not_allowed", "method not allowed"))
    return RouteMatch(error=AppError("app.not_found", "not found"))


def wrong_route(path: str) -> str | None:
    """Say what is wrong with the path of a route and what to write instead; None for a good one."""
    *before, _last = segments = path.split("/")
    for segment in segments:
        if _BRACES.search(segment) and not _PARAMETER.fullmatch(segment):
            return f'"{path}" has braces in "{segment}": a parameter is a whole segment, as in "/files/{{name}}"'
    for segment in before:
        if segment.endswith("+}"):
            one = segment.replace("+", "")
            return f'"{path}" goes on behind {segment}, which takes the whole rest: write {one} for one segment'
    return wrong_path(path)


def _generality(path: str) -> list[int]:
    """Segment by segment: text before a parameter before the rest."""
    found = map(_PARAMETER.fullmatch, path.split("/"))
    return [0 if each is None else 2 if each[2] else 1 for each in found]


def _parameters(route: str, path: str) -> dict[str, str] | None:
    """What stands for the parameters of a route; None where the path is not its."""
    wanted = route.split("/")
    last = _PARAMETER.fullmatch(wanted[-1])
    given = path.split("/", len(wanted) - 1 if last is not None and last[2] else -1)
    if len(given) != len(wanted):
        return None
    found: dict[str, str] = {}
    for part, value in zip(wanted, given, strict=True):
        parameter = _PARAMETER.fullmatch(part)
        if (part != value) if parameter is None else not value:
            return None
        if parameter is not None:
            found[parameter[1]] = value
    return found
