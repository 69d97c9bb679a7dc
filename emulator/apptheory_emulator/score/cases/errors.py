"""What a client sees of a function that fails."""

from apptheory_emulator.score import sources
from apptheory_emulator.score.case import Case, Grade, Group
from apptheory_emulator.score.exchange import End
from apptheory_emulator.score.wanted import Wanted, answers

__all__ = ["DEATH", "ERRORS"]

ERRORS = (
    Case(
        id="early-error",
        group=Group.ERRORS,
        sentence="A function that fails before its first byte is a 502.",
        source=sources.FUNCTION_ERROR,
        grade=Grade.PROVEN,
        handler="early-error",
        check=answers("early-error", Wanted(status=502, body=b"Internal Server Error")),
        inferred_for=frozenset({"node"}),  # its client reports no error there, but a stream that has one
    ),
    Case(
        id="late-error",
        group=Group.ERRORS,
        sentence="A function that fails later leaves status and bytes as they are, and the body ends cleanly.",
        source=sources.LATE_ERROR,
        grade=Grade.PROVEN,
        handler="late-error",
        check=answers("late-error", Wanted(body=b"before")),
    ),
)
DEATH = Case(
    id="runtime-dies",
    group=Group.ERRORS,
    sentence="A runtime that dies behind the first byte cuts the response.",
    source=sources.DIES,
    grade=Grade.INFERRED,
    handler="dies",
    check=answers("dies", Wanted(body=b"before", end=End.CUT)),
)
"""The last of all: not every emulator has another runtime to go on with."""
