"""The score cards that tests/benchmarks/score_peers.py wrote, as the tables of their page."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from apptheory_emulator.score.case import Case, Grade
from apptheory_emulator.score.table import CASES

__all__ = ["RESULTS", "cards", "case_table", "differences", "entries", "matrix"]

RESULTS = Path(__file__).parents[1] / "docs/reference/score-card"
ORDER = (
    "ours-in-process",
    "ours-python",
    "ours-node",
    "ours-go",
    "cargo-lambda",
    "ministack",
    "serverless-offline",
    "aws-lambda-rie",
)
DASH = "\N{EN DASH}"
_CELLS = {
    ("holds", "proven"): "yes",
    ("holds", "inferred"): "yes",
    ("fails", "proven"): "**no**",
    ("fails", "inferred"): "(no)",
    ("skipped", "proven"): DASH,
    ("skipped", "inferred"): DASH,
}


def cards() -> list[dict[str, Any]]:
    """The results, ours first."""
    return [json.loads((RESULTS / f"{name}.json").read_text()) for name in ORDER]


def entries() -> str:
    """What was scored, with versions and date, and what it comes to."""
    rows = [
        f"| {each['title']} | {each['versions']} | {each['how']} | {_of(each, 'proven')} | {_of(each, 'inferred')} "
        f"| {each['date']} |"
        for each in cards()
    ]
    head = "| | versions | how it was started | proven | inferred | run on |"
    return "\n".join((head, "|---|---|---|---|---|---|", *rows))


def _of(entry: Mapping[str, Any], grade: str) -> str:
    if "problem" in entry:
        return DASH
    summary = entry["card"]["summary"][grade]
    return f"{summary['holds']} of {summary['holds'] + summary['fails']}"


def matrix() -> str:
    """Each case and each that was scored."""
    all_cards = cards()
    head = "| | " + " | ".join(each["title"].removeprefix("ours, ") for each in all_cards) + " |"
    rows = [f"| {name} | {' | '.join(_cell(each, name) for each in all_cards)} |" for name in CASES]
    return "\n".join((head, "|---|" + "---|" * len(all_cards), *rows))


def _cell(entry: Mapping[str, Any], name: str) -> str:
    scores = {score["id"]: score for score in entry.get("card", {"cases": []})["cases"]}
    return _CELLS[scores[name]["verdict"], scores[name]["grade"]] if name in scores else DASH


def differences() -> str:
    """What came of the cases that do not hold, with the cases for which the same came together."""
    parts: list[str] = []
    for entry in cards():
        if "problem" in entry:
            parts += [f"### {entry['title']}", "", f"It could not be run: {_text(entry['problem'])}", ""]
        elif failed := [score for score in entry["card"]["cases"] if score["verdict"] == "fails"]:
            parts += [f"### {entry['title']}", "", "| case | what came |", "|---|---|", *_rows(failed), ""]
    return "\n".join(parts[:-1])


def _rows(failed: list[dict[str, Any]]) -> Iterator[str]:
    together: dict[str, list[str]] = {}
    for score in failed:
        together.setdefault(score["came"], []).append(score["id"])
    for came, names in together.items():
        yield f"| {', '.join(names)} | {_text(came)} |"


def case_table() -> str:
    """All cases, with what says that AWS does so."""
    rows = [f"| {case.id} | {_text(case.sentence)} | {_grade(case)} | {_source(case)} |" for case in CASES.values()]
    return "\n".join(("| case | what holds | grade | source |", "|---|---|---|---|", *rows))


def _grade(case: Case) -> str:
    if case.inferred_for and case.grade is Grade.PROVEN:
        return f"{case.grade.value}; inferred for {', '.join(sorted(case.inferred_for))}"
    return case.grade.value


def _source(case: Case) -> str:
    return f"[{case.source.text}]({case.source.url})"


def _text(text: str) -> str:
    """Keep what a table would take for its own."""
    shown = text if len(text) <= 260 else f"{text[:260]}…"
    return shown.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
