"""What the workers of one function run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["DEFAULT_MEMORY_MB", "WorkerProgram"]

DEFAULT_MEMORY_MB = 1024
"""What a context shows too; nothing holds a worker to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerProgram:
    """A command that speaks the Runtime API, the folder it starts in, and what it is told of its function.

    `handler` is its `_HANDLER`, `task_root` its LAMBDA_TASK_ROOT; `env` are the function's variables;
    `memory` is in MB; `execution_env` is its AWS_EXECUTION_ENV, which a custom runtime has not.
    """

    name: str
    command: tuple[str, ...]
    handler: str
    cwd: Path
    task_root: Path
    env: Mapping[str, str] = field(default_factory=dict)
    memory: int = DEFAULT_MEMORY_MB
    execution_env: str = ""
