"""The score card of this project's emulator and of others that start without docker, as data for the docs.

    python tests/benchmarks/score_peers.py [--peers FOLDER] [--only NAME ...]

Writes a file of JSON for each into docs/reference/score-card, with versions and date; `make generate`
makes the page of them.  All run the same handler in Node, but ours, which run those for Python and Go
too.  What cannot be started is written down with its reason.  The emulators of others are installed into
a folder of their own, from where pip and npm take packages.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the modules beside this script

from apptheory_emulator.score.card import ScoreCard
from apptheory_emulator.score.endpoint import Patience
from apptheory_emulator.score.handler import NoScoreHandler
from apptheory_emulator.score.run import ScoreOptions, score_endpoint
from apptheory_emulator.score.table import CASES
from benchmarks.scored import SCORED, Scored
from benchmarks.stage import MissingError

RESULTS = Path(__file__).parents[2] / "docs/reference/score-card"
PEERS = Path(__file__).parents[2] / "build/bench-peers"
_PORT = re.compile(r"127\.0\.0\.1:\d+")
PATIENCE = Patience(timeout=10.0)


def main() -> None:
    """Read the options, and write a file for each."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--peers", type=Path, default=PEERS, help="where other emulators are, or are installed to")
    parser.add_argument("--only", nargs="+", choices=SCORED, default=list(SCORED), help="these alone (default: all)")
    options = parser.parse_args()
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    RESULTS.mkdir(exist_ok=True)
    for name in options.only:
        with tempfile.TemporaryDirectory() as scratch:
            result = score(name, partial(SCORED[name], options.peers.resolve(), Path(scratch)))
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
        sys.stdout.write(f"{name}: {result.get('problem') or result['card']['summary']}\n")


def score(name: str, start: Callable[[], AbstractContextManager[Scored]]) -> dict[str, Any]:
    """Give the card of one, or why there is none."""
    told: dict[str, Any] = {"name": name, "date": datetime.now(UTC).date().isoformat()}
    try:
        with start() as scored:
            told |= {"title": scored.title, "versions": scored.versions, "how": scored.how}
            card = None if scored.fresh else card_of(scored)
        if card is None:
            card = freshly_scored(start)
    except (MissingError, NoScoreHandler, OSError) as error:
        return {"title": name, "versions": "", "how": ""} | told | {"problem": str(error)}
    return told | {"card": shortened(card.as_json())}


def freshly_scored(start: Callable[[], AbstractContextManager[Scored]]) -> ScoreCard:
    """Start it anew for each case, and make one card of all."""
    parts = []
    for case in CASES:
        with start() as scored:
            parts.append(card_of(scored, only=(case,)))
    return replace(parts[0], scores=[score for part in parts for score in part.scores])


def card_of(scored: Scored, only: tuple[str, ...] = ()) -> ScoreCard:
    """Run the cases."""
    options = ScoreOptions(
        url=scored.url,
        invoke=scored.invoke,
        name=scored.function if scored.invoke else None,
        handler=scored.language,
        only=only,
        patience=PATIENCE,
    )
    return asyncio.run(score_endpoint(options))


def shortened(card: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the code says of each case, and the port of the day."""
    del card["endpoint"]
    return card | {"cases": [short(case) for case in card["cases"]]}


def short(case: dict[str, Any]) -> dict[str, Any]:
    """Keep what came only where it is not what was expected."""
    kept = ("id", "grade", "verdict") if case["verdict"] == "holds" else ("id", "grade", "verdict", "came")
    return {key: _PORT.sub("127.0.0.1:PORT", case[key]) for key in kept}


if __name__ == "__main__":
    main()
