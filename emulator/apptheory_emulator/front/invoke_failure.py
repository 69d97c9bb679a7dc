"""A function error as the Invoke APIs tell it: a type and a JSON document."""

import json
from dataclasses import dataclass

from apptheory_streaming.errors import FunctionTimeout, PayloadTooLarge, RuntimeExit, code_of
from apptheory_streaming.runtime.error_report import ErrorReport
from apptheory_streaming.writer import message_of

__all__ = ["InvokeFailure", "failure_of"]


@dataclass(frozen=True, slots=True)
class InvokeFailure:
    """What failed; the document is the payload of Invoke, and the ErrorDetails of a stream."""

    error_type: str
    document: bytes


def failure_of(error: BaseException, *, request_id: str, timeout: float | None) -> InvokeFailure:
    """Give AWS's words for what ended a function; `timeout` is in seconds."""
    if isinstance(error, FunctionTimeout):
        return _platforms("Sandbox.Timedout", request_id, f"Task timed out after {timeout or 0:.2f} seconds")
    if isinstance(error, RuntimeExit):
        return _platforms("Runtime.ExitError", request_id, message_of(error))
    if isinstance(error, PayloadTooLarge):
        return _document(error.error_type, message_of(error))
    report = ErrorReport.of(error, code=code_of(error))
    return InvokeFailure(report.error_type, report.document(request_id))


def _platforms(error_type: str, request_id: str, message: str) -> InvokeFailure:
    named = message.startswith("RequestId: ")  # by a worker's end
    return _document(error_type, message if named else f"RequestId: {request_id} Error: {message}")


def _document(error_type: str, message: str) -> InvokeFailure:
    return InvokeFailure(error_type, json.dumps({"errorType": error_type, "errorMessage": message}).encode())
