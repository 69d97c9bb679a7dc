"""The log of the HTTP server: a client's broken request is one line, not a traceback of aiohttp's."""

import logging

from aiohttp import web
from aiohttp.http import HttpProcessingError

__all__ = ["http_log"]

http_log = logging.getLogger("apptheory_emulator.http")


def _shorten(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | web.RequestPayloadError):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args = "refused a request that cannot be read: %s", (_one_line(error),)
        record.exc_info = record.exc_text = None
    return True


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).removeprefix("400, message: ")


http_log.addFilter(_shorten)
