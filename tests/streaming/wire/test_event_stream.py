"""Frames of vnd.amazon.eventstream: read whole, byte by byte and at every cut, and beside the parser of botocore."""

import struct
from base64 import b64decode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming.errors import FormatError, UsageError
from apptheory_streaming.wire.event_stream import (
    MAX_HEADERS_BYTES,
    MAX_PAYLOAD_BYTES,
    EventStreamDecoder,
    EventStreamMessage,
    HeaderValue,
    encode_message,
)
from wire_vectors import Vector, bytes_of, decoded, encoded, refused


def frame(headers: bytes = b"", payload: bytes = b"", *, total: int | None = None, size: int | None = None) -> bytes:
    """A frame by the book; the two sizes may be wrong, its checksums are right."""
    total = 16 + len(headers) + len(payload) if total is None else total
    sizes = struct.pack("!II", total, len(headers) if size is None else size)
    head = sizes + struct.pack("!I", crc32(sizes)) + headers + payload
    return head + struct.pack("!I", crc32(head))


def decode(pieces: Iterable[bytes]) -> tuple[list[EventStreamMessage], str | None]:
    """The messages of a stream, and what was wrong with it."""
    decoder = EventStreamDecoder()
    messages = [message for piece in pieces for message in decoder.feed(piece)]
    decoder.close()
    return messages, None if decoder.error is None else str(decoder.error)


def message_of(fields: dict[str, Any]) -> EventStreamMessage:
    """A message as the vectors have it."""
    headers = {name: value_of(header) for name, header in fields["headers"].items()}
    return EventStreamMessage(headers, bytes_of(fields["payload"]))


def value_of(header: dict[str, Any]) -> HeaderValue:
    """A header as the vectors have it."""
    value: HeaderValue = header["value"]
    match header["type"]:
        case "byte_array":
            return b64decode(str(value))
        case "uuid":
            return UUID(str(value))
        case _:
            return value


READ: dict[str, tuple[bytes, list[EventStreamMessage]]] = {
    name: (vector.stream, [message_of(each) for each in vector.expect])
    for name, vector in decoded("event_stream").items()
}

GOOD = frame(b"", b"good")
BAD: dict[str, tuple[bytes, str]] = {
    name: (vector.stream, vector.why) for name, vector in refused("event_stream").items()
}
CASES = {name: (stream, messages, None) for name, (stream, messages) in READ.items()} | {
    name: (GOOD + stream, [EventStreamMessage({}, b"good")], problem) for name, (stream, problem) in BAD.items()
}


@pytest.mark.parametrize(("stream", "messages", "problem"), CASES.values(), ids=CASES)
def test_a_stream_is_read_whole(stream: bytes, messages: list[EventStreamMessage], problem: str | None) -> None:
    """What comes before a fault is given, and nothing after it."""
    found, error = decode([stream, b"more"] if problem and "ends" not in problem else [stream])

    assert found == messages
    assert [type(value) for message in found for value in message.headers.values()] == [
        type(value) for message in messages for value in message.headers.values()
    ]
    assert (error is None) if problem is None else (problem in (error or ""))


@pytest.mark.parametrize("vector", encoded("event_stream").values(), ids=encoded("event_stream"))
def test_a_message_is_written_byte_for_byte(vector: Vector) -> None:
    """Sizes, checksums, headers in the order given."""
    message = message_of(vector.value)

    assert encode_message(message.headers, message.payload) == vector.stream


@pytest.mark.parametrize("stream", [stream for stream, _, _ in CASES.values()], ids=CASES)
def test_a_stream_is_read_byte_by_byte_and_at_every_cut(stream: bytes) -> None:
    """W6: with an empty piece after each byte, and in two pieces."""
    whole = decode([stream])

    assert decode(piece for at in range(len(stream)) for piece in (stream[at : at + 1], b"")) == whole
    for at in range(len(stream) + 1):
        assert decode([stream[:at], stream[at:]]) == whole, f"cut at {at}"


def test_an_error_says_where_in_the_stream_it_is() -> None:
    decoder = EventStreamDecoder()
    decoder.feed(GOOD + frame(b"\x01n\x0a"))

    assert isinstance(decoder.error, FormatError)
    assert decoder.error.offset == len(GOOD) + 12


def test_a_frame_that_is_too_large_is_refused_by_its_first_twelve_bytes() -> None:
    decoder = EventStreamDecoder()
    decoder.feed(frame(total=16 + MAX_PAYLOAD_BYTES + 1)[:12])

    assert decoder.error is not None


