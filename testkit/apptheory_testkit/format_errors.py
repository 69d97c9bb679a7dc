"""Where in the chunks of a response a byte of its body is, and errors that say so."""

from collections.abc import Iterator
from contextlib import contextmanager

from apptheory_streaming.errors import FormatError
from apptheory_testkit.assertions.timeline import Timeline

__all__ = ["byte_place", "in_chunks"]


def byte_place(timeline: Timeline, offset: int) -> str:
    """Give a byte of the body by its chunk, such as `byte 3 of chunk 2`, both counted from 0."""
    before = 0
    for chunk in timeline.chunks:
        if offset < before + len(chunk.data):
            return f"byte {offset - before} of chunk {chunk.index}"
        before += len(chunk.data)
    return f"the end, after chunk {timeline.chunks[-1].index}" if timeline.chunks else "the end, there is no chunk"


@contextmanager
def in_chunks(timeline: Timeline) -> Iterator[None]:
    """Let a FormatError of a decoder say at which byte of which chunk it is."""
    __tracebackhide__ = True
    try:
        yield
    except FormatError as error:
        raise FormatError(error.problem, offset=error.offset, where=byte_place(timeline, error.offset)) from None
