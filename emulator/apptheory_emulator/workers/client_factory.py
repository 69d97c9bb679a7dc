"""The type of the fixture `worker_client`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from apptheory_streaming.wire.limits import Limits

if TYPE_CHECKING:
    from apptheory_testkit import StreamClient

__all__ = ["WorkerClientFactory"]


class WorkerClientFactory(Protocol):
    """What the `worker_client` fixture gives."""

    def __call__(
        self,
        kind_or_target: str | None = None,
        target: str | None = None,
        *,
        exec: Sequence[str] | str | None = None,  # noqa: A002 - as that of `worker`
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        memory: int = ...,
        concurrency: int = ...,
        cwd: str | Path | None = None,
        name: str | None = None,
        idle: float = ...,
        reload: bool = False,
        strict: bool = True,
        raise_on_stream_error: bool = False,
        on_disconnect: str = "continue",
        invoke_mode: str = "RESPONSE_STREAM",
        limits: Limits | None = None,
    ) -> "StreamClient":
        """Make a client for a function in processes of its own; see `worker` and `stream_client`."""
        ...
