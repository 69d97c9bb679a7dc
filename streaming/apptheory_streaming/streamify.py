"""The handler shape of the Node runtime: `handler(event, response_stream, context)`."""

import functools
import threading
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from apptheory_streaming.errors import (
    ContentTypeAfterWrite,
    EndedTwice,
    HeadAfterWrite,
    HeadSetTwice,
    InvalidResponse,
    WriteAfterEnd,
)
from apptheory_streaming.watch import HeadWatch, view_of_fields
from apptheory_streaming.wire.chunk import Chunk, encode_chunk
from apptheory_streaming.wire.head import DEFAULT_CONTENT_TYPE, head_from_fields, make_head
from apptheory_streaming.write_queue import BodyEnd, WriteQueue
from apptheory_streaming.writer import ResponseWriter

__all__ = ["Drained", "HttpResponseStream", "is_streamified", "streamify_response"]

_MARK = "__streamify_response__"

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def streamify_response(handler: _Handler) -> _Handler:
    """Mark a sync or async `handler(event, response_stream, context)` as one that streams."""
    setattr(getattr(handler, "__func__", handler), _MARK, True)  # a bound method takes no attributes
    return handler


def is_streamified(handler: Callable[..., Any]) -> bool:
    """Whether a handler is marked: itself, its `__call__`, or what a `functools.partial` of it calls."""
    if getattr(handler, _MARK, False) is True or getattr(type(handler).__call__, _MARK, False) is True:
        return True
    return isinstance(handler, functools.partial) and is_streamified(handler.func)


class Drained:
    """What `write` and `end` give: await it to go on when the client has room, or leave it.

    The data was put at the call, so nothing is lost and nothing changes its order without `await`.
    """

    __slots__ = ("_writer",)

    def __init__(self, writer: ResponseWriter | None) -> None:
        """Wait for this writer, or for nothing."""
        self._writer = writer

    def __await__(self) -> Generator[Any, None, None]:
        if self._writer is not None:
            yield from self._writer.drained().__await__()


class HttpResponseStream:
    """The stream that a streamify handler writes its response to, from any task or thread.

    Every call out of order is its own named error (rule F4): HeadSetTwice, HeadAfterWrite,
    ContentTypeAfterWrite, WriteAfterEnd, EndedTwice.
    """

    def __init__(self, writes: WriteQueue, writer: ResponseWriter, watch: HeadWatch, *, watch_foreign: bool) -> None:
        """Made by the invocation; a handler gets it as its second argument."""
        self._writes = writes
        self._writer = writer
        self._watch = watch
        self._watch_foreign = watch_foreign
        self._content_type: str | None = None
        self._from_called = False
        self._head_final = False
        self._lock = threading.Lock()  # for the first of several writers to make the head final alone
        self.ended = False

    @staticmethod
    def from_(stream: "HttpResponseStream", metadata: Mapping[str, Any]) -> "HttpResponseStream":
        """Fix the head from `statusCode`, `headers` and `cookies`, copied now (rule F2); gives the stream."""
        stream._set_head(metadata)  # noqa: SLF001 - its own class
        return stream

    def set_content_type(self, content_type: str) -> None:
        """Set the content type of a response that has no other head; raises InvalidResponse for none."""
        if self._head_final:
            raise ContentTypeAfterWrite("set_content_type came after from_ or the first write made the head final")
        make_head(200, {"content-type": content_type})
        self._content_type = content_type

    def write(self, data: Chunk) -> Drained:
        """Put one chunk; raises StreamTypeError for what is neither bytes-like nor text."""
        if self.ended:
            raise WriteAfterEnd("write came after end")
        return self._put(encode_chunk(data, self._watch.produced))

    def write_made(self, make: Callable[[], bytes]) -> Drained:
        """Put the bytes that `make` gives, which is called in the order of the writes, and must not fail.

        For writers that number what they write: whichever thread is first has the lower number.
        """
        if self.ended:
            raise WriteAfterEnd("write came after end")
        return self._put(b"", make)

    def end(self, data: Chunk | None = None) -> Drained:
        """Complete the body, with a last chunk if one is given."""
        if self.ended:
            raise EndedTwice("end was called a second time")
        if data is not None:
            self.write(data)
        self.ended = True
        self._open_head()
        self._writes.put(BodyEnd())
        return Drained(None)

    def _set_head(self, metadata: Mapping[str, Any]) -> None:
        if not isinstance(metadata, Mapping):
            raise InvalidResponse(f"the metadata of from_ must be a mapping, not {type(metadata).__name__}")
        head = head_from_fields(metadata, default_content_type=self._content_type or DEFAULT_CONTENT_TYPE)
        with self._lock:
            if self._from_called:
                raise HeadSetTwice("HttpResponseStream.from_ was called a second time; the first made the head final")
            if self._head_final:
                raise HeadAfterWrite("HttpResponseStream.from_ came after the first write, which made the head final")
            self._from_called = self._head_final = True
            self._writes.put(head)
        if self._watch_foreign:
            self._watch.compare(lambda: view_of_fields(metadata))

    def _open_head(self) -> None:
        """Without from_, the head is final at the first write."""
        with self._lock:  # held over a `put` that never waits: nothing comes before the head
            if not self._head_final:
                self._head_final = True
                headers = None if self._content_type is None else {"content-type": self._content_type}
                self._writes.put(make_head(200, headers))

    def _put(self, data: bytes, make: Callable[[], bytes] | None = None) -> Drained:
        self._open_head()
        self._watch.chunk_produced()
        return Drained(None if self._writes.put(data, make) else self._writer)
