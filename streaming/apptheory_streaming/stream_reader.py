"""Values from chunks, by `for` or by `async for`, whatever the cuts (rule W6)."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from apptheory_streaming.errors import FormatError, UsageError
from apptheory_streaming.wire.chunk import Chunk, encode_chunk

__all__ = ["Chunks", "Decoder", "StreamReader"]

_Value = TypeVar("_Value")
_Decoded_co = TypeVar("_Decoded_co", covariant=True)

Chunks = Chunk | Iterable[Chunk] | AsyncIterable[Chunk]
"""Where bytes come from: many chunks, or one, which is never iterated by character or byte."""


class Decoder(Protocol[_Decoded_co]):
    """Makes values of bytes; `error` is the first thing that was wrong, and nothing is read after it."""

    @property
    def error(self) -> FormatError | None:
        """What ended the reading."""
        ...

    def feed(self, data: bytes) -> Iterable[_Decoded_co]:
        """Take the next bytes, and give the values that they complete."""
        ...

    def close(self) -> Iterable[_Decoded_co]:
        """Take the end, and give what it completes."""
        ...


class StreamReader(Generic[_Value]):
    """Reads values from chunks, each as soon as it is complete.

    What is wrong in the stream is FormatError, behind all values before it; then nothing comes any
    more.  The source of the chunks is closed at the end, after an error, and by `close`, `aclose`
    or a `with`.  An error of the source itself goes through and ends the reading.  A cancellation
    goes through too, and ends an async generator; any other source is read on where it was.
    Raises UsageError where `for` and `async for` are mixed up.
    """

    def __init__(self, chunks: Chunks, decoder: Decoder[_Value]) -> None:
        """Read nothing yet."""
        one = isinstance(chunks, str | bytes | bytearray | memoryview)
        self._chunks: Iterable[Chunk] | AsyncIterable[Chunk] = (chunks,) if one else chunks  # type: ignore[assignment]
        self._decoder = decoder
        self._values: deque[_Value] = deque()
        self._source: Iterator[Chunk] | None = None
        self._async_source: AsyncIterator[Chunk] | None = None
        self._count = 0
        self._over = False
        self._told = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Value:
        while not self._values:
            if self._over:
                self.close()
                self._raise_error()
                raise StopIteration
            self._read()
        return self._values.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _Value:
        while not self._values:
            if self._over:
                await self.aclose()
                self._raise_error()
                raise StopAsyncIteration
            await self._read_async()
        return self._values.popleft()

    def close(self) -> None:
        """Read no more, and close the source of the chunks."""
        self._over = True
        self._values.clear()
        source, self._source = self._source, None
        close = getattr(source, "close", None)
        if close is not None:
            close()

    async def aclose(self) -> None:
        """Do the same for chunks that come asynchronously."""
        self._over = True
        self._values.clear()
        source, self._async_source = self._async_source, None
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _read(self) -> None:
        if self._source is None:
            if not isinstance(self._chunks, Iterable):
                raise UsageError(f"chunks of {_kind(self._chunks)} {_advice(self._chunks)}")
            self._source = iter(self._chunks)
        try:
            self._feed(next(self._source))
        except StopIteration:
            self._end()
        except BaseException:
            self._over = True
            raise

    async def _read_async(self) -> None:
        if self._async_source is None:
            if not isinstance(self._chunks, AsyncIterable):
                raise UsageError(f"chunks of {_kind(self._chunks)} {_advice(self._chunks)}")
            self._async_source = aiter(self._chunks)
        try:
            self._feed(await anext(self._async_source))
        except StopAsyncIteration:
            self._end()
        except asyncio.CancelledError:
            self._over = isinstance(self._async_source, AsyncGenerator)  # which the cancellation has ended
            raise
        except BaseException:
            self._over = True
            raise

    def _feed(self, chunk: Chunk) -> None:
        self._values.extend(self._decoder.feed(encode_chunk(chunk, self._count)))
        self._count += 1
        self._over = self._decoder.error is not None

    def _end(self) -> None:
        self._over = True
        self._values.extend(self._decoder.close())

    def _raise_error(self) -> None:
        """Raise what was wrong, once."""
        error = self._decoder.error
        if error is not None and not self._told:
            self._told = True
            raise error


def _kind(chunks: object) -> str:
    return f"type {type(chunks).__name__}"


def _advice(chunks: object) -> str:
    if isinstance(chunks, AsyncIterable):
        return "come asynchronously: read them with `async for`"
    if isinstance(chunks, Iterable):
        return "are read with `for`; `async for` needs an async iterable"
    return "cannot be read: give bytes, or an iterable of them"
