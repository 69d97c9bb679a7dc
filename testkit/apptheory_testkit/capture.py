"""What came of one request to a handler under test."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apptheory_streaming.errors import NotEnded
from apptheory_streaming.wire.outcome import DeliveryKind, DeliveryOutcome, HandlerOutcome
from apptheory_streaming.wire.transcript import HandlerError, LateMutation, Transcript
from apptheory_streaming.wire.ui_message_parts import LATEST_VERSION
from apptheory_testkit import part_streams
from apptheory_testkit.assertions import buffering, head_and_end, streaming
from apptheory_testkit.assertions.buffering import Hold
from apptheory_testkit.assertions.cadence import Cadence
from apptheory_testkit.assertions.media_type import MediaType
from apptheory_testkit.assertions.report import render_report
from apptheory_testkit.assertions.tap import Tap
from apptheory_testkit.assertions.timeline import Timeline
from apptheory_testkit.captured_formats import CapturedFormats
from apptheory_testkit.rendering.chunk_diff import ChunkList
from apptheory_testkit.rendering.chunks import render_count
from apptheory_testkit.snapshots.views import render_capture

__all__ = ["Metadata", "StreamCapture"]


@dataclass(frozen=True, slots=True)
class Metadata:
    """The head of a captured response; status 0 when the client left before there was one."""

    status: int
    headers: dict[str, list[str]]
    cookies: list[str]


class StreamCapture(CapturedFormats):
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
        return self.body.decode(self._charset())

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
        return chunks[0].produced_at if chunks else None

    @property
    def duration(self) -> float | None:
        """Seconds from the request to the end; None without times."""
        return self._transcript.ended_at

    @property
    def max_gap(self) -> float | None:
        """The most seconds between two consecutive chunks with bytes; None with fewer than two or without times."""
        gap = self._timeline.largest_gap
        return None if gap is None else gap.seconds

    @property
    def cadence(self) -> Cadence | None:
        """The class of the largest gap, which compares with its text, such as `good`; None where there is no gap."""
        return None if self.max_gap is None else Cadence.of(self.max_gap)

    def at(self, text: str | bytes) -> float:
        """Give the seconds from the request until the first occurrence of a text was complete, also over chunks.

        Raises AssertionError when it never came, and UsageError without times.
        """
        __tracebackhide__ = True
        return streaming.time_of(self._timeline, text, self._charset())

    def holds(self, tap: Tap | None = None) -> list[Hold]:
        """Give which chunks were held back, how long, and between which two points; UsageError without times.

        From the write of the handler until they were taken, or from a tap inside the handler on.
        """
        __tracebackhide__ = True
        return buffering.find_holds(self._timeline, tap)

    def report(self) -> str:
        """Give a text to read: times, cadence, sizes, limits, how it ended, and the advice that it does not follow.

        It looks at nothing in the sense of strict mode.
        """
        return render_report(self._timeline)

    def assert_headers_finalized_before_first_chunk(self) -> None:
        """Fail unless the head was final before the first chunk and was left alone after (rule F5)."""
        __tracebackhide__ = True
        self._saw_mutations = True  # and nothing else: how the handler ended is not what this is about
        head_and_end.assert_headers_finalized_before_first_chunk(self._transcript)

    def assert_no_late_mutations(self) -> None:
        """Fail for a head that was changed after it was final (rule F3)."""
        __tracebackhide__ = True
        self._saw_mutations = True
        head_and_end.assert_no_late_mutations(self._transcript)

    def assert_content_type(self, expected: str) -> None:
        """Fail unless the content type is this one; parameters count where `expected` names them."""
        __tracebackhide__ = True
        head_and_end.assert_content_type(self._timeline, expected)

    def assert_closed(self) -> None:
        """Fail unless the handler came to its end, ended its stream itself, and the client got all of it."""
        __tracebackhide__ = True
        self._saw_errors = True
        head_and_end.assert_closed(self._timeline)

    def assert_error(self, code: str, *, late: bool | None = None) -> None:
        """Fail unless the handler failed with this code; `late` says whether after the first chunk (rules E1 to E3)."""
        __tracebackhide__ = True
        self._saw_errors = True
        head_and_end.assert_error(self._timeline, code, late)

    def assert_streamed(self, min_chunks: int = 2) -> None:
        """Fail for fewer chunks with bytes than that."""
        __tracebackhide__ = True
        streaming.assert_streamed(self._timeline, min_chunks)

    def assert_incremental(self) -> None:
        """Fail for a handler that made everything before its first write, as far as its times show.

        Raises UsageError without times.
        """
        __tracebackhide__ = True
        streaming.assert_incremental(self._timeline)

    def assert_cadence(self, max_gap: float = Cadence.ACCEPTABLE.longest_gap) -> None:
        """Fail for more than `max_gap` seconds without bytes between two chunks; UsageError without times."""
        __tracebackhide__ = True
        streaming.assert_cadence(self._timeline, max_gap)

    def assert_chunk_sizes(self, *, text: tuple[int, int] | None = None, binary: tuple[int, int] | None = None) -> None:
        """Fail for chunks outside a range of bytes; empty chunks do not count, and the last one may be small.

        The body as a whole is text or binary.  Without a range of its own, text has 4 to 16 KB and
        binary 8 to 64 KB a chunk; Server-Sent Events and NDJSON, whose chunks go out as they
        happen, may be as small as they are.
        """
        __tracebackhide__ = True
        streaming.assert_chunk_sizes(self._timeline, text, binary)

    def assert_within_limits(self, *, max_bytes: int | None = None, max_seconds: float | None = None) -> None:
        """Fail for more bytes or seconds than AWS allows, or than the given ones (rule L3).

        200 MB of a stream, 6 MB of what is known to be buffered, 900 s where there are times.
        """
        __tracebackhide__ = True
        streaming.assert_within_limits(self._timeline, max_bytes, max_seconds)

    def assert_not_buffered(self, tap: Tap | None = None, *, at_most: float = 0.0) -> None:
        """Fail where chunks were held for longer than `at_most` seconds, and say which, and from when to when.

        With a tap: from the tap on, so that a wrapper around it is seen.  Raises UsageError without times.
        """
        __tracebackhide__ = True
        buffering.assert_not_buffered(self._timeline, tap, at_most)

    def assert_data_stream(self, *, tool_calls: Iterable[str] = ()) -> None:
        """Fail at the first place where the response breaks the format, or the order of its parts (AI SDK, version 4).

        `tool_calls` are the ids of calls in earlier messages, which may have their results here.
        """
        __tracebackhide__ = True
        part_streams.assert_data_stream(self._timeline, tool_calls)

    def assert_ui_message_stream(self, *, version: int = LATEST_VERSION, tool_calls: Iterable[str] = ()) -> None:
        """Fail at the first place where the response breaks the format, or the order of its parts (AI SDK, from 5).

        `tool_calls` as in `assert_data_stream`.
        """
        __tracebackhide__ = True
        part_streams.assert_ui_message_stream(self._timeline, tool_calls, version)

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

    @property
    def _timeline(self) -> Timeline:
        return Timeline.of(self._transcript, self._chunks)

    def _unseen_errors(self) -> list[str]:
        error, after = self._transcript.error, f"after {render_count(len(self._chunks), 'chunk')}"
        if error is not None and isinstance(error.exception, NotEnded):
            return [f"missing end: {error.message}"]
        if error is not None and error.late:
            return [f"late error {after}: {error}"]
        if self._transcript.delivery.kind is DeliveryKind.CUT:
            return [f"truncation: the response was cut {after}"]
        return []

    def _charset(self) -> str:
        return MediaType.parse(self.headers.get("content-type", [""])[0]).charset
