"""What a test may claim of a head and of an end.  Each failure says what happened, where, and what to do."""

from collections.abc import Sequence

from apptheory_streaming.errors import NotEnded, UsageError
from apptheory_streaming.options import check_switch
from apptheory_streaming.wire.outcome import DeliveryKind, HandlerKind
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit.assertions.media_type import MediaType
from apptheory_testkit.assertions.timeline import Timeline
from apptheory_testkit.rendering.chunks import render_lines

__all__ = [
    "assert_closed",
    "assert_content_type",
    "assert_error",
    "assert_headers_finalized_before_first_chunk",
    "assert_no_late_mutations",
]


def assert_headers_finalized_before_first_chunk(transcript: Transcript) -> None:
    """Fail unless the head was final before the first chunk and was left alone after (rule F5).

    Reads the event log, never a clock.
    """
    __tracebackhide__ = True  # the test's own line is the one that matters
    assert_no_late_mutations(transcript)
    if not transcript.head_final_before_first_chunk():
        raise AssertionError("no head was final before the first chunk\n" + _log(transcript))


def assert_no_late_mutations(transcript: Transcript) -> None:
    """Fail for a head that was changed after it was final (rule F3)."""
    __tracebackhide__ = True
    mutations = transcript.late_mutations
    if mutations:
        raise AssertionError(
            "the head changed after it was final:\n"
            + "".join(f"  {mutation}\n" for mutation in render_lines(map(str, mutations)))
            + "The client never sees such a change. Set status, headers and cookies before the handler "
            "returns its response.\n" + _log(transcript)
        )


def assert_content_type(timeline: Timeline, expected: str) -> None:
    """Fail unless the response has exactly this media type, and the parameters if any are named."""
    __tracebackhide__ = True
    wanted = MediaType.parse(expected) if isinstance(expected, str) else None
    if wanted is None or "/" not in wanted.name:
        raise UsageError(f"assert_content_type takes a media type such as 'text/html', not {expected!r}")
    head = timeline.transcript.head
    values: Sequence[str] = () if head is None else head.headers.get("content-type", ())
    if len(values) != 1 or not wanted.matches(MediaType.parse(values[0])):
        got = ", ".join(map(repr, values)) or "none"
        status = "no head" if head is None else f"status {head.status}"
        raise AssertionError(f"the content type is {got}, not {expected!r} ({status})\n{timeline.happened()}")


def assert_closed(timeline: Timeline) -> None:
    """Fail unless the handler came to its end, ended its stream itself, and the client got all of it."""
    __tracebackhide__ = True
    transcript = timeline.transcript
    problem = None
    if transcript.error is not None and isinstance(transcript.error.exception, NotEnded):
        problem = "the handler returned and left its stream open; end it with `await stream.end()`"
    elif transcript.handler.kind is not HandlerKind.ENDED:
        problem = f"the handler did not come to its end: {transcript.handler}"
    elif transcript.delivery.kind is not DeliveryKind.COMPLETE:
        problem = f"the client did not get the whole response: {transcript.delivery}"
    if problem is not None:
        raise AssertionError(f"{problem}\n{timeline.happened()}")


def assert_error(timeline: Timeline, code: str, late: bool | None) -> None:
    """Fail unless the handler failed with this code, and late or early if that is said (rules E1 to E3)."""
    __tracebackhide__ = True
    if not isinstance(code, str):
        raise UsageError(f"assert_error takes a code such as 'app.conflict', not {code!r}")
    if late is not None:
        check_switch("late", late)
    error = timeline.transcript.error
    wanted = code if late is None else f"{code}, {_when(late)}"
    if error is None:
        raise AssertionError(f"no error, expected {wanted}\n{timeline.happened()}")
    if error.code != code or late not in (None, error.late):
        raise AssertionError(
            f"the error is {error.code}, {_when(error.late)}; expected {wanted}\n{timeline.happened()}"
        )


def _when(late: bool) -> str:
    return "after the first chunk" if late else "before the first chunk"


def _log(transcript: Transcript) -> str:
    return "What happened:\n" + "".join(f"  {line}\n" for line in render_lines(transcript.log()))
