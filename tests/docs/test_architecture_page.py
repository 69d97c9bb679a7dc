"""The page on architecture names what there is."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/architecture.md").read_text()
TESTKIT = ROOT / "testkit/apptheory_testkit"
FOLDERS = sorted(path.parent.name for path in TESTKIT.glob("*/__init__.py"))


def test_where_to_change_what_has_a_row_for_each_folder_of_the_testkit() -> None:
    rows = {folder: re.search(rf"^\|.*\| `testkit/…/{folder}/` \|$", PAGE, re.MULTILINE) for folder in FOLDERS}

    assert [folder for folder, row in rows.items() if row is None] == []


def test_every_file_that_the_page_names_exists() -> None:
    """In one of the rooms."""
    modules = sorted(set(re.findall(r"`?([a-z_/]+\.py)\b", PAGE)))

    assert len(modules) > 50
    assert [module for module in modules if not list(ROOT.glob(f"*/apptheory_*/**/{module}"))] == []
