"""Why nothing could be recorded, each with a name of its own."""

from apptheory_streaming.errors import StreamingError

__all__ = ["NoConnection", "NotHttp", "RecordError", "StoppedEarly", "TlsFailed"]


class RecordError(StreamingError):
    """Nothing was recorded."""

    name = "RecordError"


class NoConnection(RecordError):  # noqa: N818 - what there is not
    """Nobody answers at this address."""

    name = "NoConnection"


class TlsFailed(RecordError):  # noqa: N818 - what happened
    """The connection could not be made a secure one."""

    name = "TlsFailed"


class NotHttp(RecordError):  # noqa: N818 - what it is
    """What answered sent no head of an HTTP/1.1 response."""

    name = "NotHttp"


class StoppedEarly(RecordError):  # noqa: N818 - what happened
    """The recording was stopped before the head of the response came."""

    name = "StoppedEarly"
