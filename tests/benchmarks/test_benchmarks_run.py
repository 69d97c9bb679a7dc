"""The benchmark script runs and reports everything that it promises."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="starlette is a contender: pip install --group bench")
pytest.importorskip("httpx", reason="starlette's TestClient needs httpx: pip install --group bench")

SCRIPT = Path(__file__).with_name("run.py")
HANG_SECONDS = 120

IN_PROCESS = {"bare `async for`", "stream_client", "stream_client, .sync", "starlette TestClient.stream"}
OVER_HTTP = {"raw aiohttp", "emulator, async generator", "emulator, sync generator", "emulator, streamify"}


def test_a_quick_run_reports_a_figure_for_every_contender_of_every_scenario() -> None:
    """No contender fails, is left out or reports something that is not a figure; how fast it is, is not asked."""
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", "--rounds", "1"],
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
        timeout=HANG_SECONDS,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert reported(run.stdout) == {
        "In-process, chunks of 16 bytes": IN_PROCESS,
        "In-process, a request of one chunk": IN_PROCESS,
        "HTTP, chunks of 16 bytes": OVER_HTTP,
        "HTTP, chunks of 64 KiB": OVER_HTTP,
        "HTTP, time to first byte": OVER_HTTP,
    }


def reported(output: str) -> dict[str, set[str]]:
    """Which contenders have a row of positive figures, by the title of the table."""
    found: dict[str, set[str]] = {}
    for section in output.split("### ")[1:]:
        title, _, *lines = section.strip().splitlines()
        rows = [line.strip("| ").split(" | ") for line in lines[2:]]
        found[title] = {name for name, *cells in rows if cells and all(_median(cell) > 0 for cell in cells)}
    return found


def _median(cell: str) -> float:
    return float(cell.partition("(")[0].replace(" ", ""))


def test_a_small_suite_reports_a_figure_for_every_clock() -> None:
    """Every contender runs its tests to the end."""
    run = subprocess.run(
        [sys.executable, str(SCRIPT.with_name("suite.py")), "--tests", "2", "--rounds", "1"],
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
        timeout=HANG_SECONDS,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert reported(run.stdout) == {
        "A file of 2 tests": {
            "bare `async for`",
            "stream_client, real time",
            "stream_client, virtual, time-machine",
            "stream_client, virtual, freezegun",
        }
    }
