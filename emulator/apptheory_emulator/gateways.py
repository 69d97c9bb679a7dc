"""Which front a function stands behind where that is no Function URL, and what that front is told."""

from dataclasses import dataclass
from enum import StrEnum

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import check_timeout
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.throttle import Throttle

__all__ = ["IDLE_SECONDS", "FrontKind", "Gateway"]

IDLE_SECONDS = float(AWS_NUMBERS["API Gateway stream idle, regional and private"].value)
"""How long a stream may be silent at a regional or private endpoint."""

_INTEGRATION_SECONDS = {
    "rest-api": float(AWS_NUMBERS["REST API integration timeout"].value),
    "http-api": float(AWS_NUMBERS["HTTP API integration timeout"].value),
}


class FrontKind(StrEnum):
    """The fronts that the emulator has."""

    FUNCTION_URL = "function-url"
    REST_API = "rest-api"
    HTTP_API = "http-api"
    ALB = "alb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """An API of API Gateway or a load balancer.

    `stage` is `prod` for a REST API unless it is given, and `$default` for an HTTP API.  `timeout` is that
    of the integration in seconds: 29 for a REST API, 30 for an HTTP API, none for a load balancer.
    `idle_seconds` is how long a stream of a REST API may be silent.  Raises UsageError for what the kind
    does not have, and for a Function URL, which is none.
    """

    kind: FrontKind
    stage: str | None = None
    transfer_mode: TransferMode = TransferMode.BUFFERED
    binary_media_types: tuple[str, ...] = ()
    multi_value: bool = False
    throttle: Throttle | None = None
    timeout: float | None = None
    idle_seconds: float = IDLE_SECONDS

    def __post_init__(self) -> None:
        check_timeout(self.timeout)
        for name, given, kinds in (
            ("a stage", self.stage is not None, (FrontKind.REST_API, FrontKind.HTTP_API)),
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

    @property
    def seconds(self) -> float | None:
        """How long the integration may take; None where the front waits for the function."""
        return self.timeout or _INTEGRATION_SECONDS.get(self.kind)
