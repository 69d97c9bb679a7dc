"""How the runtime of a handler is started: ours for Python and Node, any program by its command."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from apptheory_streaming.errors import TargetError, UsageError
from apptheory_streaming.target import target_name

__all__ = ["FORMS", "NODE_ENDINGS", "Launch", "WorkerKind", "kind_of_target", "launch_command", "launch_target"]

FORMS = 'worker("app.py:handler"), worker("node", "app/index.mjs:handler") or worker(exec=["./bootstrap"])'
NODE_ENDINGS = frozenset({".cjs", ".cts", ".js", ".mjs", ".mts", ".ts"})
_BOOTSTRAP = Path(__file__).parent / "node" / "bootstrap.mjs"


class WorkerKind(StrEnum):
    """Whose handlers a runtime of ours runs."""

    PYTHON = "python"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Launch:
    """A command, the `_HANDLER` it is told, and a name for its function."""

    command: tuple[str, ...]
    handler: str
    name: str
    execution_env: str = ""


def kind_of_target(target: str) -> WorkerKind:
    """Tell by the ending of its file; whatever has none of Node's is Python's."""
    place = target.rpartition(":")[0] or target
    return WorkerKind.NODE if Path(place).suffix in NODE_ENDINGS else WorkerKind.PYTHON


def launch_target(kind: WorkerKind, target: str, folder: Path, *, dotted: bool) -> Launch:
    """Start our runtime for a handler that is found from `folder`.

    With `dotted` it may have Lambda's form, `module.handler`.  Raises TargetError for a target that
    names no attribute, or no file that is there.
    """
    place, attribute = _parts(target, dotted=dotted)
    endings = frozenset({".py"}) if kind is WorkerKind.PYTHON else NODE_ENDINGS
    if ":" in target and (kind is WorkerKind.NODE or _is_path(place)):
        _check_file(place, endings, folder)
    return _LAUNCHERS[kind](target, target_name(f"{place}:{attribute}"))


def launch_command(command: Sequence[str] | str, folder: Path, *, path: str | None = None) -> Launch:
    """Start any program that speaks the Runtime API; raises UsageError for one that is not there.

    It is looked for on `path`, by default that of this process.  Its `_HANDLER` is the last word where
    there are several, as for the runtime clients of AWS.
    """
    words = _words(command)
    program = Path(words[0])
    if "/" in words[0]:
        found = os.access(folder / program, os.X_OK) and (folder / program).is_file()
    else:
        found = shutil.which(words[0], path=path) is not None
    if not found and (folder / program).is_file():
        raise UsageError(
            f"exec: {words[0]!r} is no program that may be run: `chmod +x` makes it one, "
            'or name what runs it, as in exec=["python", "runtime.py"]'
        )
    if not found:
        raise UsageError(f"exec: there is no program {words[0]!r} to be run (looked from {folder})")
    return Launch(words, words[-1] if len(words) > 1 else program.stem, program.stem)


def _words(command: Sequence[str] | str) -> tuple[str, ...]:
    if isinstance(command, str):
        try:
            command = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"exec: {command!r} is no command: {error}") from error
    if not isinstance(command, list | tuple) or not all(isinstance(word, str) and "\0" not in word for word in command):
        raise UsageError(f"exec takes a command as text or as a list of words, not {command!r}")
    if not command or not command[0]:
        raise UsageError("exec is empty; it takes a command, such as ./bootstrap")
    return tuple(command)


def _parts(target: str, *, dotted: bool) -> tuple[str, str]:
    place, colon, attribute = target.rpartition(":")
    if not colon and dotted and Path(target).suffix not in NODE_ENDINGS | {".py"}:
        place, _, attribute = target.rpartition(".")
    if not place or not attribute:
        lambdas = ", or `module.handler` as on Lambda" if dotted else ""
        place = target.rstrip(":")
        like = f"{place}:handler" if Path(place).suffix in NODE_ENDINGS else "path/to/file.py:handler"
        raise TargetError(f"{target!r} names no attribute: a target is `{like}`{lambdas}")
    return place, attribute


def _is_path(place: str) -> bool:
    return place.endswith(".py") or "/" in place or "\\" in place


def _check_file(place: str, endings: frozenset[str], folder: Path) -> None:
    if Path(place).suffix not in endings:
        raise TargetError(f"{place!r} ends in none of {', '.join(sorted(endings))}")
    if not (folder / place).is_file():
        raise TargetError(f"there is no file {place!r} (looked from {folder})")


def _python(target: str, name: str) -> Launch:
    version = f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"
    return Launch((sys.executable, "-m", "apptheory_streaming.runtime", target), target, name, version)


def _node(target: str, name: str) -> Launch:
    node = shutil.which("node")
    if node is None:
        raise UsageError(f"{target!r} needs Node, and there is no program `node` on the path")
    return Launch((node, str(_BOOTSTRAP)), target, name)


_LAUNCHERS: dict[WorkerKind, Callable[[str, str], Launch]] = {WorkerKind.PYTHON: _python, WorkerKind.NODE: _node}
