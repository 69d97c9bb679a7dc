"""The score card as text, for people."""

from collections.abc import Iterator

from apptheory_emulator.score.card import Score, ScoreCard, Verdict
from apptheory_emulator.score.case import Case, Grade
from apptheory_emulator.score.table import CASES

__all__ = ["case_list", "score_lines", "summary_lines"]

_WIDTH = max(len(name) for name in CASES)
_WORDS = {
    (Verdict.HOLDS, Grade.PROVEN): "ok",
    (Verdict.HOLDS, Grade.INFERRED): "ok",
    (Verdict.FAILS, Grade.PROVEN): "FAILS",
    (Verdict.FAILS, Grade.INFERRED): "differs",
    (Verdict.SKIPPED, Grade.PROVEN): "-",
    (Verdict.SKIPPED, Grade.INFERRED): "-",
}


def score_lines(score: Score) -> Iterator[str]:
    """Give a line for a case that holds, and for one that does not also what was expected and what came."""
    case = score.case
    yield f"{_WORDS[score.verdict, score.grade]:8}{case.id:{_WIDTH}}  {case.sentence}"
    if score.verdict is Verdict.SKIPPED:
        yield f"{'':8}not looked at: {score.came}"
    if score.verdict is Verdict.FAILS:
        yield f"{'':8}expected  {score.expected}"
        yield f"{'':8}came      {score.came}"
        yield f"{'':8}{score.grade.value:8}  {_source(case)}"


def summary_lines(card: ScoreCard) -> Iterator[str]:
    """Say how many hold."""
    for grade in Grade:
        held, failed, skipped = (card.count(grade, verdict) for verdict in Verdict)
        yield f"{grade.value:8}  {held} of {held + failed} hold, {skipped} not looked at"
    if not card.holds:
        yield "What is only inferred of AWS is for your information; what is proven does not all hold."


def case_list() -> Iterator[str]:
    """Give each case with its grade and its source."""
    for case in CASES.values():
        yield f"{case.id:{_WIDTH}}  {case.grade.value:8}  {case.sentence}"
        yield f"{'':{_WIDTH}}  {'':8}  {_source(case)}"


def _source(case: Case) -> str:
    return f"{case.source.text}: {case.source.url}"
