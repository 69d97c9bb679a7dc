"""Targets by the words of the command line."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from apptheory_emulator.contract.handlers_place import HandlersPlace
from apptheory_emulator.contract.http_target import HttpTarget
from apptheory_emulator.contract.worker_handlers import TARGET, environment
from apptheory_emulator.contract.worker_target import WorkerTarget
from apptheory_emulator.workers.function import WorkerFunction
from apptheory_emulator.workers.launch import launch_command
from apptheory_emulator.workers.program import WorkerProgram
from apptheory_emulator.workers.worker import worker
from apptheory_streaming.errors import UsageError
from apptheory_streaming.target import target_name
from apptheory_testkit.contract import IN_PROCESS, ContractTarget
from apptheory_testkit.contract.handler_names import check_imports

__all__ = ["TARGETS", "make_target", "make_targets"]

TARGETS = ("in-process", "http", "python", "node", "exec=COMMAND")
"""The words there are."""

_EXEC = "exec="
_IDLE_SECONDS = 86_400.0  # they end with the run, not before
_HANDLER = "{handler}"


def make_targets(texts: Iterable[str], place: HandlersPlace) -> list[ContractTarget]:
    """Give those that words name, each once; two programs of one name are told apart by their whole commands."""
    made: list[ContractTarget] = []
    for text in dict.fromkeys(texts):
        target = make_target(text, place)
        if isinstance(target, WorkerTarget) and target.label in [each.label for each in made]:
            target.label = text.removeprefix(_EXEC)
        made.append(target)
    return made


def make_target(text: str, place: HandlersPlace) -> ContractTarget:
    """Give the target that a word names; raises UsageError for another word, and for what cannot be started."""
    if text == IN_PROCESS.label:
        return IN_PROCESS
    if text == "http":
        return HttpTarget()
    if text == "python":
        return WorkerTarget(text, partial(_python, _checked(place.python())))
    if text == "node":
        return WorkerTarget(text, partial(_node, Path(place.node())))
    if text.startswith(_EXEC):
        return _program(text.removeprefix(_EXEC), place.folder)
    raise UsageError(f"there is no target {text!r}: there are {', '.join(TARGETS)}")


def _checked(place: str) -> str:
    check_imports(place)
    return place


def _python(place: str, name: str) -> WorkerFunction:
    """The handler of a module or a file, which HANDLERS may name as it is nowhere else."""
    file = Path(place)
    is_file = file.is_file()
    return worker(
        "python",
        TARGET,
        env=environment(file.name if is_file else place, name),
        cwd=file.resolve().parent if is_file else None,
        name=target_name(f"{place}:{name}"),
        concurrency=1,
        idle=_IDLE_SECONDS,
    )


def _node(file: Path, name: str) -> WorkerFunction:
    """The export of a file."""
    folder = file.resolve().parent
    return worker("node", f"{file.name}:{name}", cwd=folder, concurrency=1, idle=_IDLE_SECONDS)


def _program(command: str, folder: Path) -> ContractTarget:
    """Any program that speaks the Runtime API: `_HANDLER` is the name, or the word that it stands in as `{handler}`."""
    words = launch_command(command, folder).command
    handler = next((word for word in words if _HANDLER in word), _HANDLER)

    def make(name: str) -> WorkerFunction:
        program = WorkerProgram(
            name=Path(words[0]).stem,
            command=tuple(word.replace(_HANDLER, name) for word in words),
            handler=handler.replace(_HANDLER, name),
            cwd=folder,
            task_root=folder,
        )
        return WorkerFunction(program, concurrency=1, idle_seconds=_IDLE_SECONDS)

    label = " ".join(Path(word).name for word in words if _HANDLER not in word)
    return WorkerTarget(label, make)
