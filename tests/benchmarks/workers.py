"""Benchmarks of functions in processes of their own, side by side with other emulators and runtime clients.

    python tests/benchmarks/workers.py [--rounds N] [--quick] [--only streams|requests|starts] [--peers FOLDER|--no-peers]

All contenders of a scenario run in turns in one round, after a round that does not count.  Prints
Markdown: median (least to greatest) of the rounds, and the ratio to the first, or the official,
contender, taken round by round.  The emulators of others are installed into a folder of their own;
what cannot be had is left out, and named.  Uses loopback only, and takes about three minutes.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the modules beside this script

from benchmarks.machine import machine_facts
from benchmarks.peers import peer_versions
from benchmarks.rounds import play
from benchmarks.stage import MissingError
from benchmarks.table import table
from benchmarks.worker_machine import runtime_versions
from benchmarks.worker_requests import request_scenarios
from benchmarks.worker_size import FULL, QUICK, Setting, WorkerSize
from benchmarks.worker_starts import start_scenarios
from benchmarks.worker_streams import stream_scenarios

BUDGET_SECONDS = 200.0
PEERS = Path(__file__).parents[2] / "build/bench-peers"
PARTS = {"streams": stream_scenarios, "requests": request_scenarios, "starts": start_scenarios}


def main() -> None:
    """Read the options, run everything, print the tables."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds that count (default: 15)")
    parser.add_argument("--quick", action="store_true", help="so little work that the figures mean nothing")
    parser.add_argument("--only", choices=PARTS, help="one part alone (default: all)")
    parser.add_argument("--peers", type=Path, default=PEERS, help="where other emulators are, or are installed to")
    parser.add_argument("--no-peers", action="store_true", help="leave the emulators of others out")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    peers = None if options.no_peers else options.peers.resolve()
    run([options.only] if options.only else list(PARTS), QUICK if options.quick else FULL, options.rounds, peers)


def run(parts: Sequence[str], size: WorkerSize, rounds: int, peers: Path | None) -> None:
    """Play each part by itself: what runs for the others would only be in its way."""
    sys.stdout.write(f"{machine_facts()}, {runtime_versions()}\n\n")
    for part in parts:
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            setting = Setting(size=size, peers=peers, scratch=scratch, note=note)
            try:
                scenarios = stack.enter_context(PARTS[part](setting))
            except MissingError as error:
                note(f"{part} are left out: {error}")
                continue
            results = list(play(scenarios, rounds=rounds, seconds=BUDGET_SECONDS))
        for result in results:
            sys.stdout.write(table(result) + "\n")
    if peers is not None:
        sys.stdout.write(f"Other emulators: {peer_versions(peers) or 'none'}\n")


def note(reason: str) -> None:
    """Say what is left out, among the tables."""
    sys.stdout.write(f"* {reason}\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
