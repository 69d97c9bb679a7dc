"""What a handler returns to stream: StreamingResponse, and helpers for text."""

from collections.abc import Iterable

from apptheory_streaming.batching import Batching
from apptheory_streaming.header_presets import with_preset
from apptheory_streaming.heartbeat import Heartbeat, make_heartbeat
from apptheory_streaming.live_head import LiveHead
from apptheory_streaming.wire.chunk import StreamBody
from apptheory_streaming.wire.head import HeaderInput

__all__ = ["StreamingResponse", "html_stream", "text_stream"]


class StreamingResponse(LiveHead):
    """A streamed response: a body, and a head that stays changeable until it is finalized.

    `body` is one chunk (bytes-like or text), any sync or async iterable of chunks, a file opened
    in binary, or None.  `status` is 100 to 599 (0 means 200); a header value is text or a list of
    texts; `cookies` are Set-Cookie values in order.  The head is checked when the handler
    returns: what no response can have is InvalidResponse then.  With a `heartbeat` in
    seconds, a stream that was silent for so long sends a comment of Server-Sent Events (rule W4),
    None and 0 send none; `sse_stream` brings one.  `batching` joins its chunks; `ndjson_stream`
    may bring it.
    """

    def __init__(
        self,
        body: StreamBody = None,
        *,
        status: int = 200,
        headers: HeaderInput | None = None,
        cookies: Iterable[str] = (),
        heartbeat: float | Heartbeat | None = None,
        batching: Batching | None = None,
    ) -> None:
        """Keep the body as it is, and copies of headers and cookies; raises UsageError for a wrong `heartbeat`."""
        super().__init__(status, headers, cookies)
        self.body = body
        self.heartbeat = make_heartbeat(heartbeat)
        self.batching = batching


def html_stream(
    chunks: StreamBody, *, status: int = 200, headers: HeaderInput | None = None, cookies: Iterable[str] = ()
) -> StreamingResponse:
    """Stream HTML, as `text/html; charset=utf-8` unless `headers` say otherwise."""
    preset = {"content-type": "text/html; charset=utf-8"}
    return StreamingResponse(chunks, status=status, headers=with_preset(preset, headers), cookies=cookies)


def text_stream(
    chunks: StreamBody, *, status: int = 200, headers: HeaderInput | None = None, cookies: Iterable[str] = ()
) -> StreamingResponse:
    """Stream plain text, as `text/plain; charset=utf-8` unless `headers` say otherwise."""
    preset = {"content-type": "text/plain; charset=utf-8"}
    return StreamingResponse(chunks, status=status, headers=with_preset(preset, headers), cookies=cookies)
