"""Which front a function stands behind where that is no Function URL, and what that front is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import check_duration, check_timeout, choose
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.throttle import Throttle

__all__ = ["ANY_METHOD", "DEFAULT_ROUTE", "IDLE_SECONDS", "FrontKind", "Gateway"]

IDLE_SECONDS = float(AWS_NUMBERS["API Gateway stream idle, regional and private"].value)
"""How long a stream may be silent at a regional or private endpoint."""

ANY_METHOD = "ANY"
DEFAULT_ROUTE = "$default"
"""The route of an HTTP API that takes what no other does."""

_INTEGRATION_SECONDS = {
    "rest-api": float(AWS_NUMBERS["REST API integration timeout"].value),
    "http-api": float(AWS_NUMBERS["HTTP API integration timeout"].value),
}
_ROUTE = re.compile(r"(?:ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /\S*")


class FrontKind(StrEnum):
    """The fronts that the emulator has."""

    FUNCTION_URL = "function-url"
    REST_API = "rest-api"
    HTTP_API = "http-api"
    ALB = "alb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """An API of API Gateway or a load balancer.

    `api` names an API that several functions share: they are at one address, and `routes`, such as
    `GET /users/{id}` or `ANY /{proxy+}`, say which requests are whose; without any, all are.  `stage` is
    `prod` for a REST API unless it is given, and `$default` for an HTTP API.  `timeout` is that of the
    integration in seconds: 29 for a REST API, 30 for an HTTP API, none for a load balancer.
    `idle_seconds` is how long a stream of a REST API may be silent; `throttle` holds for each route by
    itself.  Raises UsageError for what the kind does not have, and for a Function URL, which is none.
    """

    kind: FrontKind
    api: str | None = None
    routes: tuple[str, ...] = ()
    stage: str | None = None
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    transfer_mode: TransferMode = TransferMode.BUFFERED
    binary_media_types: tuple[str, ...] = ()
    multi_value: bool = False
    throttle: Throttle | None = None
    timeout: float | None = None
    idle_seconds: float = IDLE_SECONDS

    def __post_init__(self) -> None:
        check_timeout(self.timeout)
        if check_duration("idle_seconds", self.idle_seconds) == 0:
            raise UsageError(f"idle_seconds must be more than 0 seconds, not {self.idle_seconds!r}")
        for field_name, kind in (("kind", FrontKind), ("transfer_mode", TransferMode)):
            object.__setattr__(self, field_name, choose(kind, field_name, getattr(self, field_name)))
        for name, given, kinds in (
            ("an API with a name", self.api is not None, (FrontKind.REST_API, FrontKind.HTTP_API)),
            ("routes", bool(self.routes), (FrontKind.REST_API, FrontKind.HTTP_API)),
            ("a stage", self.stage is not None, (FrontKind.REST_API, FrontKind.HTTP_API)),
            ("stage variables", bool(self.stage_variables), (FrontKind.REST_API, FrontKind.HTTP_API)),
            ("a transfer mode", self.transfer_mode is TransferMode.STREAM, (FrontKind.REST_API,)),
            ("binary media types", bool(self.binary_media_types), (FrontKind.REST_API,)),
            ("multi-value headers", self.multi_value, (FrontKind.ALB,)),
            ("a throttle", self.throttle is not None, (FrontKind.REST_API, FrontKind.HTTP_API)),
            ("a time for silence", self.idle_seconds != IDLE_SECONDS, (FrontKind.REST_API,)),
            ("an integration timeout", self.timeout is not None, (FrontKind.REST_API, FrontKind.HTTP_API)),
        ):
            if given and self.kind not in kinds:
                raise UsageError(f"{self.kind} knows no such thing as {name}: that is for {' and '.join(kinds)}")
        if self.kind is FrontKind.FUNCTION_URL:
            raise UsageError("a Function URL stands behind no gateway")
        if self.stage is not None and ("/" in self.stage or not self.stage):
            raise UsageError(f"a stage is a name such as 'prod', not {self.stage!r}")
        for route in self.routes:
            self._check_route(route)

    @property
    def seconds(self) -> float | None:
        """How long the integration may take; None where the front waits for the function."""
        return self.timeout or _INTEGRATION_SECONDS.get(self.kind)

    def _check_route(self, route: str) -> None:
        if self.kind is FrontKind.HTTP_API and route == DEFAULT_ROUTE:
            return
        if _ROUTE.fullmatch(route) is None:
            other = f" or {DEFAULT_ROUTE}" if self.kind is FrontKind.HTTP_API else ""
            raise UsageError(f"a route is such as 'GET /users/{{id}}', 'ANY /{{proxy+}}'{other}, not {route!r}")
