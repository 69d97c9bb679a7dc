"""Request ids that are the same in every run."""

from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.faults.plan import FaultPlan

__all__ = ["RequestIds"]


class RequestIds:
    """Counts from `req_test_0001`; one counter a test, shared by its clients (rule D2).

    `used` is the number of the last one; who sets it back makes the same ids again.
    """

    def __init__(self, prefix: str = "req_test") -> None:
        """Count under the prefix."""
        self._prefix = prefix
        self.used = 0

    def next(self) -> str:
        """Give the next id."""
        self.used += 1
        return f"{self._prefix}_{self.used:04d}"

    def for_request(self, request: HttpRequest | None, faults: FaultPlan | None) -> str:
        """Give the id that a request brings, or its plan, or the next; None stands for a raw event."""
        sent = None if request is None else request.first("x-request-id")
        return sent or (faults.request_id if faults is not None else None) or self.next()
