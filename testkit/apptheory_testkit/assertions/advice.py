"""What the advice on streams has to say of a response."""

from collections.abc import Iterator
from itertools import pairwise

from apptheory_streaming.wire.front import COLLECTED_NOTE, VERBATIM_NOTE
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.outcome import DeliveryKind, HandlerKind
from apptheory_streaming.wire.seconds import render_seconds
from apptheory_testkit.assertions.buffering import find_holds
from apptheory_testkit.assertions.cadence import Cadence
from apptheory_testkit.assertions.chunk_sizes import render_size
from apptheory_testkit.assertions.streaming import body_limit, made_at_once, size_range
from apptheory_testkit.assertions.timeline import TimedChunk, Timeline
from apptheory_testkit.rendering.chunks import render_count

__all__ = ["advise"]

_NEAR = 0.8  # of a limit


def advise(timeline: Timeline) -> list[str]:
    """Give the advice that this response does not follow, a line each; none is fine."""
    error = timeline.transcript.error
    if error is not None and not error.late and timeline.transcript.handler.kind is not HandlerKind.ENDED:
        return [*_on_end(timeline)]  # what came is the answer to the error
    return [
        *_on_streaming(timeline),
        *_on_cadence(timeline),
        *_on_sizes(timeline),
        *_on_end(timeline),
        *_on_limits(timeline),
    ]


def _on_streaming(timeline: Timeline) -> Iterator[str]:
    head, count = timeline.transcript.head, len(timeline.full)
    if VERBATIM_NOTE in timeline.transcript.notes:
        yield "The handler answered in buffered mode. Return a stream: a generator, or a response with one as body."
    elif COLLECTED_NOTE in timeline.transcript.notes:
        yield "Its URL is BUFFERED, so the stream was collected. Let invoke_mode be RESPONSE_STREAM."
    elif count <= 1:
        yield f"It came in {render_count(count, 'chunk')}: a client sees nothing before all is there. Yield the parts."
    elif made_at_once(timeline):
        yield "All was made before the first write. Yield each part as soon as it is there."
    if head is not None and "content-length" in head.headers and count > 1:
        yield "A content-length is set. A stream needs none, and where it is wrong the response breaks."
    if timeline.has_times and (holds := find_holds(timeline)):
        longest = max(hold.seconds for hold in holds)
        yield f"Chunks were held for up to {render_seconds(longest)} on their way, as by a slow reader or a proxy."


def _on_cadence(timeline: Timeline) -> Iterator[str]:
    gap = timeline.largest_gap
    if gap is not None and gap.seconds > Cadence.ACCEPTABLE.longest_gap:
        yield (
            f"No bytes for {render_seconds(gap.seconds)} after chunk {gap.before.index}: send smaller parts, or "
            "a comment or a progress line about each second."
        )
    if not timeline.has_times:
        yield "There are no times: run the test in virtual time to see cadence and duration."


def _on_sizes(timeline: Timeline) -> Iterator[str]:
    sizes, full = size_range(timeline), timeline.full
    large = [chunk for chunk in full if len(chunk.data) > sizes.most]
    if large:
        yield f"{render_count(len(large), 'chunk')} over {render_size(sizes.most)}: cut them, clients wait for each."
    small = [chunk for chunk, after in pairwise(full) if len(chunk.data) < sizes.least and _at_once(chunk, after)]
    if small:
        unless = "" if timeline.has_times else ", unless it is read as it comes"
        yield (
            f"{render_count(len(small), 'chunk')} under {render_size(sizes.least)}: join what is there at the same "
            f"moment{unless}."
        )


def _at_once(chunk: TimedChunk, after: TimedChunk) -> bool:
    """Whether nothing was waited for between the two, as far as is known."""
    return chunk.produced_at == after.produced_at


def _on_end(timeline: Timeline) -> Iterator[str]:
    transcript = timeline.transcript
    if transcript.late_mutations:
        yield "The head was changed too late, which no client sees: set it before the response is returned."
    if transcript.handler.kind is not HandlerKind.ENDED:
        yield "The handler did not come to its end: see the error."
    elif transcript.error is not None:
        yield "The handler left its stream open: end it."
    if transcript.delivery.kind is not DeliveryKind.COMPLETE:
        yield "The client did not get the whole response."


def _on_limits(timeline: Timeline) -> Iterator[str]:
    transcript = timeline.transcript
    what, number = body_limit(transcript)
    if transcript.body_bytes > _NEAR * number.value:
        yield f"The body is near or over the {render_size(number.value)} of a {what} on AWS."
    seconds = AWS_NUMBERS["function timeout"].value
    if (transcript.ended_at or 0) > _NEAR * seconds:
        yield f"It ran near or over the {seconds} s that a function may run on AWS."
    burst, rate = AWS_NUMBERS["stream burst"].value, AWS_NUMBERS["stream rate"].value
    if transcript.body_bytes > burst:
        least = round((transcript.body_bytes - burst) / rate)
        yield f"AWS sends {render_size(burst)} at full speed and then {render_size(rate)} a second: {least} s at least."
