"""The table of a runtime's states."""

import itertools

import pytest

from apptheory_streaming.wire.runtime_states import RUNTIME_TRANSITIONS, RuntimeState, RuntimeStep, runtime_mermaid

LIVES = {
    "an answer": [RuntimeStep.NEXT, RuntimeStep.INVOKE, RuntimeStep.RESPOND, RuntimeStep.SENT, RuntimeStep.NEXT],
    "an error": [RuntimeStep.NEXT, RuntimeStep.INVOKE, RuntimeStep.REPORT, RuntimeStep.SENT, RuntimeStep.NEXT],
    "given up": [RuntimeStep.NEXT, RuntimeStep.INVOKE, RuntimeStep.ABANDON, RuntimeStep.NEXT],
    "given up while it answers": [
        RuntimeStep.NEXT,
        RuntimeStep.INVOKE,
        RuntimeStep.RESPOND,
        RuntimeStep.ABANDON,
        RuntimeStep.NEXT,
    ],
    "polls again": [RuntimeStep.NEXT, RuntimeStep.NEXT, RuntimeStep.INVOKE, RuntimeStep.NEXT, RuntimeStep.RESPOND],
    "cannot start": [RuntimeStep.INIT_ERROR],
}


@pytest.mark.parametrize("steps", LIVES.values(), ids=LIVES)
def test_the_lives_of_a_runtime(steps: list[RuntimeStep]) -> None:
    """Every step is in the table."""
    state = RuntimeState.STARTED
    for step in steps:
        state = RUNTIME_TRANSITIONS[state, step]


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (RuntimeState.STARTED, RuntimeStep.RESPOND),
        (RuntimeState.READY, RuntimeStep.RESPOND),
        (RuntimeState.READY, RuntimeStep.REPORT),
        (RuntimeState.READY, RuntimeStep.INIT_ERROR),
        (RuntimeState.RESPONDING, RuntimeStep.RESPOND),
        (RuntimeState.RESPONDING, RuntimeStep.REPORT),
        (RuntimeState.RESPONDING, RuntimeStep.NEXT),
        (RuntimeState.REPORTING, RuntimeStep.NEXT),
        (RuntimeState.RESPONSE_SENT, RuntimeStep.RESPOND),
        (RuntimeState.RESPONSE_SENT, RuntimeStep.REPORT),
        *((RuntimeState.INIT_ERROR, step) for step in RuntimeStep),
    ],
    ids=str,
)
def test_steps_that_lambda_refuses(state: RuntimeState, step: RuntimeStep) -> None:
    """403 InvalidStateTransition: one answer for an invocation, and nothing behind an init error."""
    assert (state, step) not in RUNTIME_TRANSITIONS


def test_every_state_is_reached() -> None:
    """The table has no dead state, and only a runtime that could not start has no way on."""
    assert {RuntimeState.STARTED, *RUNTIME_TRANSITIONS.values()} == set(RuntimeState)
    assert {state for state, _ in RUNTIME_TRANSITIONS} == set(RuntimeState) - {RuntimeState.INIT_ERROR}


def test_nothing_is_invoked_that_does_not_wait() -> None:
    """An invocation is handed out in one state alone."""
    ways = [state for state, step in itertools.product(RuntimeState, RuntimeStep) if step is RuntimeStep.INVOKE]
    assert [state for state in ways if (state, RuntimeStep.INVOKE) in RUNTIME_TRANSITIONS] == [RuntimeState.READY]


def test_the_diagram_draws_the_whole_table() -> None:
    """One arrow for each pair, and the begin."""
    lines = [line.strip() for line in runtime_mermaid().splitlines()]
    assert lines[:2] == ["stateDiagram-v2", "[*] --> Started"]
    assert lines[2:] == [
        f"{before.value} --> {after.value}: {step.name.lower()}"
        for (before, step), after in RUNTIME_TRANSITIONS.items()
    ]
