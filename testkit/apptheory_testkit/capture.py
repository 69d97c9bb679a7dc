"""What came of one request to a handler under test."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Any

from apptheory_streaming.errors import NotEnded
from apptheory_streaming.wire.outcome import DeliveryKind, DeliveryOutcome, HandlerOutcome
from apptheory_streaming.wire.transcript import HandlerError, LateMutation, Transcript
from apptheory_testkit.assertions import assert_headers_finalized_before_first_chunk
from apptheory_testkit.chunk_diff import ChunkList
from apptheory_testkit.rendering import render_count
from apptheory_testkit.snapshot import render_capture

__all__ = ["Metadata", "StreamCapture"]


@dataclass(frozen=True, slots=True)
class Metadata:
    """The head of a captured response; status 0 when the client left before there was one."""

    status: int
    headers: dict[str, list[str]]
    cookies: list[str]


class StreamCapture:
    """One response: its head, its chunks as the handler made them, and how it ended.

    Nothing raises by itself.  A late mutation, a late error, a missing end or a truncation that
    nobody looked at is kept for `unseen_problems`, by which the pytest plugin fails the test;
    reading `late_mutations` looks at the first, reading `error`, `stream_error_code` or an
    outcome at the others, comparing or rendering captures and reading `transcript` at all.
    """

    def __init__(self, transcript: Transcript, chunks: Sequence[bytes], *, ended_by_test: bool = False) -> None:
        """Hold what a transport captured; `ended_by_test` when the test itself cut the stream."""
        self._transcript = transcript
        self._chunks = tuple(chunks)
        self._ended_by_test = ended_by_test
        self._saw_mutations = False
        self._saw_errors = False

    @property
    def metadata(self) -> Metadata:
        """Status, headers (lower-case name -> values) and cookies as they were finalized."""
        head = self._transcript.head
        if head is None:
            return Metadata(0, {}, [])
        return Metadata(head.status, {name: list(each) for name, each in head.headers.items()}, list(head.cookies))

    @property
    def status(self) -> int:
        """The status code."""
        return self.metadata.status

    @property
    def headers(self) -> dict[str, list[str]]:
        """Lower-case header name -> values; `set-cookie` is in `cookies`."""
        return self.metadata.headers

    @property
    def cookies(self) -> list[str]:
        """The Set-Cookie values in order."""
        return self.metadata.cookies

    @property
    def chunks(self) -> list[bytes]:
        """The chunks, empty ones included, exactly as the handler cut them."""
        return ChunkList(self._chunks)

    @property
    def body(self) -> bytes:
        """All chunks as one."""
        return b"".join(self._chunks)

    @property
    def text(self) -> str:
        """The body as text, in the charset of its content type or UTF-8; raises UnicodeDecodeError."""
        return self.body.decode(_charset(self.headers.get("content-type", [""])[0]))

    def json(self) -> Any:
        """Parse the body as JSON; raises ValueError when it is none."""
        return json.loads(self.body)

    @property
    def error(self) -> HandlerError | None:
        """Why the handler failed, early or late: code, message and the exception."""
        self._saw_errors = True
        return self._transcript.error

    @property
    def stream_error_code(self) -> str | None:
        """The code of a late error; None for an early one and for none."""
        self._saw_errors = True
        return self._transcript.stream_error_code

    @property
    def late_mutations(self) -> list[LateMutation]:
        """Changes of the head that came after it was final."""
        self._saw_mutations = True
        return list(self._transcript.late_mutations)

    @property
    def handler_outcome(self) -> HandlerOutcome:
        """How the handler ended; compares equal to its text, such as `failed(app.conflict)`."""
        self._saw_errors = True
        return self._transcript.handler

    @property
    def delivery_outcome(self) -> DeliveryOutcome:
        """How the delivery ended; compares equal to its text, such as `complete`."""
        self._saw_errors = True
        return self._transcript.delivery

    @property
    def transcript(self) -> Transcript:
        """Everything that happened, in order."""
        self._saw_errors = self._saw_mutations = True
        return self._transcript

    @property
    def notes(self) -> list[str]:
        """What a reader should know, such as that a buffered answer was shown verbatim."""
        return list(self._transcript.notes)

    @property
    def request_id(self) -> str:
        """The id of the request: `x-request-id`, else from a counter of the test."""
        return self._transcript.request_id

    @property
    def ttfb(self) -> float | None:
        """Seconds from the request to the first chunk; None without times or chunks."""
        chunks = self._transcript.chunks
        return _between(self._transcript.started_at, chunks[0].produced_at) if chunks else None

    @property
    def duration(self) -> float | None:
        """Seconds from the request to the end; None without times."""
        return _between(self._transcript.started_at, self._transcript.ended_at)

    def assert_headers_finalized_before_first_chunk(self) -> None:
        """Fail unless the head was final before the first chunk and was left alone after (rule F5)."""
        __tracebackhide__ = True
        self._saw_mutations = True  # and nothing else: how the handler ended is not what this is about
        assert_headers_finalized_before_first_chunk(self._transcript)

    def render(self, view: str = "chunks", *, redact: Mapping[str, str | re.Pattern[str]] | None = None) -> str:
        """Give the response as the text of a snapshot: its `chunks`, `body`, `events` or `timing`.

        `redact` maps what is to stand in the place of ids and dates to regular expressions that find them.
        """
        return render_capture(self.transcript, self._chunks, view, redact=redact)

    def unseen_problems(self) -> list[str]:
        """Give, a line each, the problems of this response that nobody has looked at."""
        problems: list[str] = []
        if not self._saw_mutations:
            problems += [f"late mutation: {mutation}" for mutation in self._transcript.late_mutations]
        if not self._saw_errors and not self._ended_by_test:
            problems += self._unseen_errors()
        return problems

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StreamCapture):
            return NotImplemented
        return self.transcript == other.transcript and self._chunks == other._chunks

    __hash__ = None  # type: ignore[assignment]  # compares by value and remembers who looked

    def __repr__(self) -> str:
        return (
            f"<StreamCapture {self.status} {render_count(len(self._chunks), 'chunk')} "
            f"{render_count(len(self.body), 'byte')} {self._transcript.handler} {self._transcript.delivery}>"
        )

    def _unseen_errors(self) -> list[str]:
        error, after = self._transcript.error, f"after {render_count(len(self._chunks), 'chunk')}"
        if error is not None and isinstance(error.exception, NotEnded):
            return [f"missing end: {error.message}"]
        if error is not None and error.late:
            return [f"late error {after}: {error}"]
        if self._transcript.delivery.kind is DeliveryKind.CUT:
            return [f"truncation: the response was cut {after}"]
        return []


def _charset(content_type: str) -> str:
    message = Message()
    message["content-type"] = content_type
    return message.get_content_charset("utf-8")


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
