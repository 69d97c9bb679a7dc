"""How many requests an API takes: a burst at once, then so many a second.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html.
Time is an argument here, in seconds on any clock.
"""

from dataclasses import dataclass

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import is_count, is_number

__all__ = ["Throttle", "TokenBucket"]

_MOST_REQUESTS = 2**31 - 1
"""A bucket counts in floating point, one by one."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """A bucket of `burst` requests that fills up at `rate` requests a second.

    Raises UsageError for numbers by which no request could ever pass.
    """

    burst: int
    rate: float

    def __post_init__(self) -> None:
        if not is_count(self.burst, least=1):
            raise UsageError(f"burst must be a number of requests, 1 or more, not {self.burst!r}")
        if self.burst > _MOST_REQUESTS:
            raise UsageError(f"burst must be a number of requests, {_MOST_REQUESTS} at most")
        if not is_number(self.rate) or not 0 < self.rate < float("inf"):
            raise UsageError(f"rate must be more than 0 requests per second, not {self.rate!r}")


class TokenBucket:
    """Lets requests pass as long as there is something in the bucket; it begins full."""

    def __init__(self, throttle: Throttle) -> None:
        """Begin full, at whatever time the first request comes."""
        self._throttle = throttle
        self._tokens = float(throttle.burst)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Whether a request that comes now may pass; one that may not takes nothing."""
        if self._at is not None:
            gained = max(0.0, now - self._at) * self._throttle.rate
            self._tokens = min(float(self._throttle.burst), self._tokens + gained)
        self._at = now if self._at is None else max(now, self._at)
        if self._tokens < 1 - 1e-9:  # a rate of a third a second must give one after three seconds
            return False
        self._tokens -= 1
        return True
