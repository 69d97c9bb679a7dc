"""A function that the emulator's command serves, and one that Node serves by itself."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.program import program
from benchmarks.stage import FUNCTIONS, MissingError, Stage, get

__all__ = ["emulated", "node_server", "require_node"]


@contextmanager
def emulated(name: str, *arguments: str, cwd: Path = FUNCTIONS) -> Iterator[Stage]:
    """Run `apptheory-emulate` with these arguments."""
    command = (sys.executable, "-m", "apptheory_emulator", *arguments, "--port", "0", "--ready-json")
    with program(command, cwd=cwd) as output:
        line = output.readline()
        if not line:
            raise RuntimeError(f"the emulator did not start; see what it says: {' '.join(command)} (in {cwd})")
        yield Stage(name, urlsplit(json.loads(line)["functions"][0]["url"]).port or 80, get())


@contextmanager
def node_server(name: str) -> Iterator[Stage]:
    """Run Node's own server."""
    with program((require_node(), FUNCTIONS / "http_server.mjs"), cwd=FUNCTIONS) as output:
        yield Stage(name, int(output.readline()), get())


def require_node() -> str:
    """Give Node; raises MissingError where it is missing."""
    node = shutil.which("node")
    if node is None:
        raise MissingError("node is not on the PATH")
    return node
