"""The contract has every rule that a test or the code names, so that a name can be looked up."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "contract.md").read_text()
RULE = re.compile(r"\b(?:R[0-9]|F[1-6]|E[1-6][bc]?|L[1-3]|W[1-7]|D[1-3])\b")
FOLDERS = ["streaming", "testkit", "emulator", "plugins", "tests", "docs"]


def rules() -> list[str]:
    """The rules that the page states."""
    return re.findall(r"^\* \*\*([A-Z]\d[bc]?)\*\* ", PAGE, re.MULTILINE)


def test_every_rule_that_is_named_somewhere_is_stated() -> None:
    """A test that names R5 can be understood by this page alone."""
    named: dict[str, str] = {}
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)):
        named |= dict.fromkeys(RULE.findall(path.read_text()), str(path.relative_to(ROOT)))

    assert {rule: path for rule, path in named.items() if rule not in rules()} == {}


def test_every_rule_is_stated_once_and_named_by_a_test() -> None:
    """A rule that no test names is a promise that nothing keeps."""
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__))

    assert len(rules()) == len(set(rules()))
    assert set(rules()) - set(RULE.findall(tests)) == set()