def test_the_largest_frame_goes_through() -> None:
    """The limits are exact; a text takes a byte of name, one of type and two of length beside its own."""
    value = b"a" * 32767
    headers: dict[str, HeaderValue] = {"abcd"[at]: value for at in range(3)}
    headers["d"] = b"a" * (MAX_HEADERS_BYTES - 3 * (len(value) + 5) - 5)
    message = EventStreamMessage(headers, bytes(MAX_PAYLOAD_BYTES))

    stream = encode_message(message.headers, message.payload)

    assert len(stream) == 16 + MAX_HEADERS_BYTES + MAX_PAYLOAD_BYTES
    assert decode([stream]) == ([message], None)


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (2**31 - 1, b"\x04\x7f\xff\xff\xff"),
        (-(2**31), b"\x04\x80\x00\x00\x00"),
        (2**31, b"\x05\x00\x00\x00\x00\x80\x00\x00\x00"),
    ],
)
def test_a_number_takes_32_bits_where_it_fits(number: int, encoded: bytes) -> None:
    assert encode_message({"n": number}) == frame(b"\x01n" + encoded)


class Level(int):
    """A number of a type of its own, as those of an IntEnum."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        raise AssertionError("it is looked for among all the numbers that there are, one by one")


def test_a_number_of_a_type_of_its_own_is_a_number() -> None:
    assert encode_message({"n": Level(2**40)}) == encode_message({"n": 2**40})


REFUSED: dict[str, tuple[Mapping[str, Any], bytes, str]] = {
    "a name without a byte": ({"": "x"}, b"", "has 1 to 255 bytes, and '' has 0"),
    "a name too long": ({"é" * 128: "x"}, b"", "has 256"),
    "a text too long": ({"n": "é" * 16384}, b"", "32768 bytes; the limit is 32767"),
    "a number too large": ({"n": 2**63}, b"", "a number of more than 64 bits"),
    "a name that is no text": ({"\ud800": "x"}, b"", "the name of a header has no UTF-8 form"),
    "a text that is none": ({"n": "\udfff"}, b"", "the header 'n' has no UTF-8 form"),
    "a value of another type": ({"n": 1.5}, b"", "a value of type float"),
    "headers too large": ({str(n): bytes(32000) for n in range(5)}, b"", "the limit is 131072"),
    "a payload too large": ({}, bytes(MAX_PAYLOAD_BYTES + 1), "the limit is 25165824"),
}


@pytest.mark.parametrize(("headers", "payload", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_no_frame_can_hold_is_refused(headers: Mapping[str, Any], payload: bytes, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        encode_message(headers, payload)


VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=40),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.uuids(),
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
MESSAGES = st.builds(EventStreamMessage, st.dictionaries(NAMES, VALUES, max_size=4), st.binary(max_size=100))


@given(messages=st.lists(MESSAGES, max_size=4), cuts=st.lists(st.integers(0, 800), max_size=5))
def test_what_is_encoded_is_read_again_under_any_cut(messages: list[EventStreamMessage], cuts: list[int]) -> None:
    stream = b"".join(encode_message(message.headers, message.payload) for message in messages)
    borders = [0, *sorted(cuts), len(stream) + 800]

    pieces = [stream[start:end] for start, end in pairwise(borders)]

    assert decode(pieces) == (messages, None)


def botocores(stream: bytes) -> list[EventStreamMessage]:
    """What the parser of botocore reads; it keeps a UUID as bytes."""
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return [EventStreamMessage(dict(event.headers), bytes(event.payload)) for event in buffer]


def as_botocore(messages: list[EventStreamMessage]) -> list[EventStreamMessage]:
    """The same with its bytes for UUIDs."""
    return [
        EventStreamMessage(
            {name: value.bytes if isinstance(value, UUID) else value for name, value in message.headers.items()},
            message.payload,
        )
        for message in messages
    ]


@given(messages=st.lists(MESSAGES, max_size=4))
def test_botocore_reads_what_is_encoded(messages: list[EventStreamMessage]) -> None:
    stream = b"".join(encode_message(message.headers, message.payload) for message in messages)

    assert botocores(stream) == as_botocore(messages)


@given(
    messages=st.lists(MESSAGES, min_size=1, max_size=3),
    at=st.integers(0, 10_000),
    byte=st.integers(0, 255),
    repaired=st.booleans(),
)
def test_what_is_read_of_damaged_bytes_botocore_reads_too(
    messages: list[EventStreamMessage], at: int, byte: int, repaired: bool
) -> None:
    """Also where the checksum was made after the damage; what only one refuses, the other must have refused."""
    first = encode_message(messages[0].headers, messages[0].payload)
    damaged = bytearray(first)
    damaged[at % len(first)] = byte
    if repaired:
        damaged[8:12] = struct.pack("!I", crc32(damaged[:8]))
        damaged[-4:] = struct.pack("!I", crc32(damaged[:-4]))
    stream = bytes(damaged) + b"".join(encode_message(each.headers, each.payload) for each in messages[1:])

    found, error = decode([stream])

    if error is None:
        assert botocores(stream) == as_botocore(found)
    elif bytes(damaged) != first and not repaired:
        with suppress(ParserError, KeyError, struct.error, UnicodeDecodeError):
            assert len(botocores(stream)) < len(messages)
