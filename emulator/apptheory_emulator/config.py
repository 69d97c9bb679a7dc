"""What the emulator is told of one function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apptheory_emulator.gateways import Gateway
from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import InvocationPolicy, LateTimeout, OnDisconnect
from apptheory_streaming.options import check_environment, check_switch, choose
from apptheory_streaming.wire.cors import CorsConfig, CorsMerge
from apptheory_streaming.wire.front import ErrorProfile, InvokeMode
from apptheory_streaming.wire.iam import AuthType
from apptheory_streaming.wire.limits import AWS_NUMBERS, Limits
from apptheory_streaming.wire.pacing import Pacing, known_paces

__all__ = ["AWS_LIMITS", "KEPT_CHUNKS", "FunctionConfig", "LateErrors"]

AWS_LIMITS = Limits(
    max_request_bytes=AWS_NUMBERS["buffered request"].value,
    max_buffered_bytes=AWS_NUMBERS["buffered response"].value,
    max_streamed_bytes=AWS_NUMBERS["streamed response"].value,
)

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
    imported.  `pace` lets responses leave no faster (rule L3).  `auth` AWS_IAM takes requests that are
    signed with the key of the environment.  `cors` answers preflights; `cors_merge` says which headers
    a client gets of those that both `cors` and the function send.  With `gateway` it stands behind an API
    or a load balancer, which know none of these three; `also` are fronts beside this one, each at an address
    of its own.  `port` is that of the first, None leaves the choice to the emulator.
    `late_timeout` and `errors` are the choices of rules E5 and E2b.
    `watch_foreign` notices late changes of dicts too, for tests.  `strict` refuses what AWS would refuse.
    Raises UsageError for values that these cannot have.
    """

    name: str
    target: str | Callable[..., Any]
    timeout: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    on_disconnect: OnDisconnect = OnDisconnect.CONTINUE
    late_errors: LateErrors = LateErrors.AWS
    late_timeout: LateTimeout = LateTimeout.CUT
    errors: ErrorProfile = ErrorProfile.AWS
    invoke_mode: InvokeMode = InvokeMode.RESPONSE_STREAM
    limits: Limits = AWS_LIMITS
    pace: Pacing | None = None
    auth: AuthType = AuthType.NONE
    cors: CorsConfig | None = None
    cors_merge: CorsMerge = CorsMerge.BOTH
    gateway: Gateway | None = None
    also: tuple[Gateway, ...] = ()
    port: int | None = None
    keep_chunks: int | None = KEPT_CHUNKS
    watch_foreign: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        _ = self.policy  # which refuses what cannot be
        for name, kind in (("invoke_mode", InvokeMode), ("auth", AuthType), ("cors_merge", CorsMerge)):
            object.__setattr__(self, name, choose(kind, name, getattr(self, name)))  # their words will do
        check_environment(self.env)
        check_switch("strict", self.strict)
        if self.pace is not None and not isinstance(self.pace, Pacing):
            raise UsageError(f"pace must be {known_paces()} or a Pacing, not {self.pace!r}")

        if self.cors is not None and not isinstance(self.cors, CorsConfig):
            raise UsageError(f"cors must be a CorsConfig, or None for no CORS, not {self.cors!r}")
        if self.gateway is not None and not self._has_url_defaults:
            raise UsageError(f"auth, CORS and invoke mode are those of a Function URL; {self.gateway.kind} has none")

    @property
    def _has_url_defaults(self) -> bool:
        given = (self.auth, self.cors, self.invoke_mode)
        return given == (AuthType.NONE, None, InvokeMode.RESPONSE_STREAM)

    @property
    def policy(self) -> InvocationPolicy:
        """How its invocations are bounded; `sys.exit` in a handler must not end the server."""
        return InvocationPolicy(
            timeout=self.timeout,
            on_disconnect=self.on_disconnect,
            late_timeout=self.late_timeout,
            limits=self.limits,
            keep_chunks=self.keep_chunks,
            watch_foreign=self.watch_foreign,
            contain_exit=True,
        )
