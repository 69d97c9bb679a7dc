"""What a test may claim of how a body came.  Each failure says what happened when."""

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import check_duration, is_count
from apptheory_streaming.wire.limits import AWS_NUMBERS, AwsNumber
from apptheory_streaming.wire.seconds import render_seconds
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit.assertions.cadence import Cadence
from apptheory_testkit.assertions.chunk_sizes import SizeRange, advised_sizes
from apptheory_testkit.assertions.media_type import MediaType
from apptheory_testkit.assertions.timeline import Timeline
from apptheory_testkit.rendering.chunks import is_binary, render_count

__all__ = [
    "assert_cadence",
    "assert_chunk_sizes",
    "assert_incremental",
    "assert_streamed",
    "assert_within_limits",
    "body_limit",
    "made_at_once",
    "media_type_of",
    "size_range",
    "time_of",
]


def assert_streamed(timeline: Timeline, min_chunks: int) -> None:
    """Fail for a response of fewer chunks with bytes."""
    __tracebackhide__ = True  # the test's own line is the one that matters
    if not is_count(min_chunks, least=1):
        raise UsageError(f"min_chunks takes a number of chunks, 1 or more, not {min_chunks!r}")
    count = len(timeline.full)
    if count < min_chunks:
        got = render_count(count, "chunk") + " with bytes" if count else "no bytes"
        raise AssertionError(f"the response came in {got}, not in {min_chunks} or more\n{timeline.happened(text=True)}")


def assert_incremental(timeline: Timeline) -> None:
    """Fail for a handler that made everything before its first write, as far as time shows."""
    __tracebackhide__ = True
    assert_streamed(timeline, 2)
    timeline.need_times()
    if made_at_once(timeline):
        moment = render_seconds(timeline.full[0].produced_at or 0)
        raise AssertionError(
            f"the handler made everything before its first write: all {len(timeline.full)} chunks came at {moment}, "
            f"and nothing in the {moment} before. Yield each part as soon as it is there.\n{timeline.happened()}"
        )


def made_at_once(timeline: Timeline) -> bool:
    """Whether some time went by, and then all chunks came at one moment."""
    full = timeline.full
    first, last = full[0].produced_at, full[-1].produced_at
    return first is not None and last is not None and last <= first and first > 0


def assert_cadence(timeline: Timeline, max_gap: float) -> None:
    """Fail when no bytes came for longer than `max_gap` seconds between two chunks."""
    __tracebackhide__ = True
    check_duration("max_gap", max_gap)
    assert_streamed(timeline, 2)
    timeline.need_times()
    gap = timeline.largest_gap
    if gap is not None and gap.seconds > max_gap:
        raise AssertionError(
            f"the largest gap is {gap}: {Cadence.of(gap.seconds)}, and more than {render_seconds(max_gap)}\n"
            + timeline.happened(around=(gap.before.index, gap.after.index))
        )


def assert_chunk_sizes(timeline: Timeline, text: tuple[int, int] | None, binary: tuple[int, int] | None) -> None:
    """Fail for chunks that are larger or smaller than they should be; the last one may be small."""
    __tracebackhide__ = True
    sizes = size_range(timeline, text, binary)
    misfits = sizes.misfits(timeline.full)
    if misfits:
        named = ", ".join(f"{chunk.index} ({render_count(len(chunk.data), 'byte')})" for chunk in misfits[:3])
        more = f" and {len(misfits) - 3} more" if len(misfits) > 3 else ""
        what = "binary" if is_binary(_body(timeline)) else "text"
        raise AssertionError(
            f"{render_count(len(misfits), 'chunk')} of {len(timeline.full)} not in {sizes}, the range of {what}: "
            f"{named}{more}\n" + timeline.happened(around=[chunk.index for chunk in misfits[:3]])
        )


def size_range(
    timeline: Timeline, text: tuple[int, int] | None = None, binary: tuple[int, int] | None = None
) -> SizeRange:
    """Give the range for this body, the advised one where the test says nothing; the body as a whole decides."""
    __tracebackhide__ = True
    text_range = None if text is None else SizeRange.make(text, "text")
    binary_range = None if binary is None else SizeRange.make(binary, "binary")
    body = _body(timeline)
    given = binary_range if is_binary(body) else text_range
    return given or advised_sizes(body, media_type_of(timeline))


def assert_within_limits(timeline: Timeline, max_bytes: int | None, max_seconds: float | None) -> None:
    """Fail for a body or a duration over what AWS allows, or over the given numbers (rule L3)."""
    __tracebackhide__ = True
    transcript = timeline.transcript
    if max_bytes is not None and not is_count(max_bytes):
        raise UsageError(f"max_bytes takes a number of bytes, 0 or more, not {max_bytes!r}")
    if max_seconds is not None:
        check_duration("max_seconds", max_seconds)
        timeline.need_times()
    what, number = body_limit(transcript)
    most = number.value if max_bytes is None else max_bytes
    if transcript.body_bytes > most:
        source = f"a {what} of AWS, {number.source}" if max_bytes is None else "max_bytes"
        raise AssertionError(
            f"the body has {transcript.body_bytes} bytes, more than {most} ({source})\n{timeline.happened()}"
        )
    timeout = AWS_NUMBERS["function timeout"]
    longest = float(timeout.value) if max_seconds is None else max_seconds
    if transcript.ended_at is not None and transcript.ended_at > longest:
        source = f"a function timeout of AWS, {timeout.source}" if max_seconds is None else "max_seconds"
        raise AssertionError(
            f"the response took {render_seconds(transcript.ended_at)}, more than {render_seconds(longest)} "
            f"({source})\n{timeline.happened()}"
        )


def body_limit(transcript: Transcript) -> tuple[str, AwsNumber]:
    """Give the limit of AWS for this body: the one of streams, unless it is known that it was buffered."""
    what = "buffered response" if transcript.buffered else "streamed response"
    return what, AWS_NUMBERS[what]


def time_of(timeline: Timeline, text: str | bytes, charset: str) -> float:
    """Give when the first occurrence of a text was complete, also where chunks cut it."""
    __tracebackhide__ = True
    if not isinstance(text, str | bytes) or not text:
        raise UsageError(f"`at` takes the text or the bytes to look for, not {text!r}")
    needle = _encoded(text, charset)
    start = -1 if needle is None else _body(timeline).find(needle)
    if needle is None or start < 0:
        raise AssertionError(f"{text!r} never came\n{timeline.happened(text=True)}")
    timeline.need_times()
    produced_at = timeline.chunk_at(start + len(needle) - 1).produced_at
    assert produced_at is not None
    return produced_at


def media_type_of(timeline: Timeline) -> str:
    """Give the media type of the response, in lower case and without parameters; empty if it has none."""
    head = timeline.transcript.head
    values = () if head is None else head.headers.get("content-type", ())
    return MediaType.parse(values[0]).name if values else ""


def _body(timeline: Timeline) -> bytes:
    return b"".join(chunk.data for chunk in timeline.chunks)


def _encoded(text: str | bytes, charset: str) -> bytes | None:
    """The bytes of a text; None where this charset has none for it."""
    __tracebackhide__ = True
    if not isinstance(text, str):
        return text
    try:
        return text.encode(charset)
    except LookupError:
        raise UsageError(f"no codec for the charset {charset!r} of this response: look for bytes") from None
    except UnicodeEncodeError:
        return None
