"""How much work one round of the workers is, and what the parts of the benchmark share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FULL", "QUICK", "Setting", "WorkerSize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSize:
    """Chunks of a response of each kind, and requests of which one figure is made."""

    slow_chunks: int
    paced_chunks: int
    small_chunks: int
    large_chunks: int
    requests: int


FULL = WorkerSize(slow_chunks=20, paced_chunks=100, small_chunks=20_000, large_chunks=500, requests=100)
QUICK = WorkerSize(slow_chunks=2, paced_chunks=3, small_chunks=100, large_chunks=2, requests=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The size, where the packages of others are or shall be (None: left out), a folder for files, and who hears of gaps."""

    size: WorkerSize
    peers: Path | None
    scratch: Path
    note: Callable[[str], object]
