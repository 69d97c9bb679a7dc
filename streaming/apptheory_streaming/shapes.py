"""What a handler returned: a stream with its head, or a value in buffered mode (rule R0)."""

import io
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from apptheory_streaming.batching import Batching
from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.heartbeat import Heartbeat
from apptheory_streaming.live_head import LiveHead
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.watch import HeadView, view_of_fields, view_of_object
from apptheory_streaming.wire.head import Head, head_from_fields, make_head
from apptheory_streaming.wire.inference import decode_base64

__all__ = ["StreamedAnswer", "discard", "is_apptheory_response", "read_answer"]

FILE_CHUNK_BYTES = 8192
_APPTHEORY_SHAPE = ("status", "headers", "cookies", "body", "body_stream", "is_base64")


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """A returned stream: its head, a buffered prefix, and the chunks that follow it.

    `live` is the response that still may be changed, `look` reads a foreign one; both serve only
    to notice late changes.  `commit` lets the head go before the first chunk.  `verbatim` says that
    the head came from no prelude, so that a BUFFERED front has to make one out of the whole body.
    `rest` is what the handler still does once its body is complete.
    """

    head: Head
    prefix: object = None
    body: Iterable[Any] | AsyncIterable[Any] = ()
    live: LiveHead | None = None
    look: Callable[[], HeadView] | None = None
    heartbeat: Heartbeat | None = None
    batching: Batching | None = None
    commit: bool = False
    verbatim: bool = False
    rest: Callable[[], Awaitable[None]] | None = None


def read_answer(value: Any) -> StreamedAnswer | None:
    """Give the stream that a handler returned, or None for a buffered value.

    Raises InvalidResponse for a head that no response can have.
    """
    if isinstance(value, StreamingResponse):
        return _streaming_response(value)
    if isinstance(value, StreamedAnswer):  # of a target that is no user's code, such as a worker
        return value
    if _is_stream(value):
        return StreamedAnswer(make_head(), body=_chunks_of(value))
    if isinstance(value, Mapping):
        return _fields(value) if _is_stream(value.get("body")) else None
    if is_apptheory_response(value):
        return _apptheory_response(value)
    return None


def is_apptheory_response(value: Any) -> bool:
    """Whether a value has the attributes of a response of AppTheory."""
    return all(hasattr(value, name) for name in _APPTHEORY_SHAPE)


def _streaming_response(response: StreamingResponse) -> StreamedAnswer:
    head = make_head(response.status, response.headers, response.cookies)
    prefix, body = _split(response.body)
    return StreamedAnswer(head, prefix, body, live=response, heartbeat=response.heartbeat, batching=response.batching)


def _fields(fields: Mapping[str, Any]) -> StreamedAnswer:
    if fields.get("isBase64Encoded"):
        raise InvalidResponse("isBase64Encoded needs a buffered body; a stream sends its bytes as they are")
    head = head_from_fields(fields)
    return StreamedAnswer(head, body=_chunks_of(fields["body"]), look=lambda: view_of_fields(fields))


def _apptheory_response(response: Any) -> StreamedAnswer:
    if response.is_base64 and response.body_stream is not None:
        raise InvalidResponse("is_base64 needs a buffered body; a stream sends its bytes as they are")
    head = make_head(response.status, response.headers, response.cookies)
    prefix = decode_base64(response.body or b"") if response.is_base64 else response.body
    first, body = _split(response.body_stream)
    if first is not None:
        body = (first,)
    return StreamedAnswer(head, prefix or None, body, look=lambda: view_of_object(response))


def _split(body: Any) -> tuple[object, Iterable[Any] | AsyncIterable[Any]]:
    """A body as one chunk and the rest: text and bytes are one chunk, never iterated (rule R1)."""
    if body is None:
        return None, ()
    if isinstance(body, str | bytes | bytearray | memoryview):
        return (body if len(body) else None), ()
    if _is_stream(body) or isinstance(body, Iterable):
        return None, _chunks_of(body)
    raise InvalidResponse(
        f"a body must be bytes, text, an iterable of them or a binary file, not {type(body).__name__}"
    )


def discard(value: Any) -> None:
    """Close what a value holds that nobody will read: an iterator, a file, a coroutine never awaited.

    What is raised by that is lost: the value is given up because something else went wrong.
    """
    with suppress(Exception):
        for held in _held(value):
            if isinstance(held, Iterator | Coroutine) or _is_binary_file(held):
                close = getattr(held, "close", None)
                if close is not None:
                    close()


def _held(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Mapping):
        return (value.get("body"),)
    return (value, getattr(value, "body", None), getattr(value, "body_stream", None))


def _is_stream(value: object) -> bool:
    return isinstance(value, Iterator | AsyncIterable) or _is_binary_file(value)


def _is_binary_file(value: object) -> bool:
    if isinstance(value, io.TextIOBase):
        return False
    return isinstance(value, io.IOBase) or (hasattr(value, "read") and hasattr(value, "readinto"))


def _chunks_of(body: Any) -> Iterable[Any] | AsyncIterable[Any]:
    return _FileChunks(body) if _is_binary_file(body) else body


class _FileChunks(Iterator[bytes]):
    """A file by its bytes, not by its lines, closed at the end, and also when nothing was read."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __next__(self) -> bytes:
        chunk: bytes = self._file.read(FILE_CHUNK_BYTES)
        if not chunk:
            raise StopIteration
        return chunk

    def close(self) -> None:
        self._file.close()
