"""How large chunks should be, and which of a response are not."""

from dataclasses import dataclass

from apptheory_streaming.errors import UsageError
from apptheory_testkit.assertions.timeline import TimedChunk
from apptheory_testkit.rendering.chunks import is_binary

__all__ = ["BINARY_SIZES", "TEXT_SIZES", "SizeRange", "advised_sizes", "render_size"]

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class SizeRange:
    """The least and the most bytes of a chunk, both included."""

    least: int
    most: int

    @classmethod
    def make(cls, value: tuple[int, int], name: str) -> "SizeRange":
        """Take what a test wrote; raises UsageError for what is no range."""
        __tracebackhide__ = True  # the test's own line is the one that matters
        try:
            least, most = value
            if 0 <= least <= most and most > 0:
                return cls(int(least), int(most))
        except (TypeError, ValueError):
            pass
        raise UsageError(f"{name} takes the least and the most bytes of a chunk, such as (4096, 16384), not {value!r}")

    def misfits(self, full: list[TimedChunk]) -> list[TimedChunk]:
        """Give the chunks that are too large, or too small and not the last; `full` are those with bytes."""
        last = len(full) - 1
        return [
            chunk
            for place, chunk in enumerate(full)
            if len(chunk.data) > self.most or (len(chunk.data) < self.least and place != last)
        ]

    def __str__(self) -> str:
        return f"{render_size(self.least)} to {render_size(self.most)}"


TEXT_SIZES = SizeRange(4 * _KIB, 16 * _KIB)
BINARY_SIZES = SizeRange(8 * _KIB, 64 * _KIB)

_REAL_TIME = frozenset({"text/event-stream", "application/x-ndjson", "application/ndjson", "application/jsonl"})


def advised_sizes(body: bytes, content_type: str) -> SizeRange:
    """Give the advice for a body; where each chunk is an event, it goes out as it is, however small."""
    advice = BINARY_SIZES if is_binary(body) else TEXT_SIZES
    return SizeRange(1, advice.most) if content_type in _REAL_TIME else advice


def render_size(size: int) -> str:
    """Give a size with its unit, of 1024 bytes a KB."""
    if size < _KIB:
        return f"{size} B"
    number, unit = (size / _KIB, "KB") if size < _MIB else (size / _MIB, "MB")
    return f"{number:.1f}".removesuffix(".0") + f" {unit}"
