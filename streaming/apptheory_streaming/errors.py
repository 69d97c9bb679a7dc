"""Every error this project raises, with whose mistake it is and a stable name.

    StreamingError
    ├── UsageError                     yours: the test, the command line or the configuration
    │   ├── TargetError                the handler named by the target cannot be had
    │   └── LoopError                  called where the needed event loop is missing, or in the way
    ├── FunctionError                  the function's: the handler broke the contract
    │   ├── AppError                   raised by a handler on purpose: carries a client-facing code
    │   ├── InvalidResponse            status, header, cookie or shape that no response can have
    │   │   └── FrameInjection         a line break or NUL where a wire format would take it for structure
    │   ├── FormatError                bytes that are not of the format they are read as
    │   ├── StreamTypeError            a chunk that is neither bytes-like nor str
    │   ├── MarshalError               a buffered value that has no JSON form
    │   ├── ResponseTooLarge           more bytes than `max_response_bytes` (code app.too_large)
    │   │   └── PayloadTooLarge        more bytes than Lambda hands on: a function error (rule E2b)
    │   ├── EventsLost                 events that a client asks for again are not kept (code app.not_found)
    │   ├── FunctionTimeout            still running at its deadline (code app.timeout)
    │   ├── RuntimeExit                the handler ended its process, or tried to
    │   ├── RuntimeFailure             reported by the runtime of a function in another process
    │   ├── LifespanFailed             the startup or the shutdown of an ASGI application failed
    │   └── StreamMisuse               calls on a response stream in an order that means nothing
    │       ├── HeadSetTwice           a second HttpResponseStream.from_
    │       ├── HeadAfterWrite         HttpResponseStream.from_ after a write
    │       ├── ContentTypeAfterWrite  set_content_type after a write
    │       ├── WriteAfterEnd          write after end
    │       ├── EndedTwice             a second end
    │       ├── AsgiMisuse             a message that ASGI does not have, or not there
    │       └── NotEnded               a streamify handler or an ASGI app that returned without its end
    ├── ClientError                    the client's
    │   ├── ClientGone                 the client closed the connection
    │   ├── RequestTooLarge            more bytes than `max_request_bytes` (code app.too_large)
    │   └── Throttled                  more requests at once than the function may have (code app.rate_limited)
    └── LifecycleError                 ours: a step that the lifecycle table does not have

`name` never changes once released, so logs and tests may rely on it.  `code` exists only on errors
whose text is meant for a client (rule E2c).
"""

import re
from enum import Enum
from typing import ClassVar

__all__ = [
    "AppError",
    "AsgiMisuse",
    "ClientError",
    "ClientGone",
    "ContentTypeAfterWrite",
    "EndedTwice",
    "EventsLost",
    "FormatError",
    "FrameInjection",
    "FunctionError",
    "FunctionTimeout",
    "HeadAfterWrite",
    "HeadSetTwice",
    "InvalidResponse",
    "LifecycleError",
    "LifespanFailed",
    "LoopError",
    "MarshalError",
    "NotEnded",
    "PayloadTooLarge",
    "RequestTooLarge",
    "ResponseTooLarge",
    "RuntimeExit",
    "RuntimeFailure",
    "Side",
    "StreamMisuse",
    "StreamTypeError",
    "StreamingError",
    "TargetError",
    "Throttled",
    "UsageError",
    "WriteAfterEnd",
    "code_of",
]

_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class Side(Enum):
    """Whose mistake an error is."""

    YOURS = "yours"
    FUNCTION = "the function's"
    CLIENT = "the client's"
    OURS = "ours"


class StreamingError(Exception):
    """Anything that this project raises."""

    name: ClassVar[str] = "StreamingError"
    side: ClassVar[Side] = Side.OURS


class UsageError(StreamingError):
    """A call, option or configuration that cannot work; the message says what would."""

    name = "UsageError"
    side = Side.YOURS


class TargetError(UsageError):
    """The handler that a target such as `app.py:handler` names cannot be loaded."""

    name = "TargetError"


class LoopError(UsageError):
    """Called without the event loop it needs, or inside one that it would block."""

    name = "LoopError"


class FunctionError(StreamingError):
    """The handler broke the contract, or failed on purpose."""

    name = "FunctionError"
    side = Side.FUNCTION


class AppError(FunctionError):
    """An error that a handler raises for its client: `raise AppError("app.not_found", "no such chat")`.

    Before the first chunk it becomes the error response of its code (rule E2), after it the
    stream error code (rule E3).
    """

    name = "AppError"

    def __init__(self, code: str, message: str) -> None:
        """Keep the dotted lower-case `code` and the `message` for the client."""
        super().__init__(message)
        self.code = code


class InvalidResponse(FunctionError, ValueError):  # noqa: N818 - the contract fixes the name
    """A status, header, cookie or response shape that no HTTP response can have (rules R4 to R8)."""

    name = "InvalidResponse"


class FrameInjection(InvalidResponse):
    """A line break or NUL inside a field that a wire format would take for structure (rule W2)."""

    name = "FrameInjection"


