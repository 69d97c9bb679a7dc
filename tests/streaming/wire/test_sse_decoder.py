"""The decoder of Server-Sent Events (W3): one list of cases, each read whole, byte by byte and at every cut."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming.wire.sse import ServerSentEvent, encode_event
from apptheory_streaming.wire.sse_decoder import SseDecoder, SseEvent
from sse_cases import READ, SENT

CASES = READ | {name: (stream, events) for name, (_, stream, events) in SENT.items()}


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


SHORT = {name: stream for name, (stream, _) in CASES.items() if len(stream) < 1000}


@pytest.mark.parametrize("stream", SHORT.values(), ids=SHORT)
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


def test_data_is_parsed_on_demand() -> None:
    """E21: `json()` of an event is its data; what is no JSON is a ValueError."""
    given, other = SseDecoder().feed(b'data: {"text":\ndata: "a"}\n\ndata: [DONE]\n\n')

    assert given.json()["text"] == "a"
    with pytest.raises(ValueError, match="Expecting value"):
        other.json()
    for data in [b"[" * 100_000, b'{"a":NaN}']:
        with pytest.raises(ValueError, match="no JSON"):
            SseDecoder().feed(b"data: " + data + b"\n\n")[0].json()


text = st.text(st.characters(exclude_categories=["Cs"]))
one_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
events_to_send = st.builds(
    ServerSentEvent,
    data=text,
    event=st.none() | one_line,
    id=st.none() | one_line,
    retry=st.none() | st.integers(0, 2**53 - 1),
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
