"""The page on architecture names what there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/architecture.md").read_text()
TESTKIT = ROOT / "testkit/apptheory_testkit"
FOLDERS = sorted(path.parent.name for path in TESTKIT.glob("*/__init__.py"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_where_to_change_what_has_a_row_for_each_folder_of_the_testkit(folder: str) -> None:
    assert re.search(rf"^\|.*\| `testkit/…/{folder}/` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("module", sorted(set(re.findall(r"`?([a-z_/]+\.py)\b", PAGE))))
def test_every_file_that_the_page_names_exists(module: str) -> None:
    """In one of the rooms."""
    assert list(ROOT.glob(f"*/apptheory_*/**/{module}"))
