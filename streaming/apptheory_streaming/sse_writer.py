"""A writer of Server-Sent Events, for handlers that write."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from apptheory_streaming.errors import UsageError
from apptheory_streaming.header_presets import SSE_HEADERS, with_preset
from apptheory_streaming.streamify import Drained, HttpResponseStream
from apptheory_streaming.wire.head import HeaderInput
from apptheory_streaming.wire.sse import ServerSentEvent, encode_event, encode_fields

__all__ = ["SseWriter"]

_Written_co = TypeVar("_Written_co", covariant=True)


class _Output(Protocol[_Written_co]):
    def write(self, data: bytes, /) -> _Written_co: ...


class SseWriter(Generic[_Written_co]):
    """Writes events to anything with a `write` for bytes, such as an HttpResponseStream.

    A frame is one write, made at the call, so any number of tasks and threads may write at once
    (rule W1).  What the output's own `write` gives is given back: await it where it can be awaited,
    and the writer is as fast as its client.  `ids` numbers the events that have data, from 1 and in
    the order in which they are sent, whoever writes them; an event with an id of its own keeps it.
    """

    def __init__(self, output: _Output[_Written_co], *, ids: bool = False) -> None:
        """Write to `output`, whose head is set by others; raises UsageError for what has no `write`."""
        if not callable(getattr(output, "write", None)):
            raise UsageError(f"an SseWriter writes to something with a `write` for bytes, not to {output!r}")
        self._output = output
        self._ids = ids
        self._count = 0
        self._lock = threading.Lock()

    @staticmethod
    def open(
        stream: HttpResponseStream,
        *,
        status: int = 200,
        headers: HeaderInput | None = None,
        cookies: Iterable[str] = (),
        ids: bool = False,
    ) -> "SseWriter[Drained]":
        """Fix the head of a streamify handler's stream, with SSE_HEADERS unless `headers` say otherwise (rule F2).

        Raises what `HttpResponseStream.from_` raises.
        """
        head = {"statusCode": status, "headers": with_preset(SSE_HEADERS, headers), "cookies": list(cookies)}
        return SseWriter(HttpResponseStream.from_(stream, head), ids=ids)

    def write_event(
        self,
        data: object,
        *,
        event: str | None = None,
        id: str | None = None,  # noqa: A002 - the name of the field
        retry: int | None = None,
    ) -> _Written_co:
        """Write an event: a ServerSentEvent as it is, or text or a value with a JSON form as the data of one.

        Raises InvalidResponse and FrameInjection, and writes nothing, for what no event can have
        (rule W2), and UsageError for fields beside a ServerSentEvent, which has its own.
        """
        if isinstance(data, ServerSentEvent):
            if (event, id, retry) != (None, None, None):
                raise UsageError("a ServerSentEvent has its own event, id and retry: give them to it, or give its data")
            return self._write_numbered(data) if self._ids else self._output.write(encode_event(data))
        if self._ids:
            return self._write_numbered(ServerSentEvent(data, event, id, retry))
        return self._output.write(encode_fields(data, event=event, id=id, retry=retry))

    def write_comment(self, text: str) -> _Written_co:
        """Write a comment, which clients read and forget; a line each for its lines."""
        return self._output.write(encode_fields(comment=text))

    def _write_numbered(self, event: ServerSentEvent) -> _Written_co:
        """Write an event that is encoded before it has its number, so that one that cannot be sent takes none."""
        if event.data is None:  # a comment or a hint, and no event
            return self._output.write(encode_event(event))
        comment = b"" if event.comment is None else encode_fields(comment=event.comment).removesuffix(b"\n")
        own = event.id is not None
        rest = encode_fields(event.data, event=event.event, id=event.id, retry=event.retry)

        def make() -> bytes:
            self._count += 1
            return comment + (rest if own else b"id: %d\n%b" % (self._count, rest))

        return self._write_made(make)

    def _write_made(self, make: Callable[[], bytes]) -> _Written_co:
        """Number and write as one step; a response does that itself, since a thread may have to wait for room."""
        output: Any = self._output
        if isinstance(output, HttpResponseStream):
            return output.write_made(make)  # type: ignore[return-value]  # its `write` gives the same
        with self._lock:
            return self._output.write(make())
