"""How the Runtime API takes what is no stream: nothing is shown to a client here, all is handed on."""

from apptheory_streaming.wire.error_response import Answer, coded_error
from apptheory_streaming.wire.marshal import BufferedPayload

__all__ = ["RuntimeFront"]


class RuntimeFront:
    """The front of one invocation; `payload` is its buffered answer, once it has one (rule R0)."""

    collects = False

    def __init__(self, *, http: bool) -> None:
        """Hold nothing yet; `http` says that the event is a request, so that there is a client to answer."""
        self._http = http
        self.payload: BufferedPayload | None = None

    def coded_error(self, code: str, message: str, request_id: str, /) -> Answer | None:
        """Give the response of the code (rule E2), but none where nobody could read it: a queue would see success."""
        return coded_error(code, message, request_id) if self._http else None

    def function_error(self, _error: BaseException, _request_id: str, /) -> Answer | None:
        """Give none: an error without a code goes to `…/error`, so that Lambda counts it (rule E2b)."""
        return None

    def buffered(self, payload: BufferedPayload) -> Answer | None:
        """Keep the answer, which goes out whole."""
        self.payload = payload
        return None

    def note_on_buffered(self) -> str | None:
        """Give nothing: the platform decides what a client sees of it."""
        return None
