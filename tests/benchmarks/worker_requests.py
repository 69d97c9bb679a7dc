"""Scenario of small requests, one after the other, to a handler in-process and in warm workers of each runtime."""

import os
import shlex
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apptheory_fixtures
from benchmarks.emulated import emulated, require_node
from benchmarks.scenario import Contender, Scenario
from benchmarks.stage import FUNCTIONS, MissingError
from benchmarks.visit import Visitor
from benchmarks.worker_size import Setting

__all__ = ["request_scenarios"]

GO_HANDLERS = Path(apptheory_fixtures.__file__).parent / "handlers/go"
CHUNKS = ("/16x3", b"x" * 48)
TEXT = ("/text", b"one two three")


@dataclass(frozen=True, slots=True)
class _Function:
    """What the emulator is started with, where, and a path with the three chunks that it answers."""

    arguments: Sequence[str]
    folder: Path = FUNCTIONS
    request: tuple[str, bytes] = CHUNKS


@contextmanager
def request_scenarios(setting: Setting) -> Iterator[Sequence[Scenario]]:
    """Start an emulator for each runtime that is there; three chunks are what each of them answers."""
    with ExitStack() as stack:
        contenders = []
        for name, make in _FUNCTIONS.items():
            try:
                function = make(setting.scratch)
            except MissingError as error:
                setting.note(f"{name} is left out: {error}")
                continue
            stage = stack.enter_context(emulated(name, *function.arguments, cwd=function.folder))
            visitor = stack.enter_context(Visitor(stage.port, stage.question))
            contenders.append(_contender(name, visitor, function.request, setting.size.requests))
        title = f"A request of three chunks, the median of {setting.size.requests}"
        yield (Scenario(title, "µs (less is better)", contenders, baselines=[contenders[0].name]),)


def _contender(name: str, visitor: Visitor, request: tuple[str, bytes], requests: int) -> Contender:
    return Contender(name, lambda: statistics.median(_nanoseconds(visitor, *request) for _ in range(requests)) / 1e3)


def _nanoseconds(visitor: Visitor, path: str, body: bytes) -> int:
    arrivals = visitor.get(path)
    if arrivals.body != body:
        raise ValueError(f"not the answer of {path}: {bytes(arrivals.body)!r}")
    return arrivals.last_byte


def _in_process(scratch: Path) -> _Function:
    return _Function(("stream.py:handler", "--in-process"))


def _python(scratch: Path) -> _Function:
    return _Function(("stream.py:handler",))


def _node(scratch: Path) -> _Function:
    require_node()
    return _Function(("stream.mjs:handler",))


def _go(scratch: Path) -> _Function:
    """Build the program, for which its library must be at hand or to be had."""
    go = shutil.which("go")
    if go is None:
        raise MissingError("go is not on the PATH")
    program = scratch / "contract"
    command = (go, "build", "-trimpath", "-buildvcs=false", "-o", program, ".")
    env = {**os.environ, "CGO_ENABLED": "0"}
    built = subprocess.run(command, cwd=GO_HANDLERS, env=env, capture_output=True, text=True, check=False)
    if built.returncode:
        raise MissingError(f"its program cannot be built: {built.stderr.strip()}")
    return _Function(("--exec", shlex.join((str(program), "streaming"))), GO_HANDLERS, TEXT)


_FUNCTIONS = {"Python in-process": _in_process, "Python worker": _python, "Node worker": _node, "Go worker": _go}
