"""The lifecycle table: which step may follow (F5)."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import LifecycleError, Side
from apptheory_streaming.wire.lifecycle import TRANSITIONS, State, Step, advance, mermaid

PLAIN = [Step.FINALIZE, Step.COMMIT, Step.CHUNK, Step.CHUNK, Step.CLOSE]
SUBSTITUTED = [Step.FINALIZE, Step.SUBSTITUTE, Step.COMMIT, Step.CHUNK, Step.CLOSE]
EMPTY = [Step.FINALIZE, Step.COMMIT, Step.CLOSE]
NOTHING_ANSWERED = [Step.CLOSE]
LEFT_WITH_THE_HEAD_FIXED = [Step.FINALIZE, Step.CLOSE]
LEFT_WITH_AN_ERROR_DUE = [Step.FINALIZE, Step.SUBSTITUTE, Step.CLOSE]


def walk(steps: list[Step]) -> list[State]:
    state = State.OPEN
    return [state := advance(state, step) for step in steps]


@pytest.mark.parametrize(
    "steps", [PLAIN, SUBSTITUTED, EMPTY, NOTHING_ANSWERED, LEFT_WITH_THE_HEAD_FIXED, LEFT_WITH_AN_ERROR_DUE]
)
def test_the_lives_of_a_response(steps: list[Step]) -> None:
    """F5: finalized, perhaps substituted, perhaps committed, chunks, closed."""
    assert walk(steps)[-1] is State.CLOSED


def test_each_step_of_a_plain_life() -> None:
    """F5: a chunk changes nothing but needs the head to have left."""
    assert walk(PLAIN) == [State.FINALIZED, State.COMMITTED, State.COMMITTED, State.COMMITTED, State.CLOSED]
    assert walk(SUBSTITUTED)[1] is State.SUBSTITUTED


@pytest.mark.parametrize(
    ("state", "step"), [pair for pair in itertools.product(State, Step) if pair not in TRANSITIONS]
)
def test_a_pair_that_the_table_lacks(state: State, step: Step) -> None:
    """F5: every other pair is a LifecycleError that names both."""
    with pytest.raises(LifecycleError) as caught:
        advance(state, step)
    assert state.value in str(caught.value)
    assert step.value in str(caught.value)


def test_a_wrong_step_is_our_own_mistake() -> None:
    """E2c: no handler can cause a LifecycleError, so it is on our side."""
    assert LifecycleError.side is Side.OURS


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (State.OPEN, Step.CHUNK),
        (State.OPEN, Step.COMMIT),
        (State.OPEN, Step.SUBSTITUTE),
        (State.FINALIZED, Step.FINALIZE),
        (State.FINALIZED, Step.CHUNK),
        (State.SUBSTITUTED, Step.SUBSTITUTE),
        (State.COMMITTED, Step.FINALIZE),
        (State.COMMITTED, Step.SUBSTITUTE),
        (State.COMMITTED, Step.COMMIT),
        (State.CLOSED, Step.CHUNK),
        (State.CLOSED, Step.CLOSE),
    ],
)
def test_steps_that_the_contract_forbids(state: State, step: Step) -> None:
    """F5: no chunk before the head left, no second head, no change after it left, nothing after the close."""
    assert (state, step) not in TRANSITIONS


@given(st.lists(st.sampled_from(Step), max_size=8))
@settings(deadline=None)
def test_no_walk_sends_a_chunk_before_the_head_is_final(steps: list[Step]) -> None:
    """F5: whatever the walk, a chunk comes after exactly one finalize and one commit."""
    taken: list[Step] = []
    state = State.OPEN
    for step in steps:
        if (state, step) in TRANSITIONS:
            state = advance(state, step)
            taken.append(step)
    if Step.CHUNK in taken:
        before = taken[: taken.index(Step.CHUNK)]
        assert [step for step in before if step is not Step.SUBSTITUTE] == [Step.FINALIZE, Step.COMMIT]
    assert taken.count(Step.FINALIZE) <= 1
    assert taken.count(Step.COMMIT) <= 1


def test_every_state_is_reached_and_only_closed_is_the_end() -> None:
    """F5: the table has no dead state: each is reached, and each but CLOSED has a way on."""
    assert {State.OPEN, *TRANSITIONS.values()} == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.CLOSED}


def test_the_diagram_draws_the_whole_table() -> None:
    """F5: the diagram has one arrow for each pair of the table, and the two ends."""
    lines = mermaid().splitlines()
    assert lines[0] == "stateDiagram-v2"
    arrows = {line.strip() for line in lines[1:]}
    assert arrows == {
        "[*] --> open",
        "closed --> [*]",
        *(f"{before.value} --> {after.value}: {step.value}" for (before, step), after in TRANSITIONS.items()),
    }
    assert len(lines) == len(arrows) + 1
