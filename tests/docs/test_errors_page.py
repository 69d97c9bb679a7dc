"""The page on errors has every error and every status, and no other."""

import re
from pathlib import Path

from apptheory_streaming import errors
from apptheory_streaming.wire.error_response import STATUS_BY_CODE

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "errors.md").read_text()
ERRORS = {
    each.name: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.StreamingError)
}
TREE_LINE = re.compile(r"^([│ ]*[├└]── )?(\w+)(?: .*)?$", re.MULTILINE)
INDENT = len("├── ")


def tree() -> dict[str, str | None]:
    """Name -> name of the parent, as the drawing shows it."""
    drawing = re.search(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    assert drawing is not None
    parents: dict[str, str | None] = {}
    branch: list[str] = []
    for prefix, name in TREE_LINE.findall(drawing[1]):
        del branch[len(prefix) // INDENT :]
        parents[name] = branch[-1] if branch else None
        branch.append(name)
    return parents


def test_the_tree_has_every_error_below_its_parent() -> None:
    """E2c: names are stable, so a class that is added, renamed or moved shows on the page."""
    expected = {
        name: next((base.__name__ for base in error.__bases__ if base.__name__ in ERRORS), None)
        for name, error in ERRORS.items()
    }

    assert tree() == expected


def test_the_table_says_whose_mistake_every_error_is() -> None:
    """Every error has its row, with the side that its class names."""
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE))

    assert rows == {name: error.side.value for name, error in ERRORS.items()}


def test_the_tree_names_the_code_of_an_error_that_always_has_one() -> None:
    """E2c: only errors that are meant for a client have a code."""
    shown = dict(re.findall(r"── (\w+) +code (\S+)$", PAGE, re.MULTILINE))

    assert shown == {name: code for name, error in ERRORS.items() if (code := getattr(error, "code", None))}


def test_the_statuses_are_those_of_the_codes() -> None:
    """E2: the table is the one that answers are made by."""
    shown = {code: int(status) for code, status in re.findall(r"^\| `(app\.\w+)` \| (\d+) \|", PAGE, re.MULTILINE)}

    assert shown == STATUS_BY_CODE
