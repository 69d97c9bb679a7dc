"""The log of workers: what they print, and what Lambda would write of them."""

import logging

__all__ = ["log_line", "log_output"]

_log = logging.getLogger("apptheory_emulator.worker")


def log_output(function_name: str, request_id: str, line: str) -> None:
    """Write a line that a worker has printed, behind the request that it ran; `-` is its start, and its rest."""
    extra = {"function_name": function_name, "request_id": request_id}
    _log.info("%s %s %s", function_name, request_id or "-", line, extra=extra)


def log_line(function_name: str, request_id: str, line: str) -> None:
    """Write a line of Lambda's, which names its request itself."""
    _log.info("%s %s", function_name, line, extra={"function_name": function_name, "request_id": request_id})
