"""Calls in a file, by which one run of a test hands them to the other."""

import json
import os
from pathlib import Path

from apptheory_testkit.comparison.responses import ComparableCall

__all__ = ["read_calls", "write_calls"]


def write_calls(path: Path, calls: list[ComparableCall]) -> None:
    """Write as a whole or not at all: another process may be about to read."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps([call.to_json() for call in calls]))
    draft.replace(path)


def read_calls(path: Path) -> list[ComparableCall]:
    """Read what `write_calls` wrote; raises FileNotFoundError before it did."""
    return [ComparableCall.from_json(call) for call in json.loads(path.read_text())]
