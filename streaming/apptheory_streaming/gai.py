"""A response of events as the Go package gai sends them."""

from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import count
from typing import cast

from apptheory_streaming.errors import InvalidResponse, UsageError
from apptheory_streaming.framed_response import framed_response
from apptheory_streaming.framing import Framing, public_error
from apptheory_streaming.header_presets import NDJSON_HEADERS, SSE_HEADERS, with_preset
from apptheory_streaming.options import choose, is_count
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.sse_response import HEARTBEAT_SECONDS
from apptheory_streaming.wire.gai_events import (
    GaiDone,
    GaiError,
    GaiEvent,
    GaiStart,
    GaiTextDelta,
)
from apptheory_streaming.wire.gai_forms import GAI_RETRY_MILLISECONDS, gai_to_line, gai_to_sse
from apptheory_streaming.wire.head import HeaderInput
from apptheory_streaming.wire.ndjson import encode_line
from apptheory_streaming.wire.sse import encode_event

__all__ = ["GaiForm", "gai_stream"]

_Encode = Callable[[GaiEvent], bytes]


class GaiForm(StrEnum):
    """How the events are sent."""

    SSE = "sse"
    """As Server-Sent Events."""
    NDJSON = "ndjson"
    """As lines of JSON."""


def gai_stream(
    events: Iterable[GaiEvent | str] | AsyncIterable[GaiEvent | str],
    *,
    form: str = "sse",
    status: int = 200,
    headers: HeaderInput | None = None,
    cookies: Iterable[str] = (),
    heartbeat: float | None = HEARTBEAT_SECONDS,
    ids: bool = False,
    retry: int | None = GAI_RETRY_MILLISECONDS,
) -> StreamingResponse:
    """Stream events of gai, one chunk an event, as `sse` or `ndjson`, with its headers unless `headers` say otherwise.

    Text is a `text_delta`.  A `start` is put first and a `done` last where the source has none.  A
    late error of the source is sent as `error`, followed by `done`, and goes on as before (rule
    E3); its message is sent if it has a code of its own (rule E1).  `heartbeat`, `ids` (from 1)
    and `retry` (milliseconds, with errors; None for none) are for Server-Sent Events.

    Raises UsageError for options that cannot work.
    """
    chosen = choose(GaiForm, "form", form)
    as_sse = chosen is GaiForm.SSE
    if retry is not None and not is_count(retry):
        raise UsageError(f"retry must be a whole number of milliseconds, or None for none, not {retry!r}")
    frames = _GaiFrames(_sse_encoder(ids=ids, retry=retry) if as_sse else _encode_line)
    one = isinstance(events, str | bytes | bytearray | memoryview | Mapping)
    if one or not isinstance(events, Iterable | AsyncIterable):
        raise UsageError(f"gai_stream takes an iterable of events, sync or async, not {type(events).__name__}")
    return framed_response(
        frames,
        events,
        status=status,
        headers=with_preset(SSE_HEADERS if as_sse else NDJSON_HEADERS, headers),
        cookies=cookies,
        heartbeat=heartbeat if as_sse else None,
    )


class _GaiFrames(Framing):
    """Puts `start` first and `done` last."""

    def __init__(self, encode: _Encode) -> None:
        super().__init__()
        self._encode = encode
        self._started = False
        self._done = False

    def frames_of(self, item: object) -> Iterator[bytes]:
        event = GaiTextDelta(item) if isinstance(item, str) else cast("GaiEvent", item)
        if self._done:
            raise InvalidResponse(f"an event of type {type(event).__name__} came behind done")
        ahead = () if self._started or isinstance(event, GaiStart) else (self._encode(GaiStart()),)
        frame = self._encode(event)  # before anything is sent, so that a wrong first event is an early error
        self._started = True
        self._done = isinstance(event, GaiDone)
        yield from (*ahead, frame)

    def last_frames(self) -> Iterator[bytes]:
        if not self._done:
            yield from self.frames_of(GaiDone())

    def error_frames(self, error: Exception) -> Iterator[bytes]:
        if not self._done:
            yield from self.frames_of(GaiError(public_error(error)[1]))
            yield from self.last_frames()


def _sse_encoder(*, ids: bool, retry: int | None) -> _Encode:
    numbers = count(1)
    return lambda event: encode_event(gai_to_sse(event, id=str(next(numbers)) if ids else None, retry=retry))


def _encode_line(event: GaiEvent) -> bytes:
    return encode_line(gai_to_line(event))
