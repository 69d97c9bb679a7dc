"""How fast a response may leave: a burst at any speed, then so many bytes a second (rule L3)."""

from dataclasses import dataclass

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import is_count
from apptheory_streaming.wire.limits import AWS_NUMBERS

__all__ = ["PACES", "Pacing", "known_paces", "pacing_named"]


@dataclass(frozen=True, slots=True)
class Pacing:
    """The first `burst` bytes of a response take no time, the others leave at `rate` bytes a second.

    The burst is spent once and does not fill up again.  Raises UsageError for numbers that no
    response can keep to.
    """

    burst: int
    rate: float

    def __post_init__(self) -> None:
        if not is_count(self.burst):
            raise UsageError(f"burst must be a number of bytes, 0 or more, not {self.burst!r}")
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | float):
            raise UsageError(f"rate must be a number of bytes per second, not {self.rate!r}")
        if not 0 < self.rate < float("inf"):
            raise UsageError(f"rate must be more than 0 bytes per second, not {self.rate!r}")

    def seconds_until(self, sent: int) -> float:
        """Give the seconds after which `sent` bytes may have left, of a response that never has to wait."""
        return max(0, sent - self.burst) / self.rate

    def seconds_for(self, size: int, *, sent: int) -> float:
        """Give the seconds that `size` bytes take to leave once `sent` bytes have left."""
        behind_burst = max(0, sent + size - self.burst) - max(0, sent - self.burst)
        return behind_burst / self.rate


PACES = {
    "aws": Pacing(AWS_NUMBERS["stream burst"].value, AWS_NUMBERS["stream rate"].value),
    "api-gateway": Pacing(AWS_NUMBERS["API Gateway stream burst"].value, AWS_NUMBERS["API Gateway stream rate"].value),
}
"""The published ones, by the name of the front."""


def pacing_named(name: str) -> Pacing:
    """Give a published pacing; raises UsageError naming those there are."""
    if name in PACES:
        return PACES[name]
    raise UsageError(f"pace must be {known_paces()}, not {name!r}")


def known_paces() -> str:
    """Give the names of the published ones, as a message lists them."""
    return " or ".join(map(repr, PACES))
