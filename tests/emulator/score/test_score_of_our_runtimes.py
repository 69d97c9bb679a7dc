"""The score card of this project's own runtimes: all of it holds, by URL and by SDK (rule W7, rules L1 to L3)."""

from collections.abc import Callable
from typing import Any

import pytest

from apptheory_emulator import Emulator, FunctionConfig, worker
from apptheory_emulator.config import LateErrors
from apptheory_emulator.control_server import ControlPort
from apptheory_emulator.score.card import ScoreCard, Verdict
from apptheory_emulator.score.case import Grade, Group
from apptheory_emulator.score.endpoint import Expect, Patience
from apptheory_emulator.score.run import ScoreOptions, score_endpoint
from apptheory_emulator.score.table import CASES
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.limits import DEFAULT_TIMEOUT_SECONDS
from runtime_clients import HANDLERS, go_program, node

pytestmark = pytest.mark.streaming(clock="real")

PATIENCE = Patience(pauses=(0.05, 1.0, 4.0))
PRELUDES = {name for name, case in CASES.items() if case.group is Group.PRELUDE}


def in_process() -> Any:
    return f"{HANDLERS / 'python/score.py'}:handler"


def python() -> Any:
    return worker("python", "score.py:handler", cwd=HANDLERS / "python")


def our_node() -> Any:
    node()
    return worker("node", "score.mjs:handler", cwd=HANDLERS / "node")


def go() -> Any:
    return worker(exec=[go_program(), "score"], cwd=HANDLERS / "go")


RUNTIMES: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "in-process": (in_process, {"pace", "runtime-dies", *PRELUDES}),
    "python": (python, {"pace", *PRELUDES}),
    "node": (our_node, {"pace"}),
    "go": (go, {"pace"}),
}
"""What is served, and the cases that it has not."""


async def score(
    target: Any,
    *,
    only: tuple[str, ...] = (),
    expect: Expect = Expect.EMULATOR,
    patience: Patience = PATIENCE,
    **options: Any,
) -> ScoreCard:
    """Serve a target, and ask for its card."""
    config = FunctionConfig(name="score", target=target, timeout=DEFAULT_TIMEOUT_SECONDS, **options)
    try:
        async with Emulator([config], control=ControlPort(0), shutdown_seconds=0) as emulator:
            asked = ScoreOptions(
                url=emulator.functions[0].url,
                invoke=emulator.control_url,
                name="score",
                only=only,
                expect=expect,
                patience=patience,
            )
            return await score_endpoint(asked)
    finally:
        if not isinstance(target, str):
            await target.aclose()


def named(card: ScoreCard, verdict: Verdict) -> dict[str, str]:
    """The cases of a verdict, with what came."""
    return {score.case.id: score.came for score in card.scores if score.verdict is verdict}


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_every_case_holds_in_our_runtimes(runtime: str) -> None:
    """Also what is only inferred of AWS; what is not looked at is known."""
    make, skipped = RUNTIMES[runtime]

    card = await score(make())

    assert named(card, Verdict.FAILS) == {}
    assert set(named(card, Verdict.SKIPPED)) == skipped
    assert len(card.scores) == len(CASES)
    assert card.handler.language == ("python" if runtime == "in-process" else runtime)


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("client-leaves", {"on_disconnect": OnDisconnect.CANCEL}),
        ("late-error", {"late_errors": LateErrors.ABORT}),
        ("first-byte", {"invoke_mode": InvokeMode.BUFFERED}),
    ],
    ids=["on_disconnect", "late_errors", "invoke_mode"],
)
async def test_an_option_that_leaves_the_way_of_aws_costs_its_case(case: str, options: dict[str, Any]) -> None:
    """E3, E4: an emulator that does otherwise is noticed, if only by what its client leaves behind."""
    quick = Patience(timeout=2.0, pauses=(0.1,))

    right = await score(in_process(), only=(case,))
    wrong = await score(in_process(), only=(case,), patience=quick, **options)

    assert (set(named(right, Verdict.HOLDS)), set(named(wrong, Verdict.FAILS))) == ({case}, {case})


async def test_compared_with_what_is_deployed_an_emulator_is_faster_and_has_another_domain() -> None:
    """What differs between the two expectations, where the handler is in Python: L3 is off by default."""
    card = await score(in_process(), only=("pace", "event-domain", "empty-end"), expect=Expect.DEPLOYED)

    assert set(named(card, Verdict.FAILS)) == {"pace", "event-domain"}
    assert not card.holds


async def test_compared_with_what_is_deployed_node_loses_a_head_without_a_write() -> None:
    """F6 leaves AWS's way: our runtime for Node keeps the head."""
    deployed = await score(our_node(), only=("empty-end",), expect=Expect.DEPLOYED)

    (only,) = deployed.scores
    assert (only.verdict, only.grade) == (Verdict.FAILS, Grade.PROVEN)
    assert only.came == "status 202, x-empty: kept"
