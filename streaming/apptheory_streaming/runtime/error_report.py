"""An exception as the runtime reports it: type, message, and the frames that are the handler's."""

import json
import os
import traceback
from dataclasses import dataclass
from pathlib import Path

from apptheory_streaming.errors import MarshalError, RuntimeFailure
from apptheory_streaming.runtime.fault import Fault, FaultType
from apptheory_streaming.wire.runtime_api import ReportedError
from apptheory_streaming.writer import message_of

__all__ = ["MAX_CAUSE_BYTES", "MAX_TRAILER_BYTES", "ErrorReport"]

MAX_CAUSE_BYTES = 1024 * 1024
"""X-Ray's description of an error is a header; a larger one is left out."""

MAX_TRAILER_BYTES = 3 * 1024
"""Ours, in characters of base64: the HTTP server of Lambda's published Runtime API refuses trailers above 4 KiB."""

_OURS = str(Path(__file__).parents[1]) + os.sep
_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """What the log, `…/error`, `init/error` and the trailers of a stream say of one error.

    `code` is that of rule E1.
    """

    error_type: str
    message: str
    frames: tuple[traceback.FrameSummary, ...] = ()
    stack_trace: tuple[str, ...] = ()
    code: str | None = None

    @classmethod
    def of(cls, error: BaseException, *, code: str | None = None) -> "ErrorReport":
        """Describe an exception, without the frames of ours that called the handler."""
        if isinstance(error, Fault):
            return cls(error.kind, str(error), stack_trace=error.stack_trace)
        if isinstance(error, MarshalError):
            return cls(FaultType.MARSHAL, f"Unable to marshal response: {error}")
        if isinstance(error, RuntimeFailure):
            return cls(error.error_type, message_of(error), stack_trace=error.stack_trace, code=code)
        frames = _handlers_frames(error)
        return cls(type(error).__name__, message_of(error), frames, tuple(_lines(frames)), code)

    def document(self, request_id: str = "") -> bytes:
        """Give the JSON document of `…/error` and `init/error`, byte for byte that of awslambdaric."""
        return _encode(self.fields(request_id)).encode("utf-8", "backslashreplace")

    def fields(self, request_id: str) -> dict[str, object]:
        """Give the members of the document, in their order; the code is ours, and there only where there is one."""
        code = {} if self.code is None else {"code": self.code}
        return {
            "errorMessage": self.message,
            "errorType": self.error_type,
            "requestId": request_id,
            "stackTrace": list(self.stack_trace),
            **code,
        }

    def category(self) -> str:
        """Give the value of ERROR_TYPE_HEADER, which is `Runtime.` or `Function.` and a name."""
        known = self.error_type.startswith(("Runtime.", "Function."))
        return _one_line(self.error_type if known else f"Function.{self.error_type}")

    def init_header(self) -> str:
        """Give the value of ERROR_TYPE_HEADER for `init/error`: the type as it is, as awslambdaric sends it."""
        return _one_line(self.error_type)

    def cause(self) -> str:
        """Give the JSON that AWS X-Ray takes, in one line; empty when it is too large for a header."""
        fault = self.error_type.startswith("Runtime.")
        stack = [{"label": frame.name, "path": frame.filename, "line": frame.lineno} for frame in self.frames]
        described = {
            "message": self.message,
            "type": "LambdaValidationError" if fault else self.error_type,
            "stack": stack,
        }
        fields = {
            "working_directory": os.getcwd(),  # noqa: PTH109 - a Path costs more and gives the same text
            "exceptions": [described],
            "paths": list(dict.fromkeys(frame.filename for frame in self.frames)),
        }
        text = _encode(fields).encode("utf-8", "backslashreplace")
        return text.decode() if len(text) < MAX_CAUSE_BYTES else ""

    def trailers(self) -> tuple[str, str]:
        """Give the values of ERROR_TYPE_HEADER and ERROR_BODY_TRAILER, with as many of the last frames as fit."""
        kept = self.stack_trace
        while len(body := self._trailer(self.message, kept)) > MAX_TRAILER_BYTES and kept:
            kept = kept[1:]
        if len(body) > MAX_TRAILER_BYTES:  # three bytes are four characters, one may take up to six
            body = self._trailer(f"{self.message[: MAX_TRAILER_BYTES // 12]}…", ())
        return _one_line(self.error_type)[:200], body

    def _trailer(self, message: str, stack_trace: tuple[str, ...]) -> str:
        return ReportedError(self.error_type[:200], message, stack_trace, self.code).trailer()


def _handlers_frames(error: BaseException) -> tuple[traceback.FrameSummary, ...]:
    """The frames from the first that is not ours: what a handler called stays, of ours too."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((at for at, frame in enumerate(frames) if not frame.filename.startswith(_OURS)), len(frames))
    return tuple(frames[first:])


def _lines(frames: tuple[traceback.FrameSummary, ...]) -> list[str]:
    """Frames as text, without the marks under a line that newer versions of Python draw."""
    return traceback.format_list([(frame.filename, frame.lineno or 0, frame.name, frame.line) for frame in frames])


def _one_line(text: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in text)
