"""How a document is run beyond what its request says: `setup.limits` and `setup.ours`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apptheory_streaming.invocation import InvocationPolicy, LateTimeout, OnDisconnect
from apptheory_streaming.wire.front import ErrorProfile, FunctionUrlFront, InvokeMode
from apptheory_streaming.wire.limits import Limits
from apptheory_testkit import faults
from apptheory_testkit.faults.plan import Fault, Moment

__all__ = ["CaseOptions", "Tier"]

_FAULTS = {
    "disconnect": lambda value: faults.disconnect(_moment(value)),
    "cancel": lambda value: faults.cancel(_moment(value)),
    "slow_reader": faults.slow_reader,
    "deadline": faults.deadline,
    "limit": faults.limit,
}


@dataclass(frozen=True, slots=True)
class Tier:
    """What a tier adds: an id for requests that bring none, shown in the response, whose error pages are used, CORS."""

    request_id: str | None = None
    errors: ErrorProfile = ErrorProfile.AWS
    has_cors: bool = False

    @classmethod
    def named(cls, name: str) -> "Tier":
        """Give a tier; `p0` adds nothing."""
        return cls() if name == "p0" else cls("req_test_123", ErrorProfile.APPTHEORY, has_cors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOptions:
    """The options of a document; times are in seconds.

    `pace` is burst and rate in bytes; `targets` are the kinds of target that it can hold on, all if empty, and
    `targets_why` says why not on the others.
    """

    rules: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    invoke_mode: InvokeMode = InvokeMode.RESPONSE_STREAM
    on_disconnect: OnDisconnect = OnDisconnect.CONTINUE
    timeout: float | None = None
    late_timeout: LateTimeout = LateTimeout.CUT
    aborts_late_errors: bool = False
    pace: tuple[int, float] | None = None
    faults: tuple[Fault, ...] = ()
    targets: tuple[str, ...] = ()
    targets_why: str = ""

    @classmethod
    def of(cls, setup: Mapping[str, Any]) -> "CaseOptions":
        """Read them from the `setup` of a document that keeps to the schema."""
        ours: Mapping[str, Any] = setup.get("ours", {})
        pace = ours.get("pace")
        return cls(
            rules=tuple(ours.get("rules", ())),
            limits=Limits(**setup.get("limits", {})),
            invoke_mode=InvokeMode(ours.get("invoke_mode", "RESPONSE_STREAM")),
            on_disconnect=OnDisconnect(ours.get("on_disconnect", "continue")),
            timeout=ours.get("timeout"),
            late_timeout=LateTimeout(ours.get("late_timeout", "cut")),
            aborts_late_errors=ours.get("late_errors") == "abort",
            pace=None if pace is None else (pace["burst"], pace["rate"]),
            faults=tuple(_FAULTS[name](value) for name, value in ours.get("fault", {}).items()),
            targets=tuple(ours.get("targets", ())),
            targets_why=ours.get("targets_why", ""),
        )

    def front(self, tier: Tier) -> FunctionUrlFront:
        """Give the Function URL that judges the answer."""
        return FunctionUrlFront(self.invoke_mode, tier.errors)

    def policy(self) -> InvocationPolicy:
        """Give what bounds the invocation."""
        return InvocationPolicy(
            timeout=self.timeout,
            on_disconnect=self.on_disconnect,
            late_timeout=self.late_timeout,
            limits=self.limits,
            watch_foreign=True,
        )


def _moment(value: int | Mapping[str, float]) -> Moment:
    return faults.seconds(value["seconds"]) if isinstance(value, Mapping) else value
