"""The parts of a captured stream in a format of the AI SDK, and whether they follow the rules of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.data_stream import DATA_STREAM_HEADER, DATA_STREAM_VERSION, DataStreamDecoder
from apptheory_streaming.wire.data_stream_grammar import DATA_STREAM_GRAMMAR
from apptheory_streaming.wire.part_grammar import GrammarCheck, Part, PartGrammar, Violation
from apptheory_streaming.wire.ui_message_grammar import UI_MESSAGE_GRAMMAR
from apptheory_streaming.wire.ui_message_stream import UI_MESSAGE_HEADER, UI_MESSAGE_VERSION, UiMessageDecoder
from apptheory_testkit.assertions.timeline import Timeline
from apptheory_testkit.format_errors import byte_place, in_chunks
from apptheory_testkit.positioned import Positioned, read_chunks

__all__ = ["PartDecoder", "assert_data_stream", "assert_ui_message_stream", "read_parts"]

_T_co = TypeVar("_T_co", covariant=True)
_P = TypeVar("_P", bound=Part)


class PartDecoder(Protocol[_T_co]):
    """Reads parts from bytes."""

    def read(self, data: bytes) -> Iterator[_T_co]:
        """Give the parts of the next bytes."""
        ...

    def close(self) -> Sequence[_T_co]:
        """Give the part that only the end completes."""
        ...


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    header: str
    version: str
    grammar: PartGrammar


_DATA_STREAM = _Format("data stream", DATA_STREAM_HEADER, DATA_STREAM_VERSION, DATA_STREAM_GRAMMAR)
_UI_MESSAGES = _Format("UI message stream", UI_MESSAGE_HEADER, UI_MESSAGE_VERSION, UI_MESSAGE_GRAMMAR)


def read_parts(decoder: PartDecoder[_P], timeline: Timeline) -> list[Positioned[_P]]:
    """Give the parts with their positions; raises FormatError, in chunk coordinates, for what is none."""
    __tracebackhide__ = True  # the test's own line is the one that matters
    with in_chunks(timeline):
        parts = read_chunks(decoder.read, timeline)
        for part in decoder.close():
            last = timeline.full[-1]
            parts.append(Positioned(part, last.index, last.produced_at))
    return parts


def assert_data_stream(timeline: Timeline, tool_calls: Iterable[str]) -> None:
    """Fail at the first place where a client with version 4 of the AI SDK would not follow."""
    __tracebackhide__ = True
    _assert_format(_DATA_STREAM, timeline, _violation(DataStreamDecoder(), _DATA_STREAM, timeline, tool_calls))


def assert_ui_message_stream(timeline: Timeline, tool_calls: Iterable[str], version: int) -> None:
    """Fail at the first place where a client with this version of the AI SDK would not follow."""
    __tracebackhide__ = True
    decoder = UiMessageDecoder(version=version)
    violation = _violation(_UntilDone(decoder), _UI_MESSAGES, timeline, tool_calls)
    if violation is None and decoder.done_at is None:
        violation = Violation("data: [DONE] is missing")
    _assert_format(_UI_MESSAGES, timeline, violation)


class _UntilDone(PartDecoder[Part]):
    """The parts of a UI message stream, of which none may come after its end."""

    def __init__(self, decoder: UiMessageDecoder) -> None:
        self._decoder = decoder

    def read(self, data: bytes) -> Iterator[Part]:
        for part in self._decoder.read(data):
            if self._decoder.done_at is not None:
                raise FormatError(f"{part.type}: it comes after [DONE]", offset=part.offset or 0)
            yield part

    def close(self) -> list[Part]:
        return []


def _violation(
    decoder: PartDecoder[Part], form: _Format, timeline: Timeline, tool_calls: Iterable[str]
) -> Violation | None:
    check = GrammarCheck(form.grammar, tool_calls)
    try:
        for part in _all_parts(decoder, timeline):
            violation = check.take(part)
            if violation is not None:
                return violation
    except FormatError as error:
        return Violation(error.problem, None, error.offset)
    return check.end()


def _all_parts(decoder: PartDecoder[Part], timeline: Timeline) -> Iterator[Part]:
    for chunk in timeline.chunks:
        yield from decoder.read(chunk.data)
    yield from decoder.close()


def _assert_format(form: _Format, timeline: Timeline, violation: Violation | None) -> None:
    __tracebackhide__ = True
    head = timeline.transcript.head
    values = () if head is None else head.headers.get(form.header, ())
    if tuple(values) != (form.version,):
        got = ", ".join(values) or "none"
        raise AssertionError(f"a {form.name} has the header {form.header}: {form.version}, not {got}")
    if violation is None:
        return
    if violation.offset is None:
        raise AssertionError(f"the {form.name} is wrong at its end: {violation.problem}\n{timeline.happened()}")
    part = "" if violation.part is None else f"part {violation.part}, "
    place = byte_place(timeline, violation.offset)
    raise AssertionError(f"the {form.name} is wrong at {part}{place}: {violation.problem}\n{timeline.happened()}")
