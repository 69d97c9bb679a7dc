"""What the Lambda Runtime API answers: statuses and documents, in Lambda's words."""

import json
import re
from dataclasses import dataclass
from types import MappingProxyType

from apptheory_streaming.wire.runtime_api import InvocationRequest
from apptheory_streaming.wire.runtime_states import RuntimeState, RuntimeStep

__all__ = [
    "ACCEPTED",
    "CONTAINER_ERROR",
    "CONTINUE",
    "INVALID_REQUEST_ID",
    "INVALID_RESPONSE_MODE",
    "INVOKE_TIMEOUT",
    "MAX_BUFFERED_BYTES",
    "METHOD_NOT_ALLOWED",
    "NOT_EMULATED",
    "NOT_FOUND",
    "PONG",
    "RUNTIME_REFUSALS",
    "TOO_LARGE",
    "TOO_LARGE_FAILURE",
    "TRUNCATED",
    "RuntimeReply",
    "bad_request",
    "delivery",
    "refused_step",
]

MAX_BUFFERED_BYTES = 6 * 1024 * 1024 + 100
"""The largest buffered response: Lambda's limit of 6 MiB, and 100 bytes that it allows for its envelope."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    410: "Gone",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RuntimeReply:
    """One answer to a runtime."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    def encode(self, *, keep_alive: bool = True, with_body: bool = True) -> bytes:
        """Give it as HTTP; it says whether the connection stays, also to a client of HTTP/1.0."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS[self.status]}"]
        # A value that would break the head is mended, not refused: the invocation is no place to fail for it.
        lines += [f"{name}: {_CONTROLS.sub(' ', value)}" for name, value in self.headers]
        lines += [f"Content-Length: {len(self.body)}", f"Connection: {'keep-alive' if keep_alive else 'close'}"]
        head = "\r\n".join([*lines, "", ""]).encode("utf-8", "backslashreplace")
        return head + self.body if with_body else head


def _error(status: int, error_type: str, message: str) -> RuntimeReply:
    document = json.dumps({"errorMessage": message, "errorType": error_type}, separators=(",", ":"))
    return RuntimeReply(status, f"{document}\n".encode())


ACCEPTED = RuntimeReply(202, b'{"status":"OK"}\n')
PONG = RuntimeReply(200, b"pong", (("Content-Type", "text/plain; charset=utf-8"),))
INVALID_REQUEST_ID = _error(400, "InvalidRequestID", "Invalid request ID")
INVALID_RESPONSE_MODE = _error(400, "InvalidFunctionResponseMode", "Invalid function response mode")
TRUNCATED = _error(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
NOT_FOUND = _error(404, "NotFound", "there is no such route in the Runtime API")
NOT_EMULATED = _error(
    404, "NotEmulated", "Lambda has this route, this emulator does not: no SnapStart, no extensions, no telemetry"
)
METHOD_NOT_ALLOWED = _error(405, "MethodNotAllowed", "the Runtime API has this route with another method")
INVOKE_TIMEOUT = _error(410, "InvokeTimeout", "Invoke timeout")
TOO_LARGE = _error(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({MAX_BUFFERED_BYTES} bytes).")
CONTAINER_ERROR = _error(500, "InternalServerError", "Internal Server Error")
"""There is nothing to do here any more: the runtime should end."""

TOO_LARGE_FAILURE = f"Response payload size exceeded maximum allowed payload size ({MAX_BUFFERED_BYTES} bytes)."
"""What Lambda says of an invocation whose buffered response was too large."""


def bad_request(problem: str) -> RuntimeReply:
    """Answer what is no request of HTTP."""
    return _error(400, "BadRequest", f"the runtime sent what is no HTTP request: {problem}")


def refused_step(state: RuntimeState, step: RuntimeStep) -> RuntimeReply:
    """Answer a step that the table of states does not have."""
    message = f"State transition from {state.value} to {step.value} failed for runtime. "
    return _error(403, "InvalidStateTransition", f"{message}Error: State transition is not allowed")


RUNTIME_REFUSALS = MappingProxyType(
    {
        "an answer to an invocation that this runtime does not have": INVALID_REQUEST_ID,
        "a response mode other than `streaming`; the invocation fails with `Runtime.InvalidResponseModeHeader`": (
            INVALID_RESPONSE_MODE
        ),
        "a body that breaks off or is not framed as HTTP; the invocation fails": TRUNCATED,
        "a request that is no HTTP; the message goes on with what is wrong, and the connection is closed": bad_request(
            "…"
        ),
        "a step that the table of states does not have, such as a second answer; the first stands": refused_step(
            RuntimeState.RESPONSE_SENT, RuntimeStep.RESPOND
        ),
        "any other path": NOT_FOUND,
        "a path of extensions, telemetry or SnapStart": NOT_EMULATED,
        "a path above with another method": METHOD_NOT_ALLOWED,
        "the late answer of an invocation that was given up, or of another attempt at it": INVOKE_TIMEOUT,
        "a buffered response that is too large; the invocation fails with `Function.ResponseSizeTooLarge`": TOO_LARGE,
        "`next` from what a dead process has left running": CONTAINER_ERROR,
    }
)
"""When what is refused."""


def delivery(request: InvocationRequest) -> RuntimeReply:
    """Answer `GET …/invocation/next`."""
    return RuntimeReply(200, request.payload, request.headers())
