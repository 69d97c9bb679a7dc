"""One case of the score card: what is looked at, what AWS does and who says so, and how it is found out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from apptheory_emulator.score.endpoint import Endpoint

__all__ = ["Case", "Finding", "Grade", "Group", "Source"]


class Grade(StrEnum):
    """How well it is known that AWS does this."""

    PROVEN = "proven"
    """Documented, captured, or in the code of AWS."""
    INFERRED = "inferred"
    """Follows from something else, or was reported: it is shown, and does not count."""


class Group(StrEnum):
    """What a case is about."""

    STREAMING = "streaming"
    HEAD = "head"
    PRELUDE = "prelude"
    BODY = "body"
    REQUEST = "request"
    ERRORS = "errors"
    CLIENT = "client"
    SDK = "SDK"


@dataclass(frozen=True, slots=True)
class Source:
    """Where it is said what AWS does, in words, with the page if there is one."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a case holds, with what was expected and what came; None: it cannot be told, and `came` says why.

    `grade` takes the place of the case's, where it is another for what was expected here.
    """

    holds: bool | None
    expected: str
    came: str
    grade: Grade | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case by its id, with the sentence that holds or does not.

    `handler` is the case of the score handler that it asks for; `inferred_for` are the languages whose
    runtime on AWS makes less certain what comes.
    """

    id: str
    group: Group
    sentence: str
    source: Source
    grade: Grade
    handler: str
    check: Callable[[Endpoint], Awaitable[Finding]]
    inferred_for: frozenset[str] = frozenset()

    def grade_for(self, language: str) -> Grade:
        """Give the grade for a handler in this language."""
        return Grade.INFERRED if language in self.inferred_for else self.grade
