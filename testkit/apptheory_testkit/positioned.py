"""Where in a response a value came from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from apptheory_testkit.assertions.timeline import Timeline

__all__ = ["Positioned", "read_chunks"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Positioned(Generic[_T]):
    """A value, the number of the chunk that completed it, and when that was made (seconds from the request).

    `at` is None for a response without times.
    """

    value: _T
    chunk: int
    at: float | None


def read_chunks(feed: Callable[[bytes], Iterable[_T]], timeline: Timeline) -> list[Positioned[_T]]:
    """Give what a decoder makes of each chunk in turn."""
    return [
        Positioned(value, chunk.index, chunk.produced_at) for chunk in timeline.chunks for value in feed(chunk.data)
    ]
