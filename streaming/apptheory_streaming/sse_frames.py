"""Events as the chunks of a response: numbered, with an event for an error, and one for the end."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from apptheory_streaming.errors import UsageError
from apptheory_streaming.framing import Framing, public_error
from apptheory_streaming.options import check_switch
from apptheory_streaming.wire.sse import ServerSentEvent, encode_event, event_of
from apptheory_streaming.wire.sse_gap import ends_event

__all__ = ["ErrorEvents", "SseFrames", "error_event"]

ErrorEvents = bool | Callable[[Exception], object]
"""Whether a late error becomes an event, or what makes the event from the error."""

TAIL_BYTES = 4
"""The most that two line ends take."""


def error_event(error: Exception) -> ServerSentEvent:
    """Give the event `error` with the code and the message that a client may see."""
    code, message = public_error(error)
    return ServerSentEvent({"error": {"code": code, "message": message}}, event="error")


class SseFrames(Framing):
    """Makes the frames of `sse_stream`.

    Neither the event of an error nor the last one is sent where bytes of the source have left an
    event open, since it would become a part of that one.
    """

    def __init__(self, *, ids: bool, error_events: ErrorEvents, done_event: object, sort_keys: bool = False) -> None:
        """Begin with id 1; raises UsageError and InvalidResponse for options that cannot work."""
        super().__init__()
        if not isinstance(error_events, bool) and not callable(error_events):
            raise UsageError(
                f"error_events must be True, False, or a function from an error to its event, not {error_events!r}"
            )
        if done_event is not None and not isinstance(done_event, bytes | bytearray | memoryview):
            encode_event(event_of(done_event))
        self._sort_keys = check_switch("sort_keys", sort_keys)
        self._ids = ids
        self._for_error = error_event if error_events is True else error_events or None
        self._done_event = done_event
        self._count = 0
        self._tail = b""

    def frames_of(self, item: object) -> tuple[bytes]:
        """Give the frame of an event; bytes are one already."""
        if isinstance(item, bytes | bytearray | memoryview):
            frame = bytes(item)
            self._tail = (self._tail + frame[-TAIL_BYTES:])[-TAIL_BYTES:]
        else:
            frame = encode_event(self._numbered(event_of(item)), sort_keys=self._sort_keys)
            self._tail = b""
        return (frame,)

    def last_frames(self) -> Iterator[bytes]:
        """Give the frame of the end, if there is one."""
        if self._done_event is not None and ends_event(self._tail):
            yield from self.frames_of(self._done_event)

    def error_frames(self, error: Exception) -> Iterator[bytes]:
        """Give the frame of an error, if errors have one."""
        if self._for_error is not None and ends_event(self._tail):
            yield from self.frames_of(self._for_error(error))

    def _numbered(self, event: ServerSentEvent) -> ServerSentEvent:
        if not self._ids or event.data is None:  # without data it is a comment or a hint, and no event
            return event
        self._count += 1
        return event if event.id is not None else replace(event, id=str(self._count))
