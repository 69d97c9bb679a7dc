"""The benchmark script runs and reports everything that it promises."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="starlette is a contender: pip install --group bench")
pytest.importorskip("httpx", reason="starlette's TestClient needs httpx: pip install --group bench")

SCRIPT = Path(__file__).with_name("run.py")
HANG_SECONDS = 120

IN_PROCESS = {"bare `async for`", "stream_client", "stream_client, .sync", "starlette TestClient.stream"}
FORMATS = {
    "SSE, an event of 43 bytes to a null sink": {"SseWriter", "SseWriter without orjson"},
    "NDJSON, a line of 38 bytes to a null sink": {"NdjsonWriter", "NdjsonWriter without orjson"},
    "SSE, 100 events and done in-process": {"stream_client"},
    "SSE, 100 events and done over HTTP": {"serve_function_url"},
    "NDJSON, 1000 lines read": {"NdjsonReader"},
}
IN_GO = {
    "SSE, an event of 43 bytes to a null sink": {"Go, map", "Go, struct"},
    "NDJSON, a line of 38 bytes to a null sink": {"Go, map", "Go, struct"},
    "SSE, 100 events and done in-process": {"Go, ResponseRecorder"},
    "SSE, 100 events and done over HTTP": {"Go, Server and Client"},
    "NDJSON, 1000 lines read": {"Go, Scanner and Unmarshal"},
}
OVER_HTTP = {"raw aiohttp", "emulator, async generator", "emulator, sync generator", "emulator, streamify"}
STREAMED = {"Node's own server", "emulator, Node worker", "emulator, Python worker", "emulator, Python in-process"}
WORKERS = {
    "2 chunks, one each 10 ms: time to first byte": STREAMED,
    "2 chunks, one each 10 ms: time to last byte": STREAMED,
    "3 chunks, one each 2 ms: from the write to the client, median": STREAMED,
    "3 chunks, one each 2 ms: from the write to the client, slowest of 20": STREAMED,
    "100 chunks of 16 bytes": STREAMED,
    "2 chunks of 64 KiB": STREAMED,
    "A request of three chunks, the median of 2": {"Python in-process", "Python worker", "Node worker"},
    "Cold start of a Python worker": {"our runtime"},
    "Cold start of a Node worker": {"our bootstrap"},
}
OURS = set[str]().union(*WORKERS.values())


def test_a_quick_run_reports_a_figure_for_every_contender_of_every_scenario(tmp_path: Path) -> None:
    """No contender fails, is left out or reports something that is not a figure; how fast it is, is not asked."""
    output = quick_run(PATH=str(tmp_path))  # where no Go is

    assert reported(output) == {
        "In-process, chunks of 16 bytes": IN_PROCESS,
        "In-process, a request of one chunk": IN_PROCESS,
        "HTTP, chunks of 16 bytes": OVER_HTTP,
        "HTTP, chunks of 64 KiB": OVER_HTTP,
        "HTTP, time to first byte": OVER_HTTP,
        **FORMATS,
    }
    assert "Go missing" in output
    assert "ratio to Go" not in output


def test_the_wire_formats_are_measured_beside_go() -> None:
    """The program in Go does all of its works, and is what ours is measured by."""
    need("go")

    output = quick_run("--only", "formats")

    assert reported(output) == {title: ours | IN_GO[title] for title, ours in FORMATS.items()}
    assert {title: set(ratios(output, title)) for title in FORMATS} == IN_GO


def need(runtime: str) -> None:
    """Skip the test where a runtime is missing, or fail it where it must not be."""
    if shutil.which(runtime) is None:
        if runtime in os.environ.get("REQUIRE_RUNTIMES", "").split(","):
            pytest.fail(f"no {runtime} on the PATH")
        pytest.skip(f"no {runtime} on the PATH")


def test_workers_are_measured_where_nothing_of_others_is_to_be_had(tmp_path: Path) -> None:
    """Every contender of ours has its figures; the emulators of others, which pip does not find, are named."""
    need("node")

    output = quick_run("--peers", str(tmp_path), script="workers.py", PIP_NO_INDEX="1")

    found = reported(output)
    assert {title: names & OURS for title, names in found.items()} == WORKERS
    assert "cargo-lambda is left out: pip could not install it" in output
    assert "aws-lambda-rie is left out: pip could not install it" in output


def quick_run(*arguments: str, script: str = "run.py", **environment: str) -> str:
    """What the script prints."""
    run = subprocess.run(
        [sys.executable, str(SCRIPT.with_name(script)), "--quick", "--rounds", "1", *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
        text=True,
        encoding="utf-8",
        timeout=HANG_SECONDS,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def ratios(output: str, title: str) -> list[str]:
    """The baselines of a table."""
    head = output.partition(f"### {title}\n\n")[2].partition("\n")[0]
    return [cell.removeprefix("ratio to ") for cell in head.strip("| ").split(" | ")[2:]]


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
