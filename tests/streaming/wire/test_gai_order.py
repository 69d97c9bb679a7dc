"""E40: the order of the events of gai."""

import pytest

from apptheory_streaming.wire.gai_events import (
    GaiDone,
    GaiError,
    GaiEvent,
    GaiFinish,
    GaiFinishStep,
    GaiStart,
    GaiTextDelta,
)
from apptheory_streaming.wire.gai_order import gai_order_fault

START, TEXT, STEP, FINISH, ERROR, DONE = (
    GaiStart(),
    GaiTextDelta("a"),
    GaiFinishStep(1),
    GaiFinish(),
    GaiError("x"),
    GaiDone(),
)


@pytest.mark.parametrize(
    "events",
    [
        [START, DONE],
        [START, TEXT, STEP, TEXT, STEP, FINISH, DONE],
        [START, TEXT, ERROR, DONE],
        [START, TEXT, ERROR, TEXT, FINISH, DONE],
    ],
    ids=["short", "whole", "error", "error in the middle"],
)
def test_a_whole_stream_is_in_order(events: list[GaiEvent]) -> None:
    """E40, E31: from start to done, and an error ends nothing."""
    assert gai_order_fault(events) is None
    assert gai_order_fault(iter(events)) is None


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([], "there is no event"),
        ([TEXT, DONE], "event 0 is text_delta, and start is first"),
        ([DONE], "event 0 is done, and start is first"),
        ([START, TEXT, START, DONE], "event 2 is start again"),
        ([START, FINISH, FINISH, DONE], "event 2 is finish again"),
        ([START, DONE, FINISH], "event 2 is finish, behind done"),
        ([START, DONE, DONE], "event 2 is done, behind done"),
        ([START, TEXT, FINISH], "done is missing behind 3 events"),
    ],
    ids=["empty", "no start", "done alone", "start twice", "finish twice", "finish late", "done twice", "no done"],
)
def test_the_first_fault_of_order_is_named(events: list[GaiEvent], fault: str) -> None:
    """E40: with the number of the event."""
    assert gai_order_fault(events) == fault
