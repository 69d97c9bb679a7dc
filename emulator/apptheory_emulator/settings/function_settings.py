"""One function as a file describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.workers.launch import WorkerKind
from apptheory_emulator.workers.pool import DEFAULT_CONCURRENCY
from apptheory_emulator.workers.program import DEFAULT_MEMORY_MB
from apptheory_emulator.workers.worker import worker
from apptheory_streaming.wire.cors import CorsConfig
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.iam import AuthType

__all__ = ["FunctionSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """A function: what runs it, from which folder, and how its URL answers.

    `handler` is a target such as `app.py:handler`; with `kind` it is Lambda's `module.handler`, and with
    `exec`, a command, only told to the program.  `timeout` is in seconds, `memory` in MB.  `port` None
    leaves the choice to the emulator.  `notes` say what the file has and nothing here can have.
    """

    name: str
    folder: Path
    handler: str | None = None
    kind: WorkerKind | None = None
    exec: str | tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    memory: int = DEFAULT_MEMORY_MB
    invoke_mode: InvokeMode = InvokeMode.RESPONSE_STREAM
    auth: AuthType = AuthType.NONE
    port: int | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    cors: CorsConfig | None = None
    notes: tuple[str, ...] = ()

    def function_config(self, *, reload: bool = False) -> FunctionConfig:
        """Give what the emulator serves, with workers that start with the first request.

        Raises UsageError for a program or a file that is not there, and for what no worker can have.
        """
        return FunctionConfig(
            name=self.name,
            target=worker(
                *self._target,
                exec=self.exec,
                name=self.name,
                env=self._environment,
                memory=self.memory,
                concurrency=self.concurrency,
                cwd=self.folder,
                reload=reload,
            ),
            timeout=self.timeout,
            invoke_mode=self.invoke_mode,
            auth=self.auth,
            cors=self.cors,
            port=self.port,
        )

    @property
    def _target(self) -> tuple[str, ...]:
        if self.exec is not None or self.handler is None:
            return ()
        return (self.handler,) if self.kind is None else (self.kind.value, self.handler)

    @property
    def _environment(self) -> dict[str, str]:
        told = {"_HANDLER": self.handler} if self.exec is not None and self.handler else {}
        return {**told, **self.environment}
