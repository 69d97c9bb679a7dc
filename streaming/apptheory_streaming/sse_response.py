"""A response of Server-Sent Events."""

from collections.abc import AsyncIterable, Iterable, Mapping

from apptheory_streaming.encoded_items import items_of
from apptheory_streaming.framed_response import framed_response
from apptheory_streaming.header_presets import SSE_HEADERS, with_preset
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.sse_frames import ErrorEvents, SseFrames
from apptheory_streaming.wire.head import HeaderInput
from apptheory_streaming.wire.sse import ServerSentEvent

__all__ = ["HEARTBEAT_SECONDS", "sse_stream"]

HEARTBEAT_SECONDS = 15.0

_ONE_EVENT = (str, bytes, bytearray, memoryview, Mapping, ServerSentEvent)


def sse_stream(
    events: Iterable[object] | AsyncIterable[object] | ServerSentEvent | None,
    *,
    status: int = 200,
    headers: HeaderInput | None = None,
    cookies: Iterable[str] = (),
    heartbeat: float | None = HEARTBEAT_SECONDS,
    ids: bool = False,
    error_events: ErrorEvents = False,
    done_event: object = None,
    sort_keys: bool = False,
) -> StreamingResponse:
    """Stream Server-Sent Events, one chunk an event, with SSE_HEADERS unless `headers` say otherwise.

    An event is a ServerSentEvent; text, or any value with a JSON form, is the data of one; bytes
    are taken as framed already and sent unchanged.  One of them, but for a list, may stand in the
    place of all (rule R1).  After `heartbeat` seconds without a chunk the
    comment `: keep-alive` is sent as one of its own (rule W4); None and 0 send none.

    `ids` numbers the events that have data, from 1.  `done_event` is sent behind the last event of
    a source that came to its end.  With `error_events`, an error of the source that comes late is
    sent as an event, and goes on as before (rule E3): True sends `error` with code and message, a
    function makes the event from the error.  `sort_keys` sorts the keys of data that is sent as JSON,
    which otherwise have the order they were given in (rule W2).  Options that cannot work are UsageError, and
    InvalidResponse for a `done_event` without a form.
    """
    frames = SseFrames(ids=ids, error_events=error_events, done_event=done_event, sort_keys=sort_keys)
    return framed_response(
        frames,
        items_of(events, one=_ONE_EVENT, call="sse_stream"),
        status=status,
        headers=with_preset(SSE_HEADERS, headers),
        cookies=cookies,
        heartbeat=heartbeat,
    )
