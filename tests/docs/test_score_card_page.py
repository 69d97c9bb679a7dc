"""The page on the score card tells of every case, and of results that were made with the cases that there are."""

import re
from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator.score.card import Verdict
from apptheory_emulator.score.case import Grade
from apptheory_emulator.score.table import CASES
from score_cards import RESULTS, cards, differences, matrix

PAGE = (Path(__file__).parents[2] / "docs/reference/score-card.md").read_text()
CARDS = cards()
OURS = [each for each in CARDS if each["name"].startswith("ours-")]


@pytest.mark.parametrize("entry", CARDS, ids=lambda entry: entry["name"])
def test_a_result_has_every_case_or_says_why_it_has_none(entry: dict[str, Any]) -> None:
    """A case that is new needs another `make score-peers`."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry["date"])
    if "problem" in entry:
        assert entry["problem"]
        return
    assert [score["id"] for score in entry["card"]["cases"]] == list(CASES)
    assert re.search(r"\d+\.\d+", entry["versions"])
    counts = entry["card"]["summary"]
    assert counts == {
        grade.value: {verdict.value: count(entry, grade.value, verdict.value) for verdict in Verdict} for grade in Grade
    }


def count(entry: dict[str, Any], grade: str, verdict: str) -> int:
    """How many cases have both."""
    return sum((score["grade"], score["verdict"]) == (grade, verdict) for score in entry["card"]["cases"])


def test_all_results_are_shown() -> None:
    """Those of others too, whatever they say."""
    assert {path.stem for path in RESULTS.glob("*.json")} == {entry["name"] for entry in CARDS}
    assert matrix() in PAGE
    assert differences() in PAGE


@pytest.mark.parametrize("entry", OURS, ids=lambda entry: entry["name"])
def test_everything_holds_of_ourselves(entry: dict[str, Any]) -> None:
    """As it does in the suite."""
    assert [score["id"] for score in entry["card"]["cases"] if score["verdict"] == "fails"] == []


def test_the_page_tells_of_every_option() -> None:
    """Those of the command's own help."""
    from apptheory_emulator.commands.score import score

    names = {name for parameter in score.params for name in parameter.opts if name.startswith("--")}

    assert {name for name in names if f"{name}" not in PAGE} == set()
