"""Benchmarks side by side: what the testkit, the emulator and the wire formats cost beside alternatives.

    python tests/benchmarks/run.py [--rounds N] [--quick] [--only in-process|http|formats]

All contenders of a scenario run in turns in one round, after a round that does not count.  Prints
Markdown: median (least to greatest) of the rounds, and the ratio to each baseline, taken round by
round.  Uses loopback only, takes about a minute and starts no round after 75 seconds.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the modules beside this script

from benchmarks.formats import format_scenarios
from benchmarks.in_process import in_process_scenarios
from benchmarks.machine import machine_facts
from benchmarks.over_http import http_scenarios
from benchmarks.rounds import play
from benchmarks.scenario import Result
from benchmarks.size import FULL, QUICK, Size
from benchmarks.table import table

BUDGET_SECONDS = 75.0
PARTS = {"in-process": in_process_scenarios, "http": http_scenarios, "formats": format_scenarios}


def main() -> None:
    """Read the options, run everything, print the tables."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=11, help="rounds that count (default: 11)")
    parser.add_argument("--quick", action="store_true", help="so little work that the figures mean nothing")
    parser.add_argument("--only", choices=PARTS, help="one part alone (default: all)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    sys.stdout.write(f"{machine_facts()}\n\n")
    parts = [options.only] if options.only else list(PARTS)
    for result in results(QUICK if options.quick else FULL, options.rounds, parts):
        sys.stdout.write(table(result) + "\n")


def results(size: Size, rounds: int, parts: Sequence[str]) -> Sequence[Result]:
    """Play every scenario of these parts."""
    with ExitStack() as stack:
        scenarios = [each for part in parts for each in stack.enter_context(PARTS[part](size))]
        return list(play(scenarios, rounds=rounds, seconds=BUDGET_SECONDS))


if __name__ == "__main__":
    main()
