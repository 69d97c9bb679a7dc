"""The life of one response, as a table.

Three rules hold here: everything that decides which step may follow is in TRANSITIONS; a pair
that the table does not have is the protocol error; nothing here knows who calls.  The diagram in
docs/explanation/architecture.md is generated from the table.
"""

from enum import Enum

from apptheory_streaming.errors import LifecycleError

__all__ = ["TRANSITIONS", "State", "Step", "advance", "mermaid"]


class State(Enum):
    """Where a response is."""

    OPEN = "open"
    """The handler may still change the head."""
    FINALIZED = "finalized"
    """The head is fixed; nothing has left."""
    SUBSTITUTED = "substituted"
    """An early error replaced the fixed head; nothing has left."""
    COMMITTED = "committed"
    """The head went to the sink."""
    CLOSED = "closed"
    """Nothing more will be sent."""


class Step(Enum):
    """What may happen to a response."""

    FINALIZE = "finalize"
    SUBSTITUTE = "substitute"
    COMMIT = "commit"
    CHUNK = "chunk"
    CLOSE = "close"


TRANSITIONS = {
    (State.OPEN, Step.FINALIZE): State.FINALIZED,
    (State.FINALIZED, Step.SUBSTITUTE): State.SUBSTITUTED,
    (State.FINALIZED, Step.COMMIT): State.COMMITTED,
    (State.SUBSTITUTED, Step.COMMIT): State.COMMITTED,
    (State.COMMITTED, Step.CHUNK): State.COMMITTED,
    (State.COMMITTED, Step.CLOSE): State.CLOSED,
    # The client left, or the invocation was cancelled, before anything could be answered.
    (State.OPEN, Step.CLOSE): State.CLOSED,
    (State.FINALIZED, Step.CLOSE): State.CLOSED,
    (State.SUBSTITUTED, Step.CLOSE): State.CLOSED,
}


def advance(state: State, step: Step) -> State:
    """Give the state after a step; raises LifecycleError for a step that the table does not have."""
    try:
        return TRANSITIONS[state, step]
    except KeyError:
        raise LifecycleError(f"a response that is {state.value} cannot {step.value}") from None


def mermaid() -> str:
    """Draw the table as a Mermaid state diagram."""
    rows = [f"    {before.value} --> {after.value}: {step.value}" for (before, step), after in TRANSITIONS.items()]
    first = f"    [*] --> {State.OPEN.value}"
    last = f"    {State.CLOSED.value} --> [*]"
    return "\n".join(["stateDiagram-v2", first, *rows, last])
