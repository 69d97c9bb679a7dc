"""Why two values of a test are not equal, for `assert capture.chunks == [...]` and `assert capture == other`."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest

from apptheory_streaming.wire.seconds import render_seconds
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.rendering.chunk_diff import ChunkList, diff_chunks
from apptheory_testkit.rendering.chunks import render_lines

__all__ = ["explain_inequality"]

_BYTES_LIKE = bytes | bytearray | memoryview


def explain_inequality(left: object, right: object) -> list[str] | None:
    """Give the lines of an explanation, or None for values that are not a capture's.

    Chunks are the ones got on whichever side they stand; of two captures the left one is.
    """
    if isinstance(left, StreamCapture) and isinstance(right, StreamCapture):
        return _captures(left, right)
    if isinstance(left, ChunkList):
        return _chunks(left, right)
    if isinstance(right, ChunkList):
        return _chunks(right, left)
    return None


def _chunks(got: ChunkList, expected: object) -> list[str] | None:
    if isinstance(expected, str | _BYTES_LIKE):
        kind = type(expected).__name__
        return [f"chunks are a list of bytes, not {kind}: compare `{'text' if kind == 'str' else 'body'}` with it"]
    if isinstance(expected, tuple):
        return ["chunks are a list, which never equals a tuple: write [...]"]
    if not isinstance(expected, list):
        return None
    for index, chunk in enumerate(expected):
        if not isinstance(chunk, _BYTES_LIKE):
            hint = f": write {chunk.encode()!r}" if isinstance(chunk, str) else ""
            return [f"chunk {index} of the expected list is {type(chunk).__name__}, and chunks are bytes{hint}"]
    return diff_chunks(got, [bytes(chunk) for chunk in expected])


def _captures(got: StreamCapture, expected: StreamCapture) -> list[str]:
    lines = [*_fields(got.transcript, expected.transcript), *diff_chunks(got.chunks, expected.chunks)]
    if got.request_id != expected.request_id:
        lines.append("  (a header `x-request-id` gives two requests of one test the same id)")
    return ["the captures differ", *(lines or _log(got.transcript, expected.transcript))]


def _fields(got: Transcript, expected: Transcript) -> Iterator[str]:
    ours, theirs = dict(_shown(got)), dict(_shown(expected))
    for name in dict.fromkeys((*ours, *theirs)):
        if ours.get(name) != theirs.get(name):
            yield from _pair(name, theirs.get(name), ours.get(name))


def _shown(transcript: Transcript) -> Iterator[tuple[str, str]]:
    """What a reader compares first; chunks come after, and times only where nothing else differs."""
    yield "request_id", transcript.request_id
    if transcript.head is not None:
        yield "status", str(transcript.head.status)
        yield from _headers(transcript.head.headers)
        yield "cookies", repr(list(transcript.head.cookies))
    if transcript.error is not None:
        yield "error", str(transcript.error)
    yield "stream_error_code", str(transcript.stream_error_code)
    yield "late_mutations", "; ".join(map(str, transcript.late_mutations)) or "none"
    yield "notes", "; ".join(transcript.notes) or "none"
    yield "handler", str(transcript.handler)
    yield "delivery", str(transcript.delivery)
    yield "dropped_chunks", str(transcript.dropped_chunks)


def _headers(headers: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    return ((f"header {name!r}", repr(list(values))) for name, values in headers.items())


def _log(got: Transcript, expected: Transcript) -> list[str]:
    pairs = zip_longest(got.log(), expected.log())
    lines = render_lines(line for ours, theirs in pairs if ours != theirs for line in _pair("log", theirs, ours))
    if got.ended_at != expected.ended_at:
        lines += _pair("end", _end(expected), _end(got))
    return lines or ["  in the times of delivery alone"]


def _end(transcript: Transcript) -> str:
    return "without a time" if transcript.ended_at is None else f"at {render_seconds(transcript.ended_at)}"


def _pair(name: str, expected: str | None, got: str | None) -> Iterator[str]:
    yield f"  - {name}: {'nothing' if expected is None else expected}"
    yield f"  + {name}: {'nothing' if got is None else got}"
