"""How much work one round is."""

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Chunks of a response, and requests, frames and streams of which one figure is made."""

    small_chunks: int
    large_chunks: int
    http_requests: int
    captured_chunks: int
    captured_requests: int
    frames: int
    streams: int


FULL = Size(
    small_chunks=100_000,
    large_chunks=6000,
    http_requests=300,
    captured_chunks=10_000,
    captured_requests=200,
    frames=10_000,
    streams=20,
)
QUICK = Size(
    small_chunks=2000,
    large_chunks=50,
    http_requests=10,
    captured_chunks=500,
    captured_requests=10,
    frames=100,
    streams=2,
)
