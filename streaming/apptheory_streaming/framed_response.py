"""A response whose chunks are frames."""

from collections.abc import AsyncIterable, Iterable
from dataclasses import replace

from apptheory_streaming.framing import Framing
from apptheory_streaming.heartbeat import Heartbeat, make_heartbeat
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.wire.head import HeaderInput

__all__ = ["framed_response"]


def framed_response(
    frames: Framing,
    items: Iterable[object] | AsyncIterable[object],
    *,
    status: int,
    headers: HeaderInput,
    cookies: Iterable[str],
    heartbeat: float | Heartbeat | None,
) -> StreamingResponse:
    """Stream the frames of items; a heartbeat counts as something that was sent.

    Raises UsageError for a heartbeat that is no number of seconds.
    """
    beat = make_heartbeat(heartbeat)
    return StreamingResponse(
        frames.each_async(items) if isinstance(items, AsyncIterable) else frames.each(items),
        status=status,
        headers=headers,
        cookies=cookies,
        heartbeat=None if beat is None else replace(beat, on_sent=frames.note_sent),
    )
