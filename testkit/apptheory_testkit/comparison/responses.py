"""What one handler gives in-process and over HTTP, compared at the levels of rule W7.

Status, headers without the platform's, lists joined, cookies, non-empty chunks, errors, late
mutations and outcomes are compared; times, request ids and empty chunks never.  A connection lets a
handler run ahead of its client, so of one that was cancelled because its client left, only what the
client got is compared.
"""

import base64
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from apptheory_streaming.wire.front import PLATFORM_HEADERS, REMAPPED_HEADERS, REMAPPED_PREFIX
from apptheory_streaming.wire.outcome import DeliveryKind, HandlerKind
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.rendering.chunk_diff import diff_chunks
from apptheory_testkit.rendering.chunks import render_count

__all__ = ["ComparableCall", "ComparableResponse", "compare_calls", "compare_captures", "wire_headers"]

_OF_HANDLER = ("error", "stream_error_code", "late_mutations", "handler")

_SHOWN_CALLS = 3  # of those that differ

_REMAPPED_PREFIX = REMAPPED_PREFIX.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparableResponse:
    """A response as every path shows it; made of plain values, to be kept in a file."""

    status: int
    headers: Mapping[str, str]
    cookies: Sequence[str]
    chunks: Sequence[bytes]
    error: str | None
    stream_error_code: str | None
    late_mutations: Sequence[str]
    handler: str
    delivery: str

    @classmethod
    def of(cls, capture: StreamCapture, *, over_http: bool, borders: bool = True) -> Self:
        """Take from a capture what is compared; to strict mode this is not looking.

        `over_http` for heads as they came over a wire, where the headers of the platform are its own.
        Without `borders` the body counts, and not how it was cut.
        """
        unseen = copy.copy(capture)  # it remembers who looked, and this is nobody
        transcript = unseen.transcript
        gone = transcript.delivery.kind is DeliveryKind.CLIENT_GONE  # after how many bytes is up to the sockets
        return cls(
            status=unseen.status,
            headers=wire_headers(unseen.headers, over_http=over_http),
            cookies=unseen.cookies,
            chunks=[chunk for chunk in (unseen.chunks if borders else [unseen.body]) if chunk],
            error=None if transcript.error is None else str(transcript.error),
            stream_error_code=transcript.stream_error_code,
            late_mutations=[str(mutation) for mutation in transcript.late_mutations],
            handler=str(transcript.handler),
            delivery=str(replace(transcript.delivery, after_bytes=None) if gone else transcript.delivery),
        )

    def to_json(self) -> dict[str, Any]:
        """Give a value that JSON can hold."""
        return asdict(self) | {"chunks": [base64.b64encode(chunk).decode() for chunk in self.chunks]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(**{**value, "chunks": [base64.b64decode(chunk) for chunk in value["chunks"]]})


@dataclass(frozen=True, slots=True)
class ComparableCall:
    """One call of a test: what it asked for, such as `GET /chat`, and what came."""

    asked: str
    response: ComparableResponse

    def to_json(self) -> dict[str, Any]:
        """Give a value that JSON can hold."""
        return {"asked": self.asked, "response": self.response.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(value["asked"], ComparableResponse.from_json(value["response"]))


def compare_captures(in_process: StreamCapture, http: StreamCapture) -> list[str]:
    """Give, a line each, how two captures differ at the levels of W7; none when they do not."""
    one, other = ComparableResponse.of(in_process, over_http=False), ComparableResponse.of(http, over_http=True)
    return list(_differences(one, other))


def compare_calls(in_process: Sequence[ComparableCall], http: Sequence[ComparableCall]) -> list[str]:
    """Give, a line each, how the calls of a test differ, in their order; none when they do not."""
    lines: list[str] = []
    differing = 0
    for number, (one, other) in enumerate(zip(in_process, http, strict=False), 1):
        if one.asked != other.asked:  # from here on it is another story
            return [*lines, f"call {number} asks for something else", *_pair("request", one.asked, other.asked)]
        differences = list(_differences(one.response, other.response))
        differing += bool(differences)
        if differences and differing <= _SHOWN_CALLS:
            lines += [f"call {number}, {one.asked}: in-process (-), over HTTP (+)", *differences]
    if differing > _SHOWN_CALLS:
        lines.append(f"… {differing - _SHOWN_CALLS} more of {render_count(len(http), 'call')} differ")
    return lines if len(in_process) == len(http) else [*lines, _missing(in_process, http)]


def wire_headers(headers: Mapping[str, Sequence[str]], *, over_http: bool) -> dict[str, str]:
    """Give headers as the wire has them, joined and without those of the platform.

    `over_http` is for those that came over a wire already.
    """
    return {
        f"{_REMAPPED_PREFIX}{name}" if name in REMAPPED_HEADERS else name: ",".join(values)
        for name, values in headers.items()
        if name not in (PLATFORM_HEADERS if over_http else PLATFORM_HEADERS - REMAPPED_HEADERS)
    }


def _differences(in_process: ComparableResponse, http: ComparableResponse) -> Iterator[str]:
    of_handler = () if _stopped(in_process, http) else _OF_HANDLER
    for name in ("status", "headers", "cookies", *of_handler, "delivery"):
        one, other = getattr(in_process, name), getattr(http, name)
        if name == "headers":
            yield from _header_differences(one, other)
        elif one != other:
            yield from _pair(name, one, other)
    chunks = diff_chunks(http.chunks, in_process.chunks)
    if chunks:
        verdict, _, *rows = chunks
        counts = f"{render_count(len(in_process.chunks), 'chunk')} in-process, {len(http.chunks)} over HTTP"
        yield f"  chunks: {verdict} ({counts})"
        yield from rows


def _stopped(*responses: ComparableResponse) -> bool:
    """Whether a handler was cancelled because its client left: how far it had come is up to the sockets."""
    gone = all(response.delivery == DeliveryKind.CLIENT_GONE for response in responses)
    return gone and any(response.handler == HandlerKind.CANCELLED for response in responses)


def _header_differences(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys((*one, *other)):
        if one.get(name) != other.get(name):
            yield from _pair(f"header {name!r}", one.get(name), other.get(name))


def _missing(in_process: Sequence[ComparableCall], http: Sequence[ComparableCall]) -> str:
    more, path = (in_process, "in-process") if len(in_process) > len(http) else (http, "over HTTP")
    number = min(len(in_process), len(http)) + 1
    calls = f"{render_count(len(in_process), 'call')} in-process, {len(http)} over HTTP"
    return f"{calls}: call {number}, {more[number - 1].asked}, is there {path} alone"


def _pair(name: str, one: object, other: object) -> list[str]:
    return [f"  - {name}: {_shown(one)}", f"  + {name}: {_shown(other)}"]


def _shown(value: object) -> str:
    return "nothing" if value in (None, [], ()) else str(value)
