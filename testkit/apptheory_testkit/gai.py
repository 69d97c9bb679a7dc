"""The events of gai in a captured response."""

from apptheory_streaming.wire.gai_events import GaiEvent
from apptheory_streaming.wire.gai_forms import gai_from_line, gai_from_sse
from apptheory_streaming.wire.gai_order import gai_order_fault
from apptheory_testkit.capture import StreamCapture

__all__ = ["assert_gai_order", "gai_events"]

_NDJSON = "application/x-ndjson"


def gai_events(capture: StreamCapture) -> list[GaiEvent]:
    """Give the events of a response, of its lines where it is NDJSON and of its Server-Sent Events else.

    Raises FormatError for what is none of the types, or not of its form.
    """
    content_type = capture.headers.get("content-type", [""])[0]
    if content_type.partition(";")[0].strip().lower() != _NDJSON:
        return [gai_from_sse(event) for event in capture.sse()]
    return [gai_from_line(line) for line in capture.ndjson()]


def assert_gai_order(capture: StreamCapture) -> None:
    """Fail unless `start` is first, `done` is last, and each is there once, `finish` at most once between them."""
    __tracebackhide__ = True
    fault = gai_order_fault(gai_events(capture))
    if fault is not None:
        raise AssertionError(f"the events are out of order: {fault}")
