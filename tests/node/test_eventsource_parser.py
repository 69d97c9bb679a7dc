"""The npm package eventsource-parser reads Server-Sent Events as the decoder here does, written here or not."""

import base64
from collections.abc import Callable

import pytest

from apptheory_streaming import SseEvent
from npm_packages import ask_node
from sse_cases import READ, SENT

CASES: dict[str, tuple[bytes, list[SseEvent]]] = {f"read: {name}": case for name, case in READ.items()} | {
    f"sent: {name}": (stream, events) for name, (_, stream, events) in SENT.items()
}
# It keeps a CR at the end of a chunk until it knows whether an LF follows, so the last event has not come yet.
LATE = {"read: CR"}


def whole(stream: bytes) -> list[str]:
    """A stream as one chunk, as it goes to the package."""
    return [base64.b64encode(stream).decode()]


def single(stream: bytes) -> list[str]:
    """A stream byte by byte."""
    return [base64.b64encode(stream[at : at + 1]).decode() for at in range(len(stream))]


@pytest.mark.parametrize("cut", [whole, single])
def test_w3_both_read_the_same_events(cut: Callable[[bytes], list[str]]) -> None:
    """W2, W3: name and data of every event; the id where a block has one, since the package leaves the rest to its user."""
    answers = ask_node("eventsource_parser.mjs", [cut(stream) for stream, _ in CASES.values()])
    for (name, (_, events)), answer in zip(CASES.items(), answers, strict=True):
        read = answer["events"]
        if name in LATE:
            assert read == [], name
            continue
        assert [(each["event"], each["data"]) for each in read] == [(each.event, each.data) for each in events], name
        for got, expected in zip(read, events, strict=True):
            assert got["id"] in (None, expected.id), name
        given = [event.retry for event in events if event.retry is not None]
        assert set(given) <= set(answer["retries"]), name
