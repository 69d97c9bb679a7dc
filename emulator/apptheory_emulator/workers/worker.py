"""`worker(…)`: a function in a process of its own, named by its handler or by a command."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from apptheory_emulator.workers.environment import RUNTIME_API
from apptheory_emulator.workers.function import WorkerFunction
from apptheory_emulator.workers.launch import FORMS, Launch, WorkerKind, kind_of_target, launch_command, launch_target
from apptheory_emulator.workers.pool import DEFAULT_CONCURRENCY, DEFAULT_IDLE_SECONDS
from apptheory_emulator.workers.program import DEFAULT_MEMORY_MB, WorkerProgram
from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import check_duration, check_environment, check_switch, check_timeout, is_count

__all__ = ["worker"]


def worker(
    kind_or_target: str | None = None,
    target: str | None = None,
    *,
    exec: Sequence[str] | str | None = None,  # noqa: A002 - as the command's option
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    memory: int = DEFAULT_MEMORY_MB,
    concurrency: int = DEFAULT_CONCURRENCY,
    cwd: str | Path | None = None,
    name: str | None = None,
    idle: float = DEFAULT_IDLE_SECONDS,
    reload: bool = False,
) -> WorkerFunction:
    """Make a handler that runs in processes of its own: `python`, `node`, or any program by `exec`.

    A target is `path/to/file.py:handler` or `package.module:handler`, or names a file of Node; its
    ending says which kind it is where none is given.  Behind a kind it may be `module.handler` as on
    Lambda.  It is found from `cwd`, the current folder by default, in which the processes run.
    `exec` is a command, in words or as a shell would read it.

    `timeout` is in seconds and holds where the function is served without another; `memory` is in
    MB and shown only.  At most `concurrency` processes run at once, and one that is not needed for
    `idle` seconds ends.  `reload` replaces them when a file under `cwd` changes.  Raises
    UsageError for what cannot be, and TargetError for a handler that cannot be there.
    """
    folder = _folder(cwd)
    variables = _environment(env)
    launch = _launch(kind_or_target, target, exec, folder, path=variables.get("PATH"))
    return WorkerFunction(
        WorkerProgram(
            name=_name(name, launch.name),
            command=launch.command,
            handler=launch.handler,
            execution_env=launch.execution_env,
            cwd=folder,
            task_root=folder,
            env=variables,
            memory=_count("memory", memory),
        ),
        concurrency=_count("concurrency", concurrency),
        idle_seconds=check_duration("idle", idle),
        timeout=check_timeout(timeout),
        reload=_reload(reload),
    )


def _reload(reload: object) -> bool:
    wanted = check_switch("reload", reload)
    if wanted and find_spec("watchfiles") is None:
        raise UsageError("reload needs watchfiles: pip install 'apptheory-streaming[emulator]'")
    return wanted


def _launch(
    kind_or_target: str | None,
    target: str | None,
    command: Sequence[str] | str | None,
    folder: Path,
    *,
    path: str | None,
) -> Launch:
    if command is not None:
        if kind_or_target is not None or target is not None:
            raise UsageError(f"exec takes the place of a target, and both are given: {FORMS}")
        return launch_command(command, folder, path=path)
    if not isinstance(kind_or_target, str) or not isinstance(target, str | None):
        raise UsageError(f"a worker needs a target, as text, or a command: {FORMS}")
    kinds = {kind.value: kind for kind in WorkerKind}
    kind = kinds.get(kind_or_target)
    if target is None:
        if kind is not None:
            raise UsageError(f"worker({kind_or_target!r}) names no handler: {FORMS}")
        return launch_target(kind_of_target(kind_or_target), kind_or_target, folder, dotted=False)
    if kind is None:
        known = " or ".join(repr(each) for each in kinds)
        raise UsageError(f"the kind of a worker is {known}, not {kind_or_target!r}; any other runtime is run by exec")
    return launch_target(kind, target, folder, dotted=True)


def _folder(cwd: str | Path | None) -> Path:
    folder = Path.cwd() if cwd is None else Path(cwd).resolve()
    if not folder.is_dir():
        raise UsageError(f"cwd is no folder: {str(cwd)!r}")
    return folder


def _name(name: Any, otherwise: str) -> str:
    if name is None:
        return otherwise
    if isinstance(name, str) and name.strip():
        return name
    raise UsageError(f"name is that of the function, a text that is not empty, not {name!r}")


def _environment(env: Mapping[str, str] | None) -> dict[str, str]:
    variables = check_environment(env)
    if RUNTIME_API in variables:
        raise UsageError(f"env: {RUNTIME_API} is where a worker finds its emulator, and cannot be another's")
    return variables


def _count(option: str, value: object) -> int:
    if is_count(value, least=1):
        return value
    raise UsageError(f"{option} is a whole number, 1 or more, not {value!r}")
