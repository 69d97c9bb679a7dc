"""What the emulator is told of one function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import InvocationPolicy, OnDisconnect
from apptheory_streaming.options import check_environment
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.limits import AWS_NUMBERS, Limits
from apptheory_streaming.wire.pacing import Pacing, known_paces

__all__ = ["AWS_LIMITS", "KEPT_CHUNKS", "FunctionConfig", "LateErrors"]

AWS_LIMITS = Limits(max_request_bytes=AWS_NUMBERS["buffered request"].value)

KEPT_CHUNKS = 10_000
"""Chunk records that one transcript keeps, so that an endless stream costs a bounded memory."""


class LateErrors(StrEnum):
    """What the client sees of an error after the first chunk (rule E3)."""

    AWS = "aws"
    """The body ends cleanly, as on AWS; the error is in the log."""
    ABORT = "abort"
    """The connection is closed without the last chunk, for clients that must notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionConfig:
    """One function: a handler, or a target such as `app.py:handler`, and how it is served.

    `timeout` is in seconds, None arms none.  `env` is set in this process before the handler is
    imported.  `pace` lets responses leave no faster (rule L3).  `watch_foreign` notices late changes
    of dicts too, for tests.  Raises UsageError for values that these cannot have.
    """

    name: str
    target: str | Callable[..., Any]
    timeout: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    on_disconnect: OnDisconnect = OnDisconnect.CONTINUE
    late_errors: LateErrors = LateErrors.AWS
    invoke_mode: InvokeMode = InvokeMode.RESPONSE_STREAM
    limits: Limits = AWS_LIMITS
    pace: Pacing | None = None
    keep_chunks: int | None = KEPT_CHUNKS
    watch_foreign: bool = False

    def __post_init__(self) -> None:
        _ = self.policy  # which refuses what cannot be
        check_environment(self.env)
        if self.pace is not None and not isinstance(self.pace, Pacing):
            raise UsageError(f"pace must be {known_paces()} or a Pacing, not {self.pace!r}")

    @property
    def policy(self) -> InvocationPolicy:
        """How its invocations are bounded; `sys.exit` in a handler must not end the server."""
        return InvocationPolicy(
            timeout=self.timeout,
            on_disconnect=self.on_disconnect,
            limits=self.limits,
            keep_chunks=self.keep_chunks,
            watch_foreign=self.watch_foreign,
            contain_exit=True,
        )
