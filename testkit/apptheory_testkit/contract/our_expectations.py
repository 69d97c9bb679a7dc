"""What `expect.ours` says of a response beyond what its client sees."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.sse_decoder import SseEvent
from apptheory_streaming.wire.transcript import LateMutation, Transcript
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.contract.expected import difference
from apptheory_testkit.contract.target_kind import TargetKind

__all__ = ["our_differences"]

_DIGITS = 6  # of seconds: virtual time is exact, floats are not

_NOT_IN_WORKERS = frozenset({"late_mutations", "produced_at", "delivered_at", "duration"})
_IN_PROCESS_ALONE = frozenset({"log", "dropped_chunks"})


def our_differences(expected: Mapping[str, Any], capture: StreamCapture, kind: TargetKind) -> Iterator[str]:
    """Give, a line each, in what a capture differs, as far as its kind of target shows it."""
    for name, value in expected.items():
        if not _shows(name, kind) or (kind is TargetKind.WORKER and _told_inside(name, value, capture)):
            continue
        try:
            seen = _SEEN[name](capture)
        except FormatError as error:
            yield f"{name}: {error}"
            continue
        yield from difference(name, _NORMAL.get(name, _same)(value), _comparable(name, value, seen))


def _shows(name: str, kind: TargetKind) -> bool:
    if name in _IN_PROCESS_ALONE:
        return kind is TargetKind.IN_PROCESS
    return kind is not TargetKind.WORKER or name not in _NOT_IN_WORKERS


def _told_inside(name: str, value: Any, capture: StreamCapture) -> bool:
    """Whether a failure is known to the runtime alone, which makes a response of an early error with a code."""
    failed = name == "error" and value is not None
    failed |= name == "handler_outcome" and str(value).startswith("failed(")
    return failed and capture.error is None and capture.status >= 400


def _comparable(name: str, expected: Any, seen: Any) -> Any:
    """What was seen, without what the document leaves open."""
    if name == "error" and expected is not None and seen is not None and "message" not in expected:
        return {"code": seen["code"]}
    return seen


def _same(value: Any) -> Any:
    return value


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value if value is None else round(value, _DIGITS)


def _mutations(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": None, "old": None, "new": None} | each for each in value]


def _events(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"event": "message", "id": "", "retry": None} | each for each in value]


def _mutation(mutation: LateMutation) -> dict[str, Any]:
    return {
        "field": mutation.field,
        "name": mutation.name,
        "old": mutation.old,
        "new": mutation.new,
        "after_chunk": mutation.after_chunk,
    }


def _event(event: SseEvent) -> dict[str, Any]:
    return {"data": event.data, "event": event.event, "id": event.id, "retry": event.retry}


def _error(capture: StreamCapture) -> dict[str, str] | None:
    error = capture.error
    return None if error is None else {"code": error.code, "message": error.message}


def _log(transcript: Transcript) -> list[str]:
    """The words of the log, up to its outcomes."""
    words = [line.split()[0].rstrip(":") for line in transcript.log()]
    return words[: words.index("handler")]


def _times(capture: StreamCapture, name: str) -> list[float | None]:
    return [_rounded(getattr(chunk, name)) for chunk in capture.transcript.chunks]


_SEEN: Mapping[str, Callable[[StreamCapture], Any]] = {
    "late_mutations": lambda capture: [_mutation(each) for each in capture.late_mutations],
    "log": lambda capture: _log(capture.transcript),
    "produced_at": lambda capture: _times(capture, "produced_at"),
    "delivered_at": lambda capture: _times(capture, "delivered_at"),
    "duration": lambda capture: _rounded(capture.duration),
    "error": _error,
    "handler_outcome": lambda capture: str(capture.handler_outcome),
    "delivery_outcome": lambda capture: str(capture.delivery_outcome),
    "dropped_chunks": lambda capture: capture.transcript.dropped_chunks,
    "buffered": lambda capture: capture.transcript.buffered,
    "request_id": lambda capture: capture.request_id,
    "sse": lambda capture: [_event(each) for each in capture.sse()],
    "ndjson": lambda capture: capture.ndjson(),
    "csv": lambda capture: capture.csv(),
    "data_stream": lambda capture: [{"type": part.type, "value": part.value} for part in capture.data_stream()],
    "ui_messages": lambda capture: [{"type": part.type, **part.fields} for part in capture.ui_messages()],
}

_NORMAL: Mapping[str, Callable[[Any], Any]] = {
    "late_mutations": _mutations,
    "produced_at": _rounded,
    "delivered_at": _rounded,
    "duration": _rounded,
    "sse": _events,
}
