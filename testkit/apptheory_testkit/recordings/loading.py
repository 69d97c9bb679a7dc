"""Reads a recording from its file; any other contract document is one that comes all at once."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apptheory_streaming.errors import InvalidResponse, UsageError
from apptheory_streaming.options import is_number
from apptheory_streaming.wire.head import Head, make_head
from apptheory_testkit.contract.document import ContractCase, parse_document
from apptheory_testkit.contract.expected import ExpectedResponse
from apptheory_testkit.recordings.model import END_WORDS, MOST_SECONDS, Ended, NotARecording, Recording, TimedChunk

__all__ = ["load_recording", "parse_recording"]

_PLACE = "setup.ours.recording"


def load_recording(path: str | os.PathLike[str]) -> Recording:
    """Read a file; raises UsageError when that fails, and NotARecording for one that holds no stream."""
    file = os.fspath(path)
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"the recording {file} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise NotARecording(f"{file} is not a recording: it is no UTF-8 (byte {error.start})") from error
    return parse_recording(text, file=file)


def parse_recording(text: str, *, file: str = "document") -> Recording:
    """Read a recording from its text; `file` names it in errors.

    Raises NotARecording saying what is missing or wrong, and where.
    """
    try:
        document = parse_document(text, file=file)
    except UsageError as error:
        raise NotARecording(f"this is not a recording: {error}") from error
    if document.case is None:
        raise NotARecording(f"{file} is not a recording: {document.foreign}")
    value: dict[str, Any] = json.loads(text)
    return _Reading(file, value["setup"].get("ours", {}).get("recording", {})).recording(value, document.case)


class _Reading:
    """Reads what a recording says beside other documents: times, the end, where it is from."""

    def __init__(self, file: str, fields: Mapping[str, Any]) -> None:
        self._file = file
        self._fields = fields

    def recording(self, value: Mapping[str, Any], case: ContractCase) -> Recording:
        chunks = _chunks(case.expected, value["expect"]["response"])
        times = self._times(len(chunks))
        head_at = self._seconds("head_at", self._fields.get("head_at", 0.0))
        ended, ended_at = self._end(case.expected, last=times[-1] if times else head_at)
        if (moments := [head_at, *times, ended_at]) != sorted(moments):
            raise self._wrong("chunk_times", "go back: head_at, chunk_times and ended.at must be in order")
        return Recording(
            id=value["id"],
            name=value["name"],
            handler=case.routes[0].handler if case.routes else "",
            request=case.request,
            head=self._head(case.expected),
            chunks=tuple(TimedChunk(data, at) for data, at in zip(chunks, times, strict=True)),
            head_at=head_at,
            ended=ended,
            ended_at=ended_at,
            platform_headers=self._platform_headers(),
            url=self._text("url"),
            recorded_on=self._text("recorded_on"),
            redacted=tuple(self._texts("redacted", self._fields.get("redacted", []))),
        )

    def _times(self, count: int) -> list[float]:
        times = self._fields.get("chunk_times")
        if times is None:
            return [0.0] * count
        if not isinstance(times, list):
            raise self._wrong("chunk_times", "must be a list of seconds")
        if len(times) != count:
            raise self._wrong("chunk_times", f"has {len(times)} times for {count} chunks; without it all come at once")
        return [self._seconds("chunk_times", each) for each in times]

    def _end(self, expected: ExpectedResponse, *, last: float) -> tuple[Ended, float]:
        end = self._fields.get("ended", {})
        how = end.get("how", Ended.CUT if expected.stream_error_code else Ended.COMPLETE) if _is_object(end) else None
        if how not in END_WORDS:
            raise self._wrong("ended", f"must say how: {', '.join(END_WORDS)}, and at which second")
        return Ended(how), self._seconds("ended.at", end.get("at", last))

    def _head(self, expected: ExpectedResponse) -> Head:
        try:
            return make_head(expected.status, dict(expected.headers), expected.cookies, default_content_type=None)
        except InvalidResponse as error:
            raise NotARecording(f"{self._file} is not a recording: {error}") from error

    def _platform_headers(self) -> dict[str, tuple[str, ...]]:
        headers = self._fields.get("platform_headers", {})
        if not _is_object(headers):
            raise self._wrong("platform_headers", "must map names to lists of values")
        return {name: tuple(self._texts("platform_headers", values)) for name, values in headers.items()}

    def _seconds(self, name: str, value: object) -> float:
        if is_number(value) and 0 <= value <= MOST_SECONDS:
            return float(value)
        hint = "; a recording is no longer than a year" if is_number(value) and value > 0 else ""
        raise self._wrong(name, f"must be seconds, 0 or more, not {value!r}{hint}")

    def _text(self, name: str) -> str:
        value = self._fields.get(name, "")
        return self._texts(name, [value])[0]

    def _texts(self, name: str, values: object) -> list[str]:
        if isinstance(values, list) and all(isinstance(each, str) for each in values):
            return values
        raise self._wrong(name, "must be text")

    def _wrong(self, name: str, what: str) -> NotARecording:
        return NotARecording(f"{self._file} is not a recording: {_PLACE}.{name} {what}")


def _chunks(expected: ExpectedResponse, response: Mapping[str, Any]) -> list[bytes]:
    if expected.chunks is not None:
        return list(expected.chunks)
    if "body_json" in response:
        return [json.dumps(response["body_json"], separators=(",", ":"), ensure_ascii=False).encode()]
    return [expected.body] if expected.body else []


def _is_object(value: object) -> bool:
    return isinstance(value, dict)
