"""What the runtime and the handler's `logging` write to stdout, in the two formats of Lambda.

Source: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html.  AWS_LAMBDA_LOG_FORMAT
chooses the format, AWS_LAMBDA_LOG_LEVEL the level of the root logger.
"""

import json
import logging
import sys
import time
import traceback
from contextlib import suppress
from typing import Any

from apptheory_streaming.runtime.error_report import ErrorReport

__all__ = ["JsonFormatter", "RuntimeLog"]

_SECONDS = "%Y-%m-%dT%H:%M:%S"
_TEXT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
_INDENT = "\N{NO-BREAK SPACE}"  # CloudWatch drops blanks at the beginning of a line
_LINE_BREAK = "\r"  # within one log event

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode  # a value without a JSON form is no reason to fail
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"aws_request_id", "tenant_id", "message", "asctime"}


class RuntimeLog:
    """The log of one runtime; `request_id` and `tenant_id` are those of the current invocation."""

    def __init__(self, *, json_format: bool, level: str = "") -> None:
        """Write nothing yet; a level that `logging` does not know is left out."""
        self.request_id = ""
        self.tenant_id = ""
        self._json = json_format
        self._level = {"TRACE": "DEBUG"}.get(level.upper(), level.upper())

    def install(self) -> None:
        """Make it the handler of the root logger, and let each line of stdout and stderr out at once."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(line_buffering=True, errors="backslashreplace")
        formatter = JsonFormatter() if self._json else logging.Formatter(_TEXT, _SECONDS)
        formatter.converter = time.gmtime
        handler = _StdoutHandler()
        handler.setFormatter(formatter)
        handler.addFilter(self._add_invocation)
        root = logging.getLogger()
        root.addHandler(handler)
        if self._level in logging.getLevelNamesMapping():
            root.setLevel(self._level)

    def error(self, report: ErrorReport) -> None:
        """Write an error of the handler with its traceback, as one log event."""
        _print(self._as_json(report) if self._json else _as_text(report))

    def _as_json(self, report: ErrorReport) -> str:
        now = time.strftime(f"{_SECONDS}Z", time.gmtime())
        return _encode({"timestamp": now, "level": "ERROR", **report.fields(self.request_id)})

    def _add_invocation(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        record.tenant_id = self.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a record: its fields, those of an exception, and what `extra` added."""

    def __init__(self) -> None:
        """Format times to the second, in UTC."""
        super().__init__(datefmt=f"{_SECONDS}Z")

    def format(self, record: logging.LogRecord) -> str:
        """Give the object; members without a value are left out."""
        plain = isinstance(record.msg, dict) and not record.args
        fields: dict[str, Any] = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if plain else record.getMessage(),
            "logger": record.name,
            **_exception_fields(record),
            "requestId": getattr(record, "aws_request_id", None),
            "tenantId": getattr(record, "tenant_id", None) or None,
        }
        extra = {name: value for name, value in vars(record).items() if name not in _KNOWN and name not in fields}
        return _encode({name: value for name, value in (fields | extra).items() if value is not None})


class _StdoutHandler(logging.Handler):
    """Writes to what stdout is at the moment, for a handler may replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _print(self.format(record))
        except Exception:  # noqa: BLE001 - as every handler of `logging` does
            self.handleError(record)


def _exception_fields(record: logging.LogRecord) -> dict[str, Any]:
    if not record.exc_info or record.exc_info[0] is None:
        return {}
    kind, error, frames = record.exc_info
    return {
        "stackTrace": traceback.format_tb(frames),
        "errorType": kind.__name__,
        "errorMessage": str(error),
        "location": f"{record.pathname}:{record.funcName}:{record.lineno}",
    }


def _as_text(report: ErrorReport) -> str:
    title = ": ".join(filter(None, (report.error_type, report.message)))
    lines = [f"[ERROR] {title}", "Traceback (most recent call last):"]
    for entry in report.stack_trace:
        lines.extend(_indented(line) for line in entry.splitlines() or [""])
    return _LINE_BREAK.join(lines)


def _indented(line: str) -> str:
    text = line.lstrip(" ")
    return _INDENT * (len(line) - len(text)) + text


def _print(line: str) -> None:
    with suppress(OSError, ValueError):  # a stdout that is closed takes no log, and is no reason to end
        if sys.stdout is not None:  # which a handler may have set
            sys.stdout.write(f"{line}\n")
