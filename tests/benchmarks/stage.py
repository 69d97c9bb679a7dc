"""Where a function is served: a port, and how to ask there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apptheory_emulator

__all__ = ["BOOTSTRAP", "FUNCTIONS", "MissingError", "Stage", "get"]

FUNCTIONS = Path(__file__).with_name("functions")
BOOTSTRAP = Path(apptheory_emulator.__file__).parent / "workers/node/bootstrap.mjs"


@dataclass(frozen=True, slots=True)
class Stage:
    """A contender's name, its port, and what makes a request for a path."""

    name: str
    port: int
    question: Callable[[str], bytes]


class MissingError(Exception):
    """A contender cannot be had on this machine; says why."""


def get(prefix: str = "") -> Callable[[str], bytes]:
    """Make requests by GET, for paths below a prefix."""
    return lambda path: f"GET {prefix}{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
