"""What a front decides: how a function error and a buffered answer look to its client.

The Function URL is one front; API Gateway, ALB and the Invoke API judge the same answers
differently, so the writer asks and never decides.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from apptheory_streaming.errors import Throttled
from apptheory_streaming.wire.error_response import Answer, bad_gateway, coded_error, throttled
from apptheory_streaming.wire.head import Head, make_head
from apptheory_streaming.wire.inference import infer_response
from apptheory_streaming.wire.marshal import BufferedPayload

__all__ = [
    "COLLECTED_NOTE",
    "PLATFORM_HEADERS",
    "REMAPPED_HEADERS",
    "REMAPPED_PREFIX",
    "VERBATIM_NOTE",
    "CollectingFront",
    "ErrorProfile",
    "Front",
    "FunctionUrlFront",
    "HeadCheckingFront",
    "InvokeMode",
    "checked_head",
    "collected_note",
]

COLLECTED_NOTE = (
    "the invoke mode is BUFFERED: the stream of the handler was collected and sent in one piece, as AWS does"
)

VERBATIM_NOTE = (
    "the handler answered in buffered mode: a RESPONSE_STREAM URL shows such an answer verbatim, "
    "as JSON with status 200, as AWS does"
)

PLATFORM_HEADERS = frozenset(
    {"connection", "content-length", "date", "transfer-encoding", "x-amzn-requestid", "x-amzn-trace-id"}
)
"""Headers that are the platform's and not the function's (rule W7)."""

REMAPPED_HEADERS = frozenset(
    {"connection", "content-length", "date", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that belong to the connection: a Function URL shows a function's own value under REMAPPED_PREFIX.

Measured on AWS for `content-length` of a streamed response; the others are inferred from the list of
API Gateway (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html).
"""

REMAPPED_PREFIX = "x-amzn-Remapped-"


class InvokeMode(StrEnum):
    """How a Function URL hands on what the function answers."""

    RESPONSE_STREAM = "RESPONSE_STREAM"
    BUFFERED = "BUFFERED"


class ErrorProfile(StrEnum):
    """Whose answer an early error without a code gets (rule E2b)."""

    AWS = "aws"
    APPTHEORY = "apptheory"


class Front(Protocol):
    """The rules of one front."""

    @property
    def collects(self) -> bool:
        """Whether the front takes a stream as a whole and sends it in one piece."""
        ...

    def coded_error(self, code: str, message: str, request_id: str, /) -> Answer | None:
        """Give the response for an error with a code of its own (rule E2); None: like one without."""
        ...

    def function_error(self, error: BaseException, request_id: str, /) -> Answer | None:
        """Give the response for an error without a code of its own; None: reported another way."""
        ...

    def buffered(self, payload: BufferedPayload) -> Answer | None:
        """Give the response for a buffered answer; None: handed on another way."""
        ...

    def note_on_buffered(self) -> str | None:
        """Give what the log should say of a buffered answer, if anything."""
        ...


@runtime_checkable
class CollectingFront(Protocol):
    """A front that says in words of its own why it collects."""

    @property
    def collected_note(self) -> str:
        """What the log should say of a stream that was collected."""
        ...


@runtime_checkable
class HeadCheckingFront(Protocol):
    """A front that does not show every head."""

    def check_head(self, head: Head, /) -> None:
        """Raise InvalidResponse for a head that clients could not be shown."""
        ...


def checked_head(front: Front, head: Head) -> Head:
    """Give a head that a front can show; raises InvalidResponse for one that it cannot."""
    if isinstance(front, HeadCheckingFront):
        front.check_head(head)
    return head


def collected_note(front: Front) -> str:
    """Give what the log should say of a stream that a front collected."""
    return front.collected_note if isinstance(front, CollectingFront) else COLLECTED_NOTE


@dataclass(frozen=True, slots=True)
class FunctionUrlFront:
    """A Function URL (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html)."""

    invoke_mode: InvokeMode = InvokeMode.RESPONSE_STREAM
    errors: ErrorProfile = ErrorProfile.AWS

    @property
    def collects(self) -> bool:
        """A BUFFERED URL collects."""
        return self.invoke_mode is InvokeMode.BUFFERED

    def coded_error(self, code: str, message: str, request_id: str) -> Answer:
        """The status of the code, and JSON with both (rule E2)."""
        return coded_error(code, message, request_id)

    def function_error(self, error: BaseException, request_id: str) -> Answer:
        """502 as on AWS, 429 for one too many, or AppTheory's 500 with code `app.internal`."""
        if isinstance(error, Throttled):
            return throttled()
        if self.errors is ErrorProfile.APPTHEORY:
            return coded_error("app.internal", "internal error", request_id)
        return bad_gateway()

    def buffered(self, payload: BufferedPayload) -> Answer:
        """Verbatim on a RESPONSE_STREAM URL, inferred on a BUFFERED one (rule R0)."""
        if self.collects:
            return infer_response(payload)
        return Answer(make_head(200, {"content-type": payload.content_type}), payload.body)

    def note_on_buffered(self) -> str | None:
        """Say so where an answer is shown verbatim, for that surprises people."""
        return None if self.collects else VERBATIM_NOTE
