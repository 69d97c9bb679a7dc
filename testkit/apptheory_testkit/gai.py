"""The events of gai in a captured response."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Literal, overload

from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.gai_events import GaiEvent
from apptheory_streaming.wire.gai_forms import gai_from_line, gai_from_sse
from apptheory_streaming.wire.gai_order import gai_order_fault
from apptheory_streaming.wire.line_cutter import LineCutter
from apptheory_streaming.wire.sse_decoder import SseDecoder
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.format_errors import in_chunks
from apptheory_testkit.positioned import Positioned

__all__ = ["assert_gai_order", "gai_events"]

_NDJSON = "application/x-ndjson"
_BOM = b"\xef\xbb\xbf"

_Text = list[tuple[int, bytes]]
"""The lines of a text of JSON, each with the byte of the body at which it begins."""


@overload
def gai_events(capture: StreamCapture, *, positions: Literal[False] = False) -> list[GaiEvent]: ...
@overload
def gai_events(capture: StreamCapture, *, positions: Literal[True]) -> list[Positioned[GaiEvent]]: ...
def gai_events(capture: StreamCapture, *, positions: bool = False) -> list[GaiEvent] | list[Positioned[GaiEvent]]:
    """Give the events of a response, of its lines where it is NDJSON and of its Server-Sent Events else.

    With `positions`, each as a Positioned, as in `capture.sse`.  Raises FormatError, which says at
    which byte of which chunk, for what is none of the types, or not of its form.
    """
    __tracebackhide__ = True
    content_type = capture.headers.get("content-type", [""])[0]
    if content_type.partition(";")[0].strip().lower() == _NDJSON:
        events = _read(capture, capture.ndjson(positions=True), gai_from_line, _texts_of_lines)
    else:
        events = _read(capture, capture.sse(positions=True), gai_from_sse, _texts_of_events)
    return events if positions else [each.value for each in events]


def assert_gai_order(capture: StreamCapture) -> None:
    """Fail unless `start` is first, `done` is last, and each is there once, `finish` at most once between them."""
    __tracebackhide__ = True
    fault = gai_order_fault(gai_events(capture))
    if fault is not None:
        raise AssertionError(f"the events are out of order: {fault}")


def _read(
    capture: StreamCapture,
    values: list[Positioned[Any]],
    event_of: Callable[[Any], GaiEvent],
    texts: Callable[[bytes], Iterator[_Text]],
) -> list[Positioned[GaiEvent]]:
    __tracebackhide__ = True
    events: list[Positioned[GaiEvent]] = []
    with in_chunks(capture._timeline):  # noqa: SLF001 - reading `transcript` would look at errors
        for value in values:
            try:
                events.append(Positioned(event_of(value.value), value.chunk, value.at))
            except FormatError as error:
                text = next(islice(texts(capture.body), len(events), None))
                raise FormatError(f"{error.where}: {error.problem}", offset=_byte(text, error.offset)) from error
    return events


def _byte(text: _Text, offset: int) -> int:
    """Give the byte of the body at which a byte of the text stands, a line end between two lines counted."""
    for begin, line in text:
        if offset <= len(line):
            return begin + offset
        offset -= len(line) + 1
    return text[0][0]  # bytes that are no UTF-8 have become longer


def _texts_of_lines(body: bytes) -> Iterator[_Text]:
    """Looked for only once an event is wrong, so that reading others costs nothing more."""
    begin = len(_BOM) if body.startswith(_BOM) else 0
    for line in body[begin:].split(b"\n"):
        if line.strip(b" \t\r"):
            yield [(begin, line)]
        begin += len(line) + 1


def _texts_of_events(body: bytes) -> Iterator[_Text]:
    """Give the lines of data of each event, without their name."""
    decoder = SseDecoder()
    data: _Text = []
    for line in LineCutter().feed(body):
        name, colon, value = line.text.partition(b":")
        if name.removeprefix(_BOM) == b"data":
            text = value.removeprefix(b" ")
            data.append((line.offset + len(name + colon + value) - len(text), text))
        if decoder.feed(line.text + b"\n"):
            yield data
        if not line.text:
            data = []
