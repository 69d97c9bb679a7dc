"""Nothing in the documents is untried: examples run, commands parse, links lead somewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from apptheory_emulator.cli import main as emulate

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)\n```", re.DOTALL)
OUTPUT = re.compile(r"<!-- output: (\S+) -->\n```\w*\n(.*?)\n```", re.DOTALL)
PYTHON = re.compile(r"^```python$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
FAILED = re.compile(r"^(?:FAILED|ERROR) ([^\s:]+)", re.MULTILINE)
OF_THE_SUITE = ("anyio", "cacheprovider", "hypothesispytest", "randomly", "timeout", "xdist")
"""Plugins that are there for the suite, and not for who has only installed the project."""
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def page_id(path: Path) -> str:
    """The page as the repository names it."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_examples_of_a_page_run_and_say_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    """Every Python block is a file; its tests pass, or fail with the very message on the page."""
    text = page.read_text()
    files = dict(FILE.findall(text))
    shown = dict(OUTPUT.findall(text))
    python = [name for name in files if name.endswith(".py")]
    assert len(python) == len(PYTHON.findall(text)), "a Python block has no `<!-- file: … -->` before it"
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")

    tests = {name for name in files if name.startswith("test_")}
    if not tests:
        return

    output, failed = run_pytest(tmp_path, *sorted(tests))
    assert failed == set(shown), output
    for name, expected in shown.items():
        if expected not in output:
            output, _ = run_pytest(tmp_path, name)  # a page may show what a file says that runs alone
        assert expected in output, output


def run_pytest(folder: Path, *names: str) -> tuple[str, set[str]]:
    """Run test files as a user would who has only installed the project; give the output, and the files that failed."""
    (folder / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    options = ["-q", "-rfE", *(word for plugin in OF_THE_SUITE for word in ("-p", f"no:{plugin}"))]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *names, *options], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout, set(FAILED.findall(done.stdout))


def console_lines() -> list[str]:
    """Every line that a page tells people to type."""
    blocks = [block for page in PAGES for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)]
    return sorted({line[2:].strip() for block in blocks for line in block.splitlines() if line.startswith("$ ")})


@pytest.mark.parametrize("line", [line for line in console_lines() if line.startswith("apptheory-emulate")])
def test_every_command_line_of_the_emulator_is_one_it_takes(line: str) -> None:
    """The options on the pages are options that there are."""
    arguments = shlex.split(line, comments=True)[1:]

    if arguments not in (["--help"], ["--version"]):
        emulate.make_context("apptheory-emulate", arguments)


@pytest.mark.parametrize("line", [line for line in console_lines() if line.startswith("make ")])
def test_every_make_target_on_the_pages_is_in_the_makefile(line: str) -> None:
    """A target that is named exists."""
    target = shlex.split(line, comments=True)[1]

    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    """The file is there, and the heading if one is named."""
    for target, anchor in LINK.findall(page.read_text()):
        path = (page.parent / target).resolve() if target else page

        assert path.exists(), f"{page_id(page)} links to {target}"
        if anchor:
            assert anchor in anchors(path), f"{page_id(page)} links to {target}#{anchor}"


def anchors(path: Path) -> set[str]:
    """The anchors that a Markdown page has, as GitHub makes them."""
    headings = HEADING.findall(path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
