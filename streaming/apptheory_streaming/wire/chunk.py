"""What one chunk may be, and its bytes."""

from collections.abc import AsyncIterable, Iterable
from typing import BinaryIO

from apptheory_streaming.errors import StreamTypeError, UsageError

__all__ = ["Chunk", "StreamBody", "bytes_of", "encode_chunk"]

Chunk = bytes | bytearray | memoryview | str

StreamBody = Chunk | Iterable[Chunk] | AsyncIterable[Chunk] | BinaryIO | None
"""What every entry point takes as a body (rule R1): one chunk, many, a file opened in binary, or nothing."""


def bytes_of(data: object) -> bytes:
    """Give what a decoder was fed with as bytes; raises UsageError for what is none, as text and numbers are."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise UsageError(f"a decoder is fed with bytes, as they came, not with {type(data).__name__}")


def encode_chunk(chunk: object, index: int) -> bytes:
    """Give the bytes of chunk number `index`: text as UTF-8, bytes-like as it is (rule R2).

    A mutable buffer is copied, so that the handler may use it again at once.  Raises
    StreamTypeError for any other type and for text without a UTF-8 form (a lone surrogate).
    """
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, str):
        try:
            return chunk.encode()
        except UnicodeEncodeError as error:
            raise StreamTypeError(f"chunk {index} is text without a UTF-8 form: {error.reason}") from error
    if isinstance(chunk, bytearray | memoryview):
        return bytes(chunk)
    raise StreamTypeError(f"chunk {index} is of type {type(chunk).__name__}; a stream yields str or bytes")
