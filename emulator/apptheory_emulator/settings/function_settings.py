"""One function as a file describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.gateways import Gateway
from apptheory_emulator.workers.function import WorkerFunction
from apptheory_emulator.workers.launch import WorkerKind
from apptheory_emulator.workers.pool import DEFAULT_CONCURRENCY
from apptheory_emulator.workers.program import DEFAULT_MEMORY_MB
from apptheory_emulator.workers.worker import worker
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.cors import CorsConfig
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.iam import AuthType

__all__ = ["FunctionSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """A function: what runs it, from which folder, and what stands in front of it.

    `handler` is a target such as `app.py:handler`; with `kind` it is Lambda's `module.handler`, and with
    `exec`, a command, only told to the program.  `timeout` is in seconds, `memory` in MB.  `port` None
    leaves the choice to the emulator.  `gateway` and `also` are its fronts, as FunctionConfig has them.
    `strict` refuses what AWS would refuse.  `notes` say what the file has and nothing here can have, and
    `places` where in the file a key stands, such as `exec`, for errors that come later.
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
    gateway: Gateway | None = None
    also: tuple[Gateway, ...] = ()
    strict: bool = False
    notes: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def function_config(self, *, reload: bool = False) -> FunctionConfig:
        """Give what the emulator serves, with workers that start with the first request.

        Raises UsageError for a program or a file that is not there, and for what no worker can have.
        """
        return FunctionConfig(
            name=self.name,
            target=self._worker(reload=reload),
            timeout=self.timeout,
            invoke_mode=self.invoke_mode,
            auth=self.auth,
            cors=self.cors,
            gateway=self.gateway,
            also=self.also,
            port=self.port,
            strict=self.strict,
        )

    def _worker(self, *, reload: bool) -> WorkerFunction:
        try:
            return worker(
                *self._target,
                exec=self.exec,
                name=self.name,
                env=self._environment,
                memory=self.memory,
                concurrency=self.concurrency,
                cwd=self.folder,
                reload=reload,
            )
        except UsageError as error:
            key = self._key_of(error)
            said = str(error).removeprefix(f"{key}: ")
            raise UsageError(f"{self.places[key]}: {said}" if key in self.places else str(error)) from error

    def _key_of(self, error: UsageError) -> str:
        """The key that an error of `worker` is about, empty for one that is about none."""
        option = str(error).partition(" ")[0].partition("[")[0].strip(":")
        said = "exec" if self.exec is not None else "handler"
        return {"env": "environment", "reload": ""}.get(option, said)

    @property
    def _target(self) -> tuple[str, ...]:
        if self.exec is not None or self.handler is None:
            return ()
        return (self.handler,) if self.kind is None else (self.kind.value, self.handler)

    @property
    def _environment(self) -> dict[str, str]:
        told = {"_HANDLER": self.handler} if self.exec is not None and self.handler else {}
        return {**told, **self.environment}
