"""What a handler returns to stream: StreamingResponse, and helpers for common content types."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from apptheory_streaming.heartbeat import Heartbeat, make_heartbeat
from apptheory_streaming.live_head import LiveHead
from apptheory_streaming.wire.chunk import StreamBody
from apptheory_streaming.wire.head import HeaderInput
from apptheory_streaming.wire.sse import ServerSentEvent, encode_event

__all__ = ["SSE_HEADERS", "StreamingResponse", "html_stream", "sse_stream", "text_stream"]

SSE_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # nginx holds a stream back without it
}

HEARTBEAT_SECONDS = 15.0


class StreamingResponse(LiveHead):
    """A streamed response: a body, and a head that stays changeable until it is finalized.

    `body` is one chunk (bytes-like or text), any sync or async iterable of chunks, a file opened
    in binary, or None.  `status` is 100 to 599 (0 means 200); a header value is text or a list of
    texts; `cookies` are Set-Cookie values in order.  The head is checked when the handler
    returns: what no response can have is InvalidResponse then.  `heartbeat` is what it sends while
    it is silent (rule W4); `sse_stream` brings one.
    """

    def __init__(
        self,
        body: StreamBody = None,
        *,
        status: int = 200,
        headers: HeaderInput | None = None,
        cookies: Iterable[str] = (),
        heartbeat: Heartbeat | None = None,
    ) -> None:
        """Keep the body as it is, and copies of headers and cookies."""
        super().__init__(status, headers, cookies)
        self.body = body
        self.heartbeat = heartbeat


def html_stream(
    chunks: StreamBody, *, status: int = 200, headers: HeaderInput | None = None, cookies: Iterable[str] = ()
) -> StreamingResponse:
    """Stream HTML, as `text/html; charset=utf-8` unless `headers` say otherwise."""
    preset = {"content-type": "text/html; charset=utf-8"}
    return StreamingResponse(chunks, status=status, headers=_with(preset, headers), cookies=cookies)


def text_stream(
    chunks: StreamBody, *, status: int = 200, headers: HeaderInput | None = None, cookies: Iterable[str] = ()
) -> StreamingResponse:
    """Stream plain text, as `text/plain; charset=utf-8` unless `headers` say otherwise."""
    preset = {"content-type": "text/plain; charset=utf-8"}
    return StreamingResponse(chunks, status=status, headers=_with(preset, headers), cookies=cookies)


def sse_stream(
    events: Iterable[object] | AsyncIterable[object] | None,
    *,
    status: int = 200,
    headers: HeaderInput | None = None,
    cookies: Iterable[str] = (),
    heartbeat: float | None = HEARTBEAT_SECONDS,
) -> StreamingResponse:
    """Stream Server-Sent Events, one chunk an event, with SSE_HEADERS unless `headers` say otherwise.

    An event is a ServerSentEvent; text, or any value with a JSON form, is the data of one; bytes
    are taken as framed already and sent unchanged.  After `heartbeat` seconds without a chunk the
    comment `: keep-alive` is sent as one of its own (rule W4); None and 0 send none, and what is
    no such number is UsageError.
    """
    beat = make_heartbeat(heartbeat)
    body: AsyncIterator[bytes] | Iterator[bytes]
    if isinstance(events, AsyncIterable):
        body = _frames_async(events)
    else:  # text and bytes are one event, never iterated by character (rule R1)
        one = isinstance(events, str | bytes | bytearray | memoryview)
        body = _frames((events,) if one else () if events is None else events)
    return StreamingResponse(body, status=status, headers=_with(SSE_HEADERS, headers), cookies=cookies, heartbeat=beat)


def _frames(events: Iterable[object]) -> Iterator[bytes]:
    iterator = iter(events)
    try:
        for event in iterator:
            yield _frame(event)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


async def _frames_async(events: AsyncIterable[object]) -> AsyncIterator[bytes]:
    iterator = aiter(events)
    try:
        async for event in iterator:
            yield _frame(event)
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


def _frame(event: object) -> bytes:
    if isinstance(event, bytes | bytearray | memoryview):
        return bytes(event)
    return encode_event(event if isinstance(event, ServerSentEvent) else ServerSentEvent(event))


def _with(preset: HeaderInput, headers: HeaderInput | None) -> dict[str, object]:
    """The preset, less what the headers name in any case, and the headers."""
    given = dict(headers or {})
    named = {name.lower() for name in given if isinstance(name, str)}
    return {name: value for name, value in preset.items() if name not in named} | given
