"""One request again and again, with a fault at every one of its events, and what each run leaves behind."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any, cast

from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import OnDisconnect
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.faults.plan import Act, FaultPlan, Faults, Moment, plan_faults
from apptheory_testkit.sweeping.leak_watch import LeakWatch, Probes
from apptheory_testkit.sweeping.positions import Position, positions_of

__all__ = ["Disturbance", "FaultFactory", "Findings", "Send", "SweepReport", "check_factory", "disturbances", "sweep"]

FaultFactory = Callable[[Moment], Faults]
"""What makes a fault for a moment, such as `disconnect` itself."""

Send = Callable[[FaultPlan], Awaitable[StreamCapture]]
"""Sends the request under a plan."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """A sweep that found nothing: how many disturbed runs, at how many positions."""

    runs: int
    positions: int


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What one run of a sweep is about: its plan, and where in the response that strikes."""

    plan: FaultPlan
    where: str

    def __str__(self) -> str:
        faults = ", ".join(map(str, self.plan.faults))
        profile = "" if self.plan.on_disconnect is None else f", on_disconnect={self.plan.on_disconnect.value}"
        return f"{faults} {self.where}{profile}"


@dataclass(slots=True)
class Findings:
    """What the runs of a sweep left behind, a line each."""

    runs: int = 0
    lines: list[str] = field(default_factory=list)

    async def disturb(self, send: Send, disturbance: Disturbance, probes: Probes, *, where: str = "") -> StreamCapture:
        """Run once, and take down what is left behind."""
        self.runs += 1
        watch = LeakWatch(probes)
        watch.begin()
        try:
            with watch.mine():
                capture = await send(replace(disturbance.plan, observer=watch))
        finally:
            self.lines += [f"{where}{disturbance}: {line}" for line in await watch.findings()]
        return capture

    def message(self, what: str) -> str:
        """List everything."""
        problems = "1 problem" if len(self.lines) == 1 else f"{len(self.lines)} problems"
        return f"the sweep of {what} found {problems} in {self.runs} runs:\n" + "\n".join(
            f"  {line}" for line in self.lines
        )


def check_factory(fault: Any) -> FaultFactory:
    """Give what makes the faults of a sweep; raises UsageError for a fault that is made already, or of no moment."""
    if not callable(fault):
        given = repr(fault) if isinstance(fault, str) else str(fault)
        raise UsageError(f"a sweep chooses the moments itself: write fault=disconnect, without a call, not {given}")
    if not _takes_moment(fault):
        raise UsageError(
            "a sweep calls its fault with each moment: fault is disconnect, cancel, or a function of `at` alone such "
            f"as `lambda at: stall(at, seconds=1)`, not {getattr(fault, '__name__', repr(fault))}"
        )
    return cast("FaultFactory", fault)


def _takes_moment(fault: Callable[..., Any]) -> bool:
    try:
        taken = signature(fault)
        taken.bind(0)
    except TypeError:
        return False
    except ValueError:  # it has no signature to look at
        return True
    # `slow_reader` and its like take one number too, which means something else.
    return getattr(fault, "__module__", None) != "apptheory_testkit.faults" or next(iter(taken.parameters)) == "at"


def disturbances(fault: FaultFactory, positions: Iterable[Position], request_id: str) -> Iterator[Disturbance]:
    """Give every run of a sweep: each position, a disconnect by both profiles of rule E4."""
    for position in positions:
        plan = plan_faults(fault(position.at))
        if plan is None:
            raise UsageError(f"the fault of a sweep must make one for every position; it made none for {position.at}")
        leaves = any(strike.act is Act.DISCONNECT for strike in plan.strikes)
        for profile in (OnDisconnect.CONTINUE, OnDisconnect.CANCEL) if leaves else (None,):
            yield Disturbance(replace(plan, on_disconnect=profile, request_id=request_id), position.where)


async def sweep(send: Send, *, what: str, fault: FaultFactory, probes: Probes) -> SweepReport:
    """Run once undisturbed to see the events, then with the fault at every position.

    Raises AssertionError that lists what was left behind.  All runs have the request id of the first.
    """
    __tracebackhide__ = True
    undisturbed = await send(FaultPlan(observer=LeakWatch({})))
    error = undisturbed.error
    if error is not None and not error.late:
        raise AssertionError(f"the sweep of {what} has nothing to disturb, because without a fault it fails: {error}")
    findings = Findings()
    positions = positions_of(undisturbed)
    for disturbance in disturbances(fault, positions, undisturbed.request_id):
        await findings.disturb(send, disturbance, probes)
    if findings.lines:
        raise AssertionError(findings.message(what))
    return SweepReport(findings.runs, len(positions))
