"""The life of one runtime as its Runtime API sees it, as a table.

A pair that the table does not have is Lambda's answer 403, InvalidStateTransition.  The names of
the states are those of Lambda's own messages.  The diagram in docs/reference/runtime-api.md is
generated from the table.
"""

from enum import Enum

__all__ = ["RUNTIME_TRANSITIONS", "RuntimeState", "RuntimeStep", "runtime_mermaid"]


class RuntimeState(Enum):
    """Where a runtime is."""

    STARTED = "Started"
    """It runs, and has not asked for an invocation."""
    INIT_ERROR = "InitError"
    """It reported that it could not start."""
    READY = "Ready"
    """It waits for an invocation."""
    RUNNING = "Running"
    """It has an invocation, and has not begun to answer."""
    RESPONDING = "InvocationResponse"
    """It sends the response."""
    REPORTING = "InvocationErrorResponse"
    """It sends an error."""
    RESPONSE_SENT = "RuntimeResponseSentState"
    """The invocation is answered, has failed, or was given up."""


class RuntimeStep(Enum):
    """What may happen to a runtime; the value is the state that Lambda's messages name for it."""

    INIT_ERROR = "InitError"
    NEXT = "Ready"
    INVOKE = "Running"
    RESPOND = "InvocationResponse"
    REPORT = "InvocationErrorResponse"
    SENT = "RuntimeResponseSentState"
    ABANDON = "abandoned"


RUNTIME_TRANSITIONS = {
    (RuntimeState.STARTED, RuntimeStep.INIT_ERROR): RuntimeState.INIT_ERROR,
    (RuntimeState.STARTED, RuntimeStep.NEXT): RuntimeState.READY,
    (RuntimeState.READY, RuntimeStep.NEXT): RuntimeState.READY,
    (RuntimeState.READY, RuntimeStep.INVOKE): RuntimeState.RUNNING,
    # It lost the connection that carried the invocation: it gets the same again.
    (RuntimeState.RUNNING, RuntimeStep.NEXT): RuntimeState.RUNNING,
    (RuntimeState.RUNNING, RuntimeStep.RESPOND): RuntimeState.RESPONDING,
    (RuntimeState.RUNNING, RuntimeStep.REPORT): RuntimeState.REPORTING,
    (RuntimeState.RESPONDING, RuntimeStep.SENT): RuntimeState.RESPONSE_SENT,
    (RuntimeState.REPORTING, RuntimeStep.SENT): RuntimeState.RESPONSE_SENT,
    (RuntimeState.RUNNING, RuntimeStep.ABANDON): RuntimeState.RESPONSE_SENT,
    (RuntimeState.RESPONDING, RuntimeStep.ABANDON): RuntimeState.RESPONSE_SENT,
    (RuntimeState.REPORTING, RuntimeStep.ABANDON): RuntimeState.RESPONSE_SENT,
    (RuntimeState.RESPONSE_SENT, RuntimeStep.NEXT): RuntimeState.READY,
}


def runtime_mermaid() -> str:
    """Draw the table as a Mermaid state diagram."""
    rows = [
        f"    {before.value} --> {after.value}: {step.name.lower()}"
        for (before, step), after in RUNTIME_TRANSITIONS.items()
    ]
    first = f"    [*] --> {RuntimeState.STARTED.value}"
    return "\n".join(["stateDiagram-v2", first, *rows])
