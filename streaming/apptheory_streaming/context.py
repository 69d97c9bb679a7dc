"""The context object that a handler gets, the same in tests, in the emulator and on Lambda."""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["CognitoIdentity", "LambdaContext", "RemainingTime"]


@dataclass(slots=True)
class CognitoIdentity:
    """Who called, for an invocation by an AWS SDK for mobile; always there, and empty for a Function URL."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class RemainingTime:
    """Says how many of `timeout` seconds are left, which begin when it is made."""

    def __init__(self, timeout: float, *, now: Callable[[], float]) -> None:
        """Begin now, on the clock `now`."""
        self.timeout = timeout
        self._now = now
        self._deadline = now() + timeout

    def __call__(self) -> float:
        """Give the seconds until the deadline, less than 0 behind it."""
        return self._deadline - self._now()

    def __deepcopy__(self, memo: object) -> "RemainingTime":
        """Stay the same, as a function would: there is one clock."""
        return self


@dataclass(kw_only=True)  # writable, as on Lambda: frameworks keep things on it
class LambdaContext:
    """What https://docs.aws.amazon.com/lambda/latest/dg/python-context.html lists.

    `remaining_seconds` says how much of the function's time is left.
    """

    aws_request_id: str
    remaining_seconds: Callable[[], float] = field(repr=False, compare=False)
    function_name: str = "function"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:function"
    memory_limit_in_mb: str = "1024"
    log_group_name: str = "/aws/lambda/function"
    log_stream_name: str = "local/[$LATEST]"
    identity: CognitoIdentity = field(default_factory=CognitoIdentity)
    client_context: object = None
    tenant_id: str | None = None

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds until the deadline, 0 when it has passed."""
        return max(0, int(self.remaining_seconds() * 1000))

    @classmethod
    def for_function(cls, name: str, *, request_id: str, timeout: float, now: Callable[[], float]) -> "LambdaContext":
        """Make the context of an invocation of function `name` that begins now, with `timeout` seconds."""
        return cls(
            aws_request_id=request_id,
            remaining_seconds=RemainingTime(timeout, now=now),
            function_name=name,
            invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
            log_group_name=f"/aws/lambda/{name}",
        )
