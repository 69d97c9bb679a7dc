"""A file of many small tests: with a client on each clock, beside the same tests with a bare `async for`.

    python tests/benchmarks/suite.py [--tests N] [--rounds N]

Each contender is a run of pytest in a process of its own, in turns.  Prints Markdown: seconds of
the whole run, and the ratio to the bare tests.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the modules beside this script

from benchmarks.machine import machine_facts
from benchmarks.scenario import Contender, Result, Scenario
from benchmarks.table import table

__all__ = ["suite_result"]

HANDLER = """
async def handler(event, context):
    for _ in range(3):
        yield b"x"
"""
BARE_TEST = """
async def test_{number}():
    chunks = [chunk async for chunk in handler({{}}, None)]
    assert chunks == [b"x"] * 3
"""
CLIENT_TEST = """
async def test_{number}(stream_client):
    capture = await stream_client(handler).get("/")
    assert capture.chunks == [b"x"] * 3
"""
BARE = "bare `async for`"
CONTENDERS = {
    BARE: ("test_bare.py",),
    "stream_client, real time": ("test_client.py", "-o", "streaming_clock=real"),
    "stream_client, virtual, time-machine": ("test_client.py", "-o", "streaming_wall_clock=time-machine"),
    "stream_client, virtual, freezegun": ("test_client.py", "-o", "streaming_wall_clock=freezegun"),
}


def main() -> None:
    """Read the options, run everything, print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--tests", type=int, default=1000, help="tests in the file (default: 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default: 5)")
    options = parser.parse_args()
    sys.stdout.write(f"{machine_facts()}\n\n{table(suite_result(options.tests, options.rounds))}\n")


def suite_result(tests: int, rounds: int) -> Result:
    """Write the files and run every contender in every round, after a round that does not count."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, tests)
        contenders = [Contender(each, PytestRun(folder, arguments).measure) for each, arguments in CONTENDERS.items()]
        scenario = Scenario(f"A file of {tests} tests", "s (less is better)", contenders, baselines=[BARE])
        played = [scenario.play_round() for _ in range(rounds + 1)]
    return Result(scenario, played[1:])


def _write(folder: Path, tests: int) -> None:
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    for name, test in {"test_bare.py": BARE_TEST, "test_client.py": CLIENT_TEST}.items():
        (folder / name).write_text(HANDLER + "".join(test.format(number=number) for number in range(tests)))


class PytestRun:
    """One contender: a run of pytest with these arguments."""

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        """Run in `folder`."""
        self._folder = folder
        self._arguments = arguments

    def measure(self) -> float:
        """Give the seconds of the whole run."""
        plugins = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")
        command = [sys.executable, "-m", "pytest", "-q", *plugins, *self._arguments]
        began = time.perf_counter()
        subprocess.run(command, cwd=self._folder, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
