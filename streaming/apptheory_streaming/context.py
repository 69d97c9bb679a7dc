"""The context object that a handler gets, the same in tests, in the emulator and on Lambda."""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["CognitoIdentity", "LambdaContext"]


@dataclass(slots=True)
class CognitoIdentity:
    """Who called, for an invocation by an AWS SDK for mobile; always there, and empty for a Function URL."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


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
        deadline = now() + timeout
        return cls(
            aws_request_id=request_id,
            remaining_seconds=lambda: deadline - now(),
            function_name=name,
            invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
            log_group_name=f"/aws/lambda/{name}",
        )
