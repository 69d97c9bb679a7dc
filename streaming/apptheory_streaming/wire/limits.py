"""Sizes and times that bound one invocation, and the numbers that AWS publishes."""

from dataclasses import dataclass
from types import MappingProxyType

from apptheory_streaming.errors import RequestTooLarge, UsageError
from apptheory_streaming.options import is_count

__all__ = ["AWS_NUMBERS", "DEFAULT_TIMEOUT_SECONDS", "AwsNumber", "Limits", "check_limits"]

_LIMITS_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_STREAMING_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html"
_API_GATEWAY_PAGE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html"
_READ_ON = "2026-11-21"
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class AwsNumber:
    """One published number with its unit, its page and the day it was read (ISO date)."""

    value: int
    unit: str
    source: str
    read_on: str = _READ_ON


AWS_NUMBERS = MappingProxyType(
    {
        "buffered request": AwsNumber(6 * _MIB, "bytes", _LIMITS_PAGE),
        "buffered response": AwsNumber(6 * _MIB, "bytes", _LIMITS_PAGE),
        "streamed response": AwsNumber(200 * _MIB, "bytes", _LIMITS_PAGE),
        "stream burst": AwsNumber(6 * _MIB, "bytes", _STREAMING_PAGE),
        "stream rate": AwsNumber(2 * _MIB, "bytes per second", _STREAMING_PAGE),
        "function timeout": AwsNumber(900, "seconds", _LIMITS_PAGE),
        "API Gateway stream burst": AwsNumber(10 * _MIB, "bytes", _API_GATEWAY_PAGE),
        "API Gateway stream rate": AwsNumber(2 * _MIB, "bytes per second", _API_GATEWAY_PAGE),
    }
)

DEFAULT_TIMEOUT_SECONDS = float(AWS_NUMBERS["function timeout"].value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most bytes of a decoded request and of a response body; None is no limit (L1, L2).

    Raises UsageError for what is no number of bytes.
    """

    max_request_bytes: int | None = None
    max_response_bytes: int | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("max_request_bytes", self.max_request_bytes),
            ("max_response_bytes", self.max_response_bytes),
        ):
            if value is not None and not is_count(value):
                raise UsageError(f"{name} must be a number of bytes, 0 or more, or None for no limit, not {value!r}")

    def refusal(self, size: int) -> RequestTooLarge | None:
        """Give the error for a decoded request body of `size` bytes, None if it may pass (rule L1)."""
        if self.max_request_bytes is None or size <= self.max_request_bytes:
            return None
        return RequestTooLarge(f"request body of {size} bytes is over the limit of {self.max_request_bytes}")

    def admits_response(self, size: int) -> bool:
        """Whether a response body may grow to `size` bytes; an exact fit may (rule L2)."""
        return self.max_response_bytes is None or size <= self.max_response_bytes


def check_limits(value: object) -> Limits:
    """Give limits, those of nobody for None; raises UsageError for what are none."""
    if value is None:
        return Limits()
    if isinstance(value, Limits):
        return value
    raise UsageError(f"limits must be such as Limits(max_response_bytes=1000), or None for none, not {value!r}")
