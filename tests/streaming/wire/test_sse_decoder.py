"""The decoder of Server-Sent Events (W3): one list of cases, each read whole, byte by byte and at every cut."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming.wire.sse import ServerSentEvent, encode_event
from apptheory_streaming.wire.sse_decoder import SseDecoder, SseEvent

HELLO = SseEvent("hello")

CASES: dict[str, tuple[bytes, list[SseEvent]]] = {
    "nothing": (b"", []),
    "blank lines": (b"\n\r\n\r\n\n", []),
    "one event": (b"data: hello\n\n", [HELLO]),
    "CR LF": (b"data: hello\r\n\r\n", [HELLO]),
    "CR": (b"data: hello\r\r", [HELLO]),
    "mixed line ends": (b"data: a\rdata: b\r\ndata: c\n\r\n", [SseEvent("a\nb\nc")]),
    "CR before CR LF": (b"data: a\r\r\ndata: b\n\n", [SseEvent("a"), SseEvent("b")]),
    "LF before CR": (b"data: a\n\rdata: b\r\n\r\n", [SseEvent("a"), SseEvent("b")]),
    "no blank after the colon": (b"data:hello\n\n", [HELLO]),
    "one of two blanks is removed": (b"data:  hello\n\n", [SseEvent(" hello")]),
    "a tab is none": (b"data:\thello\n\n", [SseEvent("\thello")]),
    "blanks at the end stay": (b"data: hello  \n\n", [SseEvent("hello  ")]),
    "colons in the value": (b"data: a:b: c\n\n", [SseEvent("a:b: c")]),
    "several data lines": (b"data: a\ndata: b\n\n", [SseEvent("a\nb")]),
    "data without a colon": (b"data\n\n", [SseEvent("")]),
    "two without": (b"data\ndata\n\n", [SseEvent("\n")]),
    "an empty last line": (b"data: a\ndata:\n\n", [SseEvent("a\n")]),
    "comments": (b": ping\n\n:\n:data: x\n\ndata: hello\n: between\n\n", [HELLO]),
    "unknown fields": (b"foo: 1\nDATA: x\n data: y\ndata : z\nx\ndata: hello\n\n", [HELLO]),
    "a named event": (b"event: add\ndata: 1\n\ndata: 2\n\n", [SseEvent("1", "add"), SseEvent("2")]),
    "the last name holds": (b"event: a\nevent: b\ndata: 1\n\n", [SseEvent("1", "b")]),
    "an empty name": (b"event: a\nevent:\ndata: 1\n\n", [SseEvent("1")]),
    "a name without data": (b"event: a\n\ndata: hello\n\n", [HELLO]),
    "an id stays": (b"id: 1\ndata: a\n\ndata: b\n\n", [SseEvent("a", id="1"), SseEvent("b", id="1")]),
    "an id without data": (b"id: 1\n\ndata: a\n\n", [SseEvent("a", id="1")]),
    "an id and pings": (b"id: 1\ndata: a\n\n: ping\n\n: ping\n\n", [SseEvent("a", id="1")]),
    "an empty id": (b"id: 1\ndata: a\n\nid\ndata: b\n\n", [SseEvent("a", id="1"), SseEvent("b")]),
    "an id with NUL": (
        b"id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n",
        [SseEvent("a", id="1"), SseEvent("b", id="1")],
    ),
    "NUL in data": (b"data: a\x00b\n\n", [SseEvent("a\0b")]),
    "retry": (b"retry: 1500\ndata: a\n\ndata: b\n\n", [SseEvent("a", retry=1500), SseEvent("b")]),
    "retry that is none": (
        "retry: -5\nretry: +5\nretry: 1_000\nretry: 5 \nretry: 1.5\nretry\nretry: ٣\ndata: hello\n\n".encode(),
        [HELLO],
    ),
    "retry of 5000 digits": (b"retry: " + b"9" * 5000 + b"\ndata: hello\n\n", [HELLO]),
    "a BOM": (b"\xef\xbb\xbfdata: hello\n\n", [HELLO]),
    "two BOMs": (b"\xef\xbb\xbf\xef\xbb\xbfdata: 1\ndata: 2\n\n", [SseEvent("2")]),
    "a BOM later": (b"data: 1\n\n\xef\xbb\xbfdata: 2\ndata: 3\n\n", [SseEvent("1"), SseEvent("3")]),
    "a BOM in data": (b"data: \xef\xbb\xbf\n\n", [SseEvent("\ufeff")]),
    "a BOM and nothing else": (b"\xef\xbb\xbf", []),
    "other line separators are text": (
        "data: a\u2028b\x0bc\x0cd\x85e\n\n".encode(),
        [SseEvent("a\u2028b\x0bc\x0cd\x85e")],
    ),
    "characters of every length": ("data: é€😀\n\n".encode(), [SseEvent("é€😀")]),
    "bytes that are no UTF-8": (b"data: a\xffb\xe2\x82\n\n", [SseEvent("a\ufffdb\ufffd")]),
    "no blank line at the end": (b"data: hello\n\ndata: lost\n", [HELLO]),
    "no line end at the end": (b"data: hello\n\ndata: lost", [HELLO]),
    "an unfinished id": (b"data: hello\n\nid: 9\n", [HELLO]),
}


def decode(pieces: Iterable[bytes]) -> tuple[list[SseEvent], str, int | None]:
    """The events of a stream, and what a client would connect again with."""
    decoder = SseDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    decoder.close()
    return events, decoder.last_event_id, decoder.retry


def each_byte(stream: bytes) -> list[bytes]:
    """A stream in pieces of one byte."""
    return [stream[at : at + 1] for at in range(len(stream))]


@pytest.mark.parametrize(("stream", "events"), CASES.values(), ids=CASES)
def test_a_stream_is_read_by_the_rules(stream: bytes, events: list[SseEvent]) -> None:
    """W3: in one piece."""
    assert decode([stream])[0] == events


@pytest.mark.parametrize(("stream", "events"), CASES.values(), ids=CASES)
def test_a_stream_is_read_byte_by_byte(stream: bytes, events: list[SseEvent]) -> None:
    """W3, W6: with an empty piece after each."""
    pieces = [piece for byte in each_byte(stream) for piece in (byte, b"")]

    assert decode(pieces) == decode([stream])
    assert decode(pieces)[0] == events


@pytest.mark.parametrize("stream", [stream for stream, _ in CASES.values() if len(stream) < 1000])
def test_a_stream_is_read_at_every_cut(stream: bytes) -> None:
    """W6: in two pieces, cut at every byte."""
    whole = decode([stream])

    for at in range(len(stream) + 1):
        assert decode([stream[:at], stream[at:]]) == whole, f"cut at {at}"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_is_given_with_the_byte_that_completes_it(end: bytes) -> None:
    """W3: a CR ends its line at once, without waiting for the LF that may follow."""
    decoder = SseDecoder()
    stream = b"data: hello" + end + end

    given_at = [at for at, byte in enumerate(each_byte(stream)) if decoder.feed(byte)]

    assert given_at == [len(b"data: hello" + end + end.replace(b"\r\n", b"\r")) - 1]


def test_what_a_client_connects_again_with_outlives_a_stream() -> None:
    """W3: the id of an unfinished block does not count; a new stream may begin with a BOM."""
    decoder = SseDecoder()
    decoder.feed(b"retry: 10\nid: 1\ndata: a\n\nid: 2\ndata: lo")
    decoder.close()

    assert (decoder.last_event_id, decoder.retry) == ("1", 10)
    assert decoder.feed(b"\xef\xbb\xbfdata: b\n\n") == [SseEvent("b", id="1")]


def test_any_bytes_like_piece_is_taken() -> None:
    """A bytearray or a memoryview is read as bytes are."""
    assert decode([bytearray(b"data: a\n"), memoryview(b"\n")])[0] == [SseEvent("a")]  # type: ignore[list-item]


text = st.text(st.characters(exclude_categories=["Cs"]))
one_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
events_to_send = st.builds(
    ServerSentEvent,
    data=text,
    event=st.none() | one_line,
    id=st.none() | one_line,
    retry=st.none() | st.integers(0, 10**18),
    comment=st.none() | text,
)


@given(st.lists(events_to_send, max_size=4), st.lists(st.integers(0, 200), max_size=6))
def test_what_was_encoded_is_decoded(sent: list[ServerSentEvent], cuts: list[int]) -> None:
    """W2, W3: a round trip through any cuts, with line ends in data as LF, and ids that stay."""
    stream = b"".join(encode_event(event) for event in sent)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(edges)]

    assert decode(pieces)[0] == expected(sent)


def expected(sent: list[ServerSentEvent]) -> list[SseEvent]:
    """What a client makes of events."""
    last_id = ""
    events: list[SseEvent] = []
    for event in sent:
        last_id = last_id if event.id is None else event.id
        data = str(event.data).replace("\r\n", "\n").replace("\r", "\n")
        events.append(SseEvent(data, event.event or "message", last_id, event.retry))
    return events
