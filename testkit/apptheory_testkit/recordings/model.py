"""What was recorded of one stream: the request, the head, each chunk with its time, and the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from apptheory_streaming.errors import StreamingError, UsageError
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["END_WORDS", "MOST_SECONDS", "Ended", "NotARecording", "RecordedCut", "Recording", "TimedChunk"]

MOST_SECONDS = 366 * 86_400
"""The longest recording, which every clock can count in nanoseconds."""


class Ended(StrEnum):
    """How a recorded stream came to its end."""

    COMPLETE = "complete"
    CUT = "cut"
    """The connection ended where HTTP has no end."""
    STOPPED = "stopped"
    """Whoever recorded it went away first."""


END_WORDS = tuple(each.value for each in Ended)


class NotARecording(UsageError):  # noqa: N818 - what the file is
    """A file that holds no stream to be given again."""

    name = "NotARecording"


class RecordedCut(ConnectionError, StreamingError):  # noqa: N818 - what happened to the connection
    """The recorded stream was cut, or is cut by a fault, here; a ConnectionError, as clients raise one."""

    name = "RecordedCut"


@dataclass(frozen=True, slots=True)
class TimedChunk:
    """One chunk, and when it came, in seconds since the request."""

    data: bytes
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded stream; all times are seconds since the request was sent.

    `head` has no headers of the platform (rule W7); these are in `platform_headers`.  `url` is where it was
    recorded, `recorded_on` when, in ISO 8601; both are empty for a stream that nobody recorded.  `handler` is
    the name under which a contract runner looks for the handler.  `redacted` says what is not there any more.
    """

    id: str
    name: str
    handler: str
    request: HttpRequest
    head: Head
    chunks: tuple[TimedChunk, ...] = ()
    head_at: float = 0.0
    ended: Ended = Ended.COMPLETE
    ended_at: float = 0.0
    platform_headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    url: str = ""
    recorded_on: str = ""
    redacted: tuple[str, ...] = ()

    @property
    def body(self) -> bytes:
        """All chunks as one."""
        return b"".join(chunk.data for chunk in self.chunks)
