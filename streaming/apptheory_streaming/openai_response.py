"""A response of chunks as OpenAI streams them."""

from collections.abc import AsyncIterable, Iterable, Iterator, Mapping

from apptheory_streaming.encoded_items import items_of
from apptheory_streaming.framed_response import framed_response
from apptheory_streaming.framing import public_error
from apptheory_streaming.header_presets import SSE_HEADERS, with_preset
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.sse_frames import SseFrames
from apptheory_streaming.sse_response import HEARTBEAT_SECONDS
from apptheory_streaming.wire.done_mark import DONE_BYTES, ends_in_done
from apptheory_streaming.wire.head import HeaderInput
from apptheory_streaming.wire.openai_chunks import OPENAI_DONE
from apptheory_streaming.wire.sse import ServerSentEvent

__all__ = ["openai_stream"]

_ONE_CHUNK = (str, bytes, bytearray, memoryview, Mapping)


def openai_stream(
    chunks: Iterable[object] | AsyncIterable[object] | None,
    *,
    status: int = 200,
    headers: HeaderInput | None = None,
    cookies: Iterable[str] = (),
    heartbeat: float | None = HEARTBEAT_SECONDS,
    error_events: bool = False,
) -> StreamingResponse:
    """Pass chunks on as OpenAI's clients expect them: `data: {…}` each, and `data: [DONE]` at the end.

    A chunk is a value with a JSON form, a model of pydantic, such as OpenAI's own client gives
    (fields that were not set are left out), JSON as text, or bytes that are framed already; one of
    them, but for a list, may stand in the place of all (rule R1).  With
    `error_events` a late error is sent as a chunk with an `error`, without `[DONE]`, and goes on as
    before (rule E3).  Headers and `heartbeat` are those of `sse_stream`.
    """
    frames = _ChunkFrames(ids=False, error_events=_error_chunk if error_events else False, done_event=OPENAI_DONE)
    one = (*_ONE_CHUNK, type(chunks)) if hasattr(chunks, "model_dump") else _ONE_CHUNK  # a model gives its fields
    return framed_response(
        frames,
        items_of(chunks, one=one, call="openai_stream"),
        status=status,
        headers=with_preset(SSE_HEADERS, headers),
        cookies=cookies,
        heartbeat=heartbeat,
    )


class _ChunkFrames(SseFrames):
    _last = b""

    def frames_of(self, item: object) -> tuple[bytes]:
        dump = getattr(item, "model_dump", None)
        (frame,) = super().frames_of(item if dump is None else dump(mode="json", exclude_unset=True))
        self._last = (self._last + frame[-DONE_BYTES:])[-DONE_BYTES:]
        return (frame,)

    def last_frames(self) -> Iterator[bytes]:
        if not ends_in_done(self._last):
            yield from super().last_frames()


def _error_chunk(error: Exception) -> ServerSentEvent:
    code, message = public_error(error)
    return ServerSentEvent({"error": {"message": message, "type": "server_error", "code": code}})