class FormatError(FunctionError, ValueError):
    """Bytes that are not of the format they are read as (rules W3, W5); `offset` is the byte where that shows."""

    name = "FormatError"

    def __init__(self, problem: str, *, offset: int = 0, where: str = "") -> None:
        """Keep the problem and its byte from the beginning of the stream; `where` says the same in other words."""
        super().__init__(f"{problem} ({where or f'byte {offset}'})")
        self.problem = problem
        self.offset = offset
        self.where = where


class StreamTypeError(FunctionError, TypeError):
    """A chunk that is neither bytes-like nor text with a UTF-8 form (rule R2)."""

    name = "StreamTypeError"


class MarshalError(FunctionError):
    """A buffered return value that has no JSON form (rule R0; AWS says Runtime.MarshalError)."""

    name = "MarshalError"


class ResponseTooLarge(FunctionError):  # noqa: N818 - named as AWS names it
    """The chunk that would have exceeded `max_response_bytes` was dropped (rule L2)."""

    name = "ResponseTooLarge"
    code: str | None = "app.too_large"


class PayloadTooLarge(ResponseTooLarge):
    """More bytes than Lambda hands on: a function error, as AWS's Function.ResponseSizeTooLarge is (rule L3)."""

    name = "PayloadTooLarge"
    code = None
    error_type = "Function.ResponseSizeTooLarge"


class EventsLost(FunctionError):  # noqa: N818 - reads as the event it is
    """A client asks for the events behind an id, and not all of them are kept."""

    name = "EventsLost"
    code = "app.not_found"


class FunctionTimeout(FunctionError):  # noqa: N818 - reads as the event it is
    """The handler was still running when its time was over (rule E5)."""

    name = "FunctionTimeout"
    code = "app.timeout"


class RuntimeExit(FunctionError):  # noqa: N818 - AWS's Runtime.ExitError
    """The handler called `sys.exit`, or let out another exception that ends a Lambda runtime (rule E3b)."""

    name = "RuntimeExit"


class RuntimeFailure(FunctionError):  # noqa: N818 - reads as the event it is
    """A function in a process of its own failed, as its runtime reported it.

    `error_type` and `stack_trace` are the runtime's; `code` is that of rule E1 where the runtime knows it, else None.
    """

    name = "RuntimeFailure"

    def __init__(
        self, message: str, *, error_type: str = "", stack_trace: tuple[str, ...] = (), code: str | None = None
    ) -> None:
        """Keep what the runtime said."""
        super().__init__(message)
        self.error_type = error_type or "Runtime.Unknown"
        self.stack_trace = stack_trace
        self.code = code


class LifespanFailed(FunctionError):  # noqa: N818 - reads as the event it is
    """The startup or the shutdown of an ASGI application failed, by its own word (rule R9)."""

    name = "LifespanFailed"


class StreamMisuse(FunctionError):  # noqa: N818 - the family of rule F4
    """Calls on a response stream in an order that means nothing (rule F4)."""

    name = "StreamMisuse"


class HeadSetTwice(StreamMisuse):
    """`HttpResponseStream.from_` was called a second time on one stream."""

    name = "HeadSetTwice"


class HeadAfterWrite(StreamMisuse):
    """`HttpResponseStream.from_` was called after the first write had made the head final."""

    name = "HeadAfterWrite"


class ContentTypeAfterWrite(StreamMisuse):
    """`set_content_type` was called after the first write had made the head final."""

    name = "ContentTypeAfterWrite"


class WriteAfterEnd(StreamMisuse):
    """`write` was called after `end`."""

    name = "WriteAfterEnd"


class EndedTwice(StreamMisuse):
    """`end` was called a second time."""

    name = "EndedTwice"


class AsgiMisuse(StreamMisuse):
    """An ASGI application sent a message that there is not, or not there (rule R9)."""

    name = "AsgiMisuse"


class NotEnded(StreamMisuse):
    """A streamify handler returned without calling `end`, an ASGI app without its last body; that is made up for."""

    name = "NotEnded"


class ClientError(StreamingError):
    """What the client did."""

    name = "ClientError"
    side = Side.CLIENT


class ClientGone(ClientError):  # noqa: N818 - reads as the event it is
    """The client closed the connection before the response was complete (rule E4)."""

    name = "ClientGone"


class RequestTooLarge(ClientError):  # noqa: N818 - named as AWS names it
    """The decoded request body is larger than `max_request_bytes` (rule L1)."""

    name = "RequestTooLarge"
    code = "app.too_large"


class Throttled(ClientError):  # noqa: N818 - AWS's word for it
    """More requests came at once than the function may run (AWS says TooManyRequestsException)."""

    name = "Throttled"
    code = "app.rate_limited"


class LifecycleError(StreamingError):
    """A step that the lifecycle table does not allow: a defect of this project."""

    name = "LifecycleError"


def code_of(error: BaseException) -> str | None:
    """Give the client-facing code of an error, or None when it has none of its own (rule E1).

    A code is the `code` attribute, trimmed, if it is a dotted lower-case name such as
    `app.conflict`; anything else (a provider's `invalid_api_key`, a number) stays private.
    """
    try:
        code = getattr(error, "code", None)
    except Exception:  # noqa: BLE001 - a handler's exception may do anything; a code that raises is none
        return None
    if isinstance(code, str) and _CODE.fullmatch(code.strip()):
        return code.strip()
    return None
