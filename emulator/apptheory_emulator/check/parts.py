"""The parts of a stack that the rules look at: functions, their URLs, the routes to them, statements of policies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apptheory_emulator.template.intrinsics import as_list, as_mapping

__all__ = ["Api", "Function", "FunctionUrl", "Path", "Permission", "Route", "Statement", "number"]

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function, and what its own Metadata and code say of streaming."""

    name: str
    properties: Mapping[str, Any]
    path: Path
    declared: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None

    @property
    def variables(self) -> Mapping[str, Any]:
        """Its environment."""
        return as_mapping(as_mapping(self.properties.get("Environment")).get("Variables"))

    @property
    def timeout(self) -> float | None:
        """Seconds, or None when the template does not say them."""
        return number(self.properties.get("Timeout"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionUrl:
    """A Function URL; SAM makes the permissions of its own ones."""

    function: str | None
    properties: Mapping[str, Any]
    path: Path
    sam: bool

    @property
    def streams(self) -> bool:
        """Whether its mode is RESPONSE_STREAM."""
        return self.properties.get("InvokeMode") == "RESPONSE_STREAM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An integration of API Gateway: what it says, spelled as CloudFormation or as OpenAPI spells it."""

    function: str | None
    properties: Mapping[str, Any]
    path: Path
    api: str | None = None
    http_api: bool = False
    made_by_sam: bool = False

    def get(self, name: str) -> Any:
        """Give a property by the name that OpenAPI has for it."""
        return self.properties.get(name, self.properties.get(_title(name)))

    def at(self, name: str) -> Path:
        """Give the path of a property; where it is missing, cfn-lint shows the integration."""
        return (*self.path, _title(name) if _title(name) in self.properties or self.made_by_sam else name)

    @property
    def uri(self) -> str:
        """What it invokes."""
        uri = self.get("integrationUri" if self.http_api and self.get("uri") is None else "uri")
        return uri if isinstance(uri, str) else ""

    @property
    def streams(self) -> bool:
        """Whether anything about it says that it should stream."""
        return self.get("responseTransferMode") == "STREAM" or "response-streaming-invocations" in self.uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A REST API."""

    name: str
    properties: Mapping[str, Any]
    path: Path
    declared: Mapping[str, Any]

    @property
    def endpoint(self) -> str | None:
        """Which type of endpoint the template says; None for the default, EDGE."""
        configuration = self.properties.get("EndpointConfiguration")
        if isinstance(configuration, str):
            return configuration
        types = as_mapping(configuration).get("Types", as_mapping(configuration).get("Type"))
        return next((str(each) for each in as_list(types)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement that allows something to whoever has one of the roles."""

    roles: frozenset[str]
    properties: Mapping[str, Any]
    path: Path

    @property
    def actions(self) -> list[str]:
        """What it allows, in lower case, as IAM compares."""
        return [str(each).lower() for each in as_list(self.properties.get("Action"))]

    @property
    def resources(self) -> list[str]:
        """On what."""
        return [str(each) for each in as_list(self.properties.get("Resource"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A permission in the policy of a function."""

    function: str | None
    properties: Mapping[str, Any]


def number(value: object) -> float | None:
    """Give a finite number, which may stand there as text, or None."""
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]
