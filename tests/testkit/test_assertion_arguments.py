"""What is wrong with an argument of an assertion is said at the assertion, and never passes for a result."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apptheory_streaming.errors import UsageError
from apptheory_testkit import StreamCapture, stream_client


async def handler(event: Any, context: Any) -> AsyncIterator[str]:
    yield "one"
    yield "two"


NO_TAP = "buffering is looked for from a Tap() on, or from the handler's writes, not from"

CASES: dict[str, tuple[Callable[[Any], object], str]] = {
    "cadence of a text": (lambda got: got.assert_cadence("a"), "max_gap takes seconds, 0 or more, not 'a'"),
    "cadence of none": (lambda got: got.assert_cadence(None), "max_gap takes seconds, 0 or more, not None"),
    "cadence of a truth": (lambda got: got.assert_cadence(True), "max_gap takes seconds, 0 or more, not True"),
    "chunks of a truth": (
        lambda got: got.assert_streamed(True),
        "min_chunks takes a number of chunks, 1 or more, not True",
    ),
    "bytes of a text": (
        lambda got: got.assert_within_limits(max_bytes="a"),
        "max_bytes takes a number of bytes, 0 or more, not 'a'",
    ),
    "bytes below 0": (
        lambda got: got.assert_within_limits(max_bytes=-1),
        "max_bytes takes a number of bytes, 0 or more, not -1",
    ),
    "seconds below 0": (
        lambda got: got.assert_within_limits(max_seconds=-1),
        "max_seconds takes seconds, 0 or more, not -1",
    ),
    "seconds of a text": (
        lambda got: got.assert_within_limits(max_seconds="a"),
        "max_seconds takes seconds, 0 or more, not 'a'",
    ),
    "buffered at a text": (
        lambda got: got.assert_not_buffered(at_most="a"),
        "at_most takes seconds, 0 or more, not 'a'",
    ),
    "buffered after a number": (lambda got: got.assert_not_buffered(5), f"{NO_TAP} 5"),
    "holds after a number": (lambda got: got.holds(3), f"{NO_TAP} 3"),
    "error of a number": (
        lambda got: got.assert_error(5),
        "assert_error takes a code such as 'app.conflict', not 5",
    ),
    "error of none": (
        lambda got: got.assert_error(None),
        "assert_error takes a code such as 'app.conflict', not None",
    ),
    "error late by a word": (
        lambda got: got.assert_error("app.conflict", late="maybe"),
        "late must be True or False, not 'maybe'",
    ),
    "redaction of a list": (
        lambda got: got.render(redact=["a"]),
        r"redact maps what is to stand there to a regular expression, such as {'<id>': r'id-\d+'}, not ['a']",
    ),
    "broken redaction": (
        lambda got: got.render(redact={"a": "("}),
        "redact: '(' is no regular expression: missing ), unterminated subpattern at position 0",
    ),
    "no view": (
        lambda got: got.render(view="lines"),
        "view must be 'chunks' or 'body' or 'events' or 'timing', not 'lines'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_argument_that_cannot_be_is_a_usage_error(case: str) -> None:
    claim, message = CASES[case]
    capture: StreamCapture = stream_client(handler, clock="virtual").sync.get()

    with pytest.raises(UsageError) as raised:
        claim(capture)

    assert str(raised.value) == message
