"""A writer of Server-Sent Events, for handlers that write."""

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

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
    and the writer is as fast as its client.
    """

    def __init__(self, output: _Output[_Written_co]) -> None:
        """Write to `output`, whose head is set by others."""
        self._output = output

    @staticmethod
    def open(
        stream: HttpResponseStream,
        *,
        status: int = 200,
        headers: HeaderInput | None = None,
        cookies: Iterable[str] = (),
    ) -> "SseWriter[Drained]":
        """Fix the head of a streamify handler's stream, with SSE_HEADERS unless `headers` say otherwise (rule F2).

        Raises what `HttpResponseStream.from_` raises.
        """
        head = {"statusCode": status, "headers": with_preset(SSE_HEADERS, headers), "cookies": list(cookies)}
        return SseWriter(HttpResponseStream.from_(stream, head))

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
        if not isinstance(data, ServerSentEvent):
            return self._output.write(encode_fields(data, event=event, id=id, retry=retry))
        if (event, id, retry) != (None, None, None):
            raise UsageError("a ServerSentEvent has its own event, id and retry: give them to it, or give its data")
        return self._output.write(encode_event(data))

    def write_comment(self, text: str) -> _Written_co:
        """Write a comment, which clients read and forget; a line each for its lines."""
        return self._output.write(encode_fields(comment=text))
