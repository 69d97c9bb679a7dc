"""One line a request, and what its handler did wrong."""

import logging

from aiohttp import web

from apptheory_emulator.front.platform_response import PlatformResponse
from apptheory_emulator.front.request_handler import Exchange
from apptheory_emulator.tracebacks import describe
from apptheory_streaming.errors import ClientError, NotEnded, PayloadTooLarge, code_of
from apptheory_streaming.wire.transcript import EventKind, HandlerError, Transcript

__all__ = ["access_line", "log_exchange", "log_refusal"]

_log = logging.getLogger("apptheory_emulator")
_access = logging.getLogger("apptheory_emulator.access")


def log_exchange(exchange: Exchange) -> None:
    """Write the access line; before it the notes, late mutations and errors that it has no room for."""
    transcript = exchange.transcript
    for note in transcript.notes:
        _log.warning("%s: %s", transcript.request_id, note)
    for mutation in transcript.late_mutations:
        _log.warning("%s: late mutation, not sent: %s", transcript.request_id, mutation)
    if transcript.error is not None:
        _log_error(transcript, transcript.error)
    _access.info("%s", access_line(exchange))


async def log_refusal(request: web.Request, response: web.StreamResponse) -> None:
    """Write the access line of a request that the server itself answers, such as CONNECT, which has no id."""
    if not isinstance(response, web.HTTPException | PlatformResponse):
        return
    request_id = "-"
    if isinstance(response, PlatformResponse):
        request_id = response.request_id
        if response.refusal:
            _log.warning("%s: request refused: %s", request_id, response.refusal)
    path = request.raw_path.partition("?")[0]
    _access.info("%s %s %s %s handler=not_called", request_id, request.method, path, response.status)


def access_line(exchange: Exchange) -> str:
    """Give request id, method, path, status, chunks, bytes, first byte, duration and error code."""
    request, transcript = exchange.request, exchange.transcript
    dropped = (f"dropped={transcript.dropped_chunks}",) if transcript.dropped_chunks else ()
    return " ".join(
        (
            transcript.request_id,
            request.method,
            request.path,
            str(transcript.head.status if transcript.head else "-"),
            f"chunks={transcript.chunk_count}",
            f"bytes={transcript.body_bytes}",
            *dropped,
            f"first_byte_ms={_milliseconds(_committed_at(transcript))}",
            f"duration_ms={_milliseconds(transcript.ended_at)}",
            f"handler={transcript.handler}",
            f"delivery={str(transcript.delivery).replace(' ', '_')}",
            f"error={transcript.error.code if transcript.error else '-'}",
        )
    )


def _log_error(transcript: Transcript, error: HandlerError) -> None:
    """An error with a code of its own was meant for the client: no traceback."""
    if isinstance(error.exception, ClientError):
        _log.error("%s: request refused: %s", transcript.request_id, error)
        return
    if isinstance(error.exception, NotEnded):
        _log.error("%s: %s", transcript.request_id, error)
        return
    chunks = f"{transcript.chunk_count} chunk{'' if transcript.chunk_count == 1 else 's'}"
    when = f"after {chunks}" if error.late else "before the first chunk"
    if isinstance(error.exception, PayloadTooLarge):
        _log.error("%s: handler failed %s: %s: %s", transcript.request_id, when, error.type_name, error.message)
        return
    text = _printable(str(error)) if code_of(error.exception) is not None else describe(error.exception)
    _log.error("%s: handler failed %s: %s", transcript.request_id, when, text)


def _printable(text: str) -> str:
    """Text that may hold what a client sent, without what a terminal would obey."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _committed_at(transcript: Transcript) -> float | None:
    return next((event.at for event in transcript.events if event.kind is EventKind.COMMITTED), None)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}"
