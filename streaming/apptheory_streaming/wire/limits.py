"""Sizes and times that bound one invocation, and the numbers that AWS publishes."""

from dataclasses import dataclass, fields
from types import MappingProxyType

from apptheory_streaming.errors import PayloadTooLarge, RequestTooLarge, ResponseTooLarge, UsageError
from apptheory_streaming.options import is_count

__all__ = ["AWS_NUMBERS", "DEFAULT_TIMEOUT_SECONDS", "AwsNumber", "Limits", "check_limits"]

_LIMITS_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_STREAMING_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html"
_REST_PAGE = (
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"
)
_HTTP_API_PAGE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"
_PRELUDE_PAGE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html"
_ALB_PAGE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html"
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
        "asynchronous request": AwsNumber(_MIB, "bytes", _LIMITS_PAGE),
        "buffered response": AwsNumber(6 * _MIB, "bytes", _LIMITS_PAGE),
        "streamed response": AwsNumber(200 * _MIB, "bytes", _LIMITS_PAGE),
        "request line and headers": AwsNumber(_MIB, "bytes", _LIMITS_PAGE),
        "stream burst": AwsNumber(6 * _MIB, "bytes", _STREAMING_PAGE),
        "stream rate": AwsNumber(2 * _MIB, "bytes per second", _STREAMING_PAGE),
        "function timeout": AwsNumber(900, "seconds", _LIMITS_PAGE),
        "API Gateway stream burst": AwsNumber(10 * _MIB, "bytes", _API_GATEWAY_PAGE),
        "API Gateway stream rate": AwsNumber(2 * _MIB, "bytes per second", _API_GATEWAY_PAGE),
        "API Gateway stream time": AwsNumber(900, "seconds", _API_GATEWAY_PAGE),
        "API Gateway stream idle, regional and private": AwsNumber(300, "seconds", _API_GATEWAY_PAGE),
        "API Gateway stream idle, edge-optimized": AwsNumber(30, "seconds", _API_GATEWAY_PAGE),
        "API Gateway stream prelude": AwsNumber(16 * 1024, "bytes", _PRELUDE_PAGE),
        "REST API payload": AwsNumber(10 * _MIB, "bytes", _REST_PAGE),
        "REST API integration timeout": AwsNumber(29, "seconds", _REST_PAGE),
        "HTTP API payload": AwsNumber(10 * _MIB, "bytes", _HTTP_API_PAGE),
        "HTTP API integration timeout": AwsNumber(30, "seconds", _HTTP_API_PAGE),
        "load balancer request": AwsNumber(_MIB, "bytes", _ALB_PAGE),
        "load balancer response": AwsNumber(_MIB, "bytes of JSON", _ALB_PAGE),
    }
)

DEFAULT_TIMEOUT_SECONDS = float(AWS_NUMBERS["function timeout"].value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most bytes of a decoded request and of a response body; None is no limit (L1, L2).

    `max_buffered_bytes` and `max_streamed_bytes` are Lambda's own, for an answer in one piece and for a
    stream: what is longer is a function error, and a stream that grows longer is cut (L3).  Raises
    UsageError for what is no number of bytes.
    """

    max_request_bytes: int | None = None
    max_response_bytes: int | None = None
    max_buffered_bytes: int | None = None
    max_streamed_bytes: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            name, value = each.name, getattr(self, each.name)
            if value is not None and not is_count(value):
                raise UsageError(f"{name} must be a number of bytes, 0 or more, or None for no limit, not {value!r}")

    def refusal(self, size: int | None) -> RequestTooLarge | None:
        """Give the error for a decoded request body of `size` bytes, None if it may pass (rule L1).

        A size of None is one over the limit that nobody has counted.
        """
        most = self.max_request_bytes
        if most is None or (size is not None and size <= most):
            return None
        counted = f"more than {most}" if size is None else f"{size}"
        return RequestTooLarge(
            f"Request must be smaller than {most} bytes for the InvokeFunction operation "
            f"(a request body of {counted} bytes is over the limit of {most})"
        )

    def admits_response(self, size: int) -> bool:
        """Whether a response body may grow to `size` bytes; an exact fit may (rule L2)."""
        return self.max_response_bytes is None or size <= self.max_response_bytes

    def most_response_bytes(self, *, buffered: bool) -> float:
        """Give how long a response body may be, in one piece or as a stream; infinity without a limit."""
        platform = self.max_buffered_bytes if buffered else self.max_streamed_bytes
        return min((each for each in (self.max_response_bytes, platform) if each is not None), default=float("inf"))

    def response_refusal(self, size: int, *, chunk: int, buffered: bool) -> ResponseTooLarge:
        """Give the error for chunk number `chunk`, which would bring a response body to `size` bytes, too many."""
        if not self.admits_response(size):
            return ResponseTooLarge(
                f"response too large: chunk {chunk} would bring the body to {size} bytes; "
                f"the limit is {self.max_response_bytes}"
            )
        return _payload_too_large(self.most_response_bytes(buffered=buffered))

    def check_payload(self, size: int) -> None:
        """Raise PayloadTooLarge for a buffered answer of `size` bytes, as its runtime sends it, that is too long."""
        if self.max_buffered_bytes is not None and size > self.max_buffered_bytes:
            raise _payload_too_large(self.max_buffered_bytes)


def _payload_too_large(most: float) -> PayloadTooLarge:
    return PayloadTooLarge(f"Response payload size exceeded maximum allowed payload size ({most} bytes).")


def check_limits(value: object) -> Limits:
    """Give limits, those of nobody for None; raises UsageError for what are none."""
    if value is None:
        return Limits()
    if isinstance(value, Limits):
        return value
    raise UsageError(f"limits must be such as Limits(max_response_bytes=1000), or None for none, not {value!r}")
