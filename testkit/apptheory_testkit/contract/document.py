"""Contract documents: one case of the streaming contract in one JSON file."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.contract.case_options import CaseOptions, Tier
from apptheory_testkit.contract.cors import Cors, is_preflight
from apptheory_testkit.contract.document_error import DocumentError, pointer_of
from apptheory_testkit.contract.expected import ExpectedResponse
from apptheory_testkit.contract.foreign import why_foreign
from apptheory_testkit.contract.requests import request_of_event, request_of_parts
from apptheory_testkit.contract.routes import Route, wrong_route
from apptheory_testkit.contract.schema import schema_faults

__all__ = ["SUFFIX", "ContractCase", "ContractDocument", "parse_document", "read_document"]

SUFFIX = ".stream.json"
"""How the names of contract documents end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCase:
    """What a document says: routes, a request, and the response; `event` is what the handler gets instead of its own.

    `ours` are further expectations, as JSON.
    """

    tier: Tier
    routes: tuple[Route, ...]
    cors: Cors | None
    options: CaseOptions
    request: HttpRequest
    event: Mapping[str, Any] | None
    expected: ExpectedResponse
    ours: Mapping[str, Any]

    @property
    def is_preflight(self) -> bool:
        """Whether the request is answered before routing."""
        return self.cors is not None and is_preflight(self.request)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractDocument:
    """One document; without a `case` it is one of AppTheory's own, and `foreign` says by what."""

    file: str
    id: str
    name: str
    case: ContractCase | None = None
    foreign: str = ""


def read_document(path: str | Path) -> ContractDocument:
    """Read a document; raises DocumentError, with file and JSON pointer, for one that cannot be run."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"is no UTF-8 (byte {error.start})", file=str(path)) from error
    return parse_document(text, file=str(path))


def parse_document(text: str, *, file: str = "document") -> ContractDocument:
    """Read a document from its text; `file` names it in errors, which are those of `read_document`."""
    value = _json(text, file)
    if not isinstance(value, dict):
        raise DocumentError("a contract document is a JSON object", file=file)
    foreign = why_foreign(value)
    if foreign is not None:
        name = str(value.get("name", ""))
        return ContractDocument(file=file, id=str(value.get("id", file)), name=name, foreign=foreign)
    for fault in schema_faults(value):
        raise DocumentError(fault.why, file=file, pointer=pointer_of(*fault.path))
    return ContractDocument(file=file, id=value["id"], name=value["name"], case=_Reading(value, file).case())


class _Reading:
    """Reads the parts of a document that keeps to the schema, each with its place."""

    def __init__(self, value: Mapping[str, Any], file: str) -> None:
        self._value = value
        self._file = file

    def case(self) -> ContractCase:
        setup, expect = self._value["setup"], self._value["expect"]
        request, event = self._input()
        tier = Tier.named(self._value["tier"])
        case = ContractCase(
            tier=tier,
            routes=self._routes(setup["routes"]),
            cors=Cors.of(setup) if tier.has_cors else None,
            options=self._options(setup),
            request=request,
            event=event,
            expected=self._expected(expect["response"]),
            ours=expect.get("ours", {}),
        )
        if not case.routes and not case.is_preflight:
            nothing = 'is empty, so nothing takes the request: write {"method": …, "path": …, "handler": …}'
            raise self._fault(nothing, "setup", "routes")
        return case

    def _routes(self, routes: Sequence[Mapping[str, str]]) -> tuple[Route, ...]:
        for index, route in enumerate(routes):
            wrong = wrong_route(route["path"])
            if wrong is not None:
                raise self._fault(wrong, "setup", "routes", index, "path")
        return tuple(Route(**route) for route in routes)

    def _input(self) -> tuple[HttpRequest, Mapping[str, Any] | None]:
        """The request as it is sent: that of an event wins over the parts beside it, which have to make sense."""
        given = self._value["input"]
        event = given["aws_event"]["event"] if "aws_event" in given else None
        requests = []
        for name, make in (("request", request_of_parts), ("aws_event", lambda each: request_of_event(each["event"]))):
            try:
                requests += [make(given[name])] if name in given else []
            except UsageError as error:
                raise self._fault(error, "input", name) from error
        return requests[-1], event

    def _options(self, setup: Mapping[str, Any]) -> CaseOptions:
        try:
            return CaseOptions.of(setup)
        except UsageError as error:
            raise self._fault(error, "setup", "ours") from error

    def _expected(self, response: Mapping[str, Any]) -> ExpectedResponse:
        bodies = [name for name in ("body", "body_json", "chunks") if name in response]
        if len(bodies) > 1:
            raise self._fault(f"has {' and '.join(bodies)}, which say the same: keep one", "expect", "response")
        try:
            return ExpectedResponse.of(response)
        except UsageError as error:
            raise self._fault(error, "expect", "response", *bodies) from error

    def _fault(self, problem: object, *path: str | int) -> DocumentError:
        return DocumentError(str(problem), file=self._file, pointer=pointer_of(*path))


def _json(text: str, file: str) -> Any:
    try:
        value = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_constant=_refuse,
            parse_float=lambda number: _finite(number, float(number)),
            parse_int=lambda number: _finite(number, int(number)),
        )
        json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError as error:
        raise DocumentError("has text without a UTF-8 form: half of a surrogate pair", file=file) from error
    except json.JSONDecodeError as error:
        problem = f"is no JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise DocumentError(problem, file=file) from error
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"is no JSON: {error}", file=file) from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"one object has the field {twice!r} twice")
    return found


def _finite(text: str, number: float) -> float:
    """Refuse what no clock and no other language has."""
    if abs(number) > sys.float_info.max:
        raise ValueError(f"{text if len(text) <= 20 else f'{text[:20]}…'} is larger than any number of JSON's readers")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no value")
