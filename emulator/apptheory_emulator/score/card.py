"""The result of a run: each case with its verdict, and what they come to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from apptheory_emulator.score.case import Case, Grade
from apptheory_emulator.score.endpoint import Expect
from apptheory_emulator.score.handler import ScoreHandler

__all__ = ["Score", "ScoreCard", "Verdict"]


class Verdict(StrEnum):
    """What came of a case."""

    HOLDS = "holds"
    FAILS = "fails"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A case with its verdict; `came` says why where it was skipped."""

    case: Case
    grade: Grade
    verdict: Verdict
    expected: str = ""
    came: str = ""

    @property
    def counts_against(self) -> bool:
        """Whether it does not hold and is proven, so that the card as a whole does not hold."""
        return self.verdict is Verdict.FAILS and self.grade is Grade.PROVEN

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {
            "id": self.case.id,
            "group": self.case.group.value,
            "sentence": self.case.sentence,
            "source": {"text": self.case.source.text, "url": self.case.source.url},
            "grade": self.grade.value,
            "verdict": self.verdict.value,
            "expected": self.expected,
            "came": self.came,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCard:
    """All scores of one run against one endpoint."""

    endpoint: str
    expect: Expect
    handler: ScoreHandler
    scores: Sequence[Score]
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    @property
    def holds(self) -> bool:
        """Whether every case holds that is proven and was looked at."""
        return not any(score.counts_against for score in self.scores)

    def count(self, grade: Grade, verdict: Verdict) -> int:
        """Give how many cases of a grade have a verdict."""
        return Counter((score.grade, score.verdict) for score in self.scores)[grade, verdict]

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {
            "endpoint": self.endpoint,
            "expect": self.expect.value,
            "date": self.date,
            "handler": {"language": self.handler.language, "runtime": self.handler.runtime},
            "holds": self.holds,
            "summary": {
                grade.value: {verdict.value: self.count(grade, verdict) for verdict in Verdict} for grade in Grade
            },
            "cases": [score.as_json() for score in self.scores],
        }
