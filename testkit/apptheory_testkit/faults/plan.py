"""Faults as values, and the plan that the faults of one request make together."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from apptheory_streaming.errors import ResponseTooLarge, UsageError
from apptheory_streaming.invocation import Invocation, InvocationPolicy, OnDisconnect
from apptheory_streaming.options import is_number
from apptheory_streaming.wire.outcome import DeliveryKind, HandlerKind
from apptheory_streaming.wire.pacing import Pacing
from apptheory_streaming.wire.transcript import Transcript

__all__ = [
    "Act",
    "Bound",
    "Fault",
    "FaultPlan",
    "Faults",
    "Moment",
    "Reading",
    "ResponseObserver",
    "Seconds",
    "Strike",
    "check_moment",
    "check_seconds",
    "plan_faults",
]


@dataclass(frozen=True, slots=True)
class Seconds:
    """A moment: so many virtual seconds after the request."""

    value: float

    def __str__(self) -> str:
        return f"seconds({self.value:g})"


Moment = int | Seconds
"""A number of chunks that the client has, or seconds since the request."""


class Act(StrEnum):
    """What can happen at a moment."""

    DISCONNECT = "disconnect"
    CANCEL = "cancel"
    STALL = "stall"
    CLOCK_JUMP = "clock_jump"


@dataclass(frozen=True, slots=True)
class Strike:
    """Something that happens at one moment; `seconds` for a stall and a jump of the clock."""

    act: Act
    at: Moment
    seconds: float = 0.0

    @property
    def needs_virtual_time(self) -> bool:
        """Whether it is about time, which in a real clock would be neither exact nor repeatable."""
        return isinstance(self.at, Seconds) or self.act in (Act.STALL, Act.CLOCK_JUMP)

    def __str__(self) -> str:
        seconds = f", seconds={self.seconds:g}" if self.act in (Act.STALL, Act.CLOCK_JUMP) else ""
        return f"{self.act}(at={self.at}{seconds})"


@dataclass(frozen=True, slots=True)
class Reading:
    """How fast the client takes the bytes, all the time."""

    pacing: Pacing
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Bound:
    """What the handler may use: seconds (rule E5), or bytes of response (rule L2)."""

    timeout: float | None = None
    response_bytes: int | None = None

    def __str__(self) -> str:
        return f"limit({self.response_bytes})" if self.timeout is None else f"deadline({self.timeout:g})"


Fault = Strike | Reading | Bound
Faults = Fault | Iterable[Fault] | None
"""What the keyword `fault` of a request takes."""


class ResponseObserver(Protocol):
    """Somebody who looks at a response from its inside while it happens, such as the sweep."""

    def attend(self, invocation: Invocation) -> None:
        """Take note of the invocation that is about to run."""
        ...

    def body_made(self, body: object) -> None:
        """Take note of the body that a handler returned, before its first chunk is asked for."""
        ...

    def body_asked(self) -> None:
        """Take note that its first chunk is asked for now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """All faults of one request.

    The last three are for runs that repeat a request: another choice for rule E4, the id of the
    first run, and who looks on.
    """

    strikes: tuple[Strike, ...] = ()
    readings: tuple[Reading, ...] = ()
    bounds: tuple[Bound, ...] = ()
    on_disconnect: OnDisconnect | None = None
    request_id: str | None = None
    observer: ResponseObserver | None = field(default=None, compare=False)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All of them."""
        return (*self.strikes, *self.readings, *self.bounds)

    @property
    def timed(self) -> tuple[Fault, ...]:
        """Those that need virtual time."""
        return (*(strike for strike in self.strikes if strike.needs_virtual_time), *self.readings)

    def policy(self, usual: InvocationPolicy) -> InvocationPolicy:
        """Give the policy of a client as these faults change it; of several bounds the strictest holds."""
        policy = usual if self.on_disconnect is None else replace(usual, on_disconnect=self.on_disconnect)
        timeouts = [bound.timeout for bound in self.bounds if bound.timeout is not None]
        sizes = [bound.response_bytes for bound in self.bounds if bound.response_bytes is not None]
        if timeouts:
            policy = replace(policy, timeout=min(timeouts))
        if sizes:
            policy = replace(policy, limits=replace(policy.limits, max_response_bytes=min(sizes)))
        return policy

    def ended(self, transcript: Transcript, *, struck: Collection[Act] = ()) -> bool:
        """Whether these faults are why a response ended as it did, which is then no problem of the handler.

        `struck` says which of the acts at a moment have happened.
        """
        if transcript.delivery.kind is DeliveryKind.CLIENT_GONE:
            return Act.DISCONNECT in struck
        if transcript.handler.kind is HandlerKind.CANCELLED:
            return Act.CANCEL in struck or Act.DISCONNECT in struck
        if transcript.handler.kind is HandlerKind.TIMED_OUT:
            return any(bound.timeout is not None for bound in self.bounds)
        too_large = transcript.error is not None and isinstance(transcript.error.exception, ResponseTooLarge)
        return too_large and any(bound.response_bytes is not None for bound in self.bounds)


def plan_faults(fault: Any) -> FaultPlan | None:
    """Make the plan of a `fault=` keyword, None for no fault; raises UsageError for what is none."""
    if fault is None:
        return None
    is_one = isinstance(fault, str | bytes) or not isinstance(fault, Iterable)
    faults = [fault] if is_one else list(fault)
    for each in faults:
        _check_fault(each)
    plan = FaultPlan(
        strikes=tuple(each for each in faults if isinstance(each, Strike)),
        readings=tuple(each for each in faults if isinstance(each, Reading)),
        bounds=tuple(each for each in faults if isinstance(each, Bound)),
    )
    return plan if plan.faults else None


def check_moment(fault: str, at: object) -> Moment:
    """Give a moment; raises UsageError for what is neither a chunk number nor `seconds(…)`."""
    if isinstance(at, Seconds):
        return at
    if isinstance(at, bool) or not isinstance(at, int):
        example = f"seconds({at:g})" if isinstance(at, float) else "seconds(2.5)"
        raise UsageError(
            f"{fault}(at={at!r}): at is a number of chunks, 0 or more; for a moment in time write at={example}, "
            "from apptheory_testkit.faults import seconds"
        )
    if at < 0:
        raise UsageError(f"{fault}(at={at}): at is a number of chunks that the client has, 0 or more")
    return at


def check_seconds(what: str, value: object, *, least: float = 0.0, below: bool = False) -> float:
    """Give a finite number of seconds above `least`, or also one below it; raises UsageError for another."""
    if is_number(value) and math.isfinite(value) and (below or value > least):
        return float(value)
    bound = "a finite number of seconds" if below else f"a number of seconds above {least:g}"
    raise UsageError(f"{what} must be {bound}, not {value!r}")


def _is_fault(fault: object) -> bool:
    return isinstance(fault, Strike | Reading | Bound)


def _check_fault(fault: object) -> None:
    if _is_fault(fault):
        return
    name = getattr(fault, "__name__", None)
    if callable(fault) and name is not None:
        raise UsageError(f"fault={name}: call it, such as fault=disconnect(at=2)")
    if isinstance(fault, Seconds):
        raise UsageError(f"fault={fault} is a moment, not a fault: write fault=disconnect(at={fault})")
    raise UsageError(
        f"fault must be one of apptheory_testkit.faults or a sequence of them, such as disconnect(at=2), not {fault!r}"
    )
