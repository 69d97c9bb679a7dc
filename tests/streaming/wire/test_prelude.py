"""The prelude of a streamed response: encoder and decoder, whole and in every cut."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.head import Head, make_head
from apptheory_streaming.wire.prelude import DELIMITER, MAX_PRELUDE_BYTES, PreludeDecoder, encode_prelude
from wire_vectors import Vector, bytes_of, decoded, encoded, refused

BARE = {"content-type": ("application/octet-stream",)}


def head_of(fields: dict[str, Any]) -> Head:
    """A head as the vectors have it."""
    values = {name: tuple(values) for name, values in fields["headers"].items()}
    return Head(fields["status"], values, tuple(fields["cookies"]))


# What a runtime may send, the head it means, and the body behind it.
CASES: list[tuple[str, bytes, Head, bytes]] = [
    (name, vector.stream, head_of(vector.expect["head"]), bytes_of(vector.expect["body"]))
    for name, vector in decoded("prelude").items()
]

BROKEN = [
    *[(name, vector.stream) for name, vector in refused("prelude").items() if DELIMITER in vector.stream],
    ("nested too deep", b"[" * 200_000 + DELIMITER),
]
CUT_OFF = {name: vector.stream for name, vector in refused("prelude").items() if DELIMITER not in vector.stream}


def decode(parts: list[bytes], **options: int) -> tuple[Head | None, bytes]:
    decoder = PreludeDecoder(**options)
    body = b"".join([decoder.feed(part) for part in parts])
    decoder.close()
    return decoder.head, body


def every_cut(data: bytes) -> list[list[bytes]]:
    return [[data[:at], data[at:]] for at in range(len(data) + 1)]


def single_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize(("data", "head", "body"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_decoding_whole_byte_by_byte_and_in_every_cut(data: bytes, head: Head, body: bytes) -> None:
    """F6, W6: head and body are the same however the bytes were cut; a head without a body stays."""
    assert decode([data]) == (head, body)
    assert decode(single_bytes(data)) == (head, body)
    for parts in every_cut(data):
        assert decode(parts) == (head, body)
    assert decode([b"", *[piece for byte in single_bytes(data) for piece in (byte, b"")]]) == (head, body)


def test_the_head_is_known_with_the_last_nul_and_not_before() -> None:
    """W6: no byte of the body is held back, and none of the head is given away as body."""
    decoder = PreludeDecoder()
    for byte in single_bytes(b"{}" + DELIMITER[:-1]):
        assert decoder.feed(byte) == b""
        assert decoder.head is None
    assert decoder.feed(b"\0now") == b"now"
    assert decoder.head == Head(200, BARE)
    assert decoder.feed(b"later") == b"later"


@pytest.mark.parametrize("data", [case[1] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_prelude(data: bytes) -> None:
    """E2b: what is no JSON object, or describes a head that no response can have, is InvalidResponse."""
    with pytest.raises(InvalidResponse):
        decode([data])


@pytest.mark.parametrize(
    "data", [case[1] for case in BROKEN if len(case[1]) < 100], ids=[case[0] for case in BROKEN if len(case[1]) < 100]
)
def test_a_broken_prelude_is_found_in_every_cut(data: bytes) -> None:
    """E2b, W6: the verdict does not depend on the cut."""
    for parts in [single_bytes(data), *every_cut(data)]:
        with pytest.raises(InvalidResponse):
            decode(parts)


def test_what_is_wrong_is_named() -> None:
    """E2b: the message says which of the three ways it is wrong."""
    for data, words in [(b"hello", "not JSON"), (b"[]", "JSON object, not list"), (b'{"headers":{"a b":1}}', "'a b'")]:
        with pytest.raises(InvalidResponse, match=words):
            decode([data + DELIMITER])


@pytest.mark.parametrize("data", CUT_OFF.values(), ids=CUT_OFF)
def test_an_end_before_the_delimiter(data: bytes) -> None:
    """E2b: a response that ends without eight NULs had no prelude; the message says how far it came."""
    for parts in [[data], single_bytes(data)]:
        with pytest.raises(InvalidResponse, match=f"after {len(data)} bytes"):
            decode(parts)


def test_a_prelude_of_the_largest_size_passes_in_every_cut() -> None:
    """W6: the limit counts the JSON alone, so an exact fit passes wherever the delimiter is cut."""
    data = b'{"statusCode":201}' + DELIMITER + b"body"
    for parts in [[data], single_bytes(data), *every_cut(data)]:
        assert decode(parts, max_bytes=18) == (Head(201, BARE), b"body")


def test_a_prelude_that_is_one_byte_too_long_is_refused_in_every_cut() -> None:
    """W6: one byte over the limit is InvalidResponse however it was cut."""
    data = b'{"statusCode":201}' + DELIMITER + b"body"
    for parts in [[data], single_bytes(data), *every_cut(data)]:
        with pytest.raises(InvalidResponse, match="within 17 bytes"):
            decode(parts, max_bytes=17)


def test_a_stream_without_a_delimiter_is_refused_long_before_its_end() -> None:
    """E2b: a body that lost its prelude is not held in memory without bound."""
    decoder = PreludeDecoder(max_bytes=100)
    for _ in range(10):
        assert decoder.feed(b"x" * 10) == b""
    with pytest.raises(InvalidResponse, match="no delimiter"):
        decoder.feed(b"x" * 10)
    with pytest.raises(InvalidResponse, match="no delimiter"):
        PreludeDecoder().feed(b"x" * (MAX_PRELUDE_BYTES + 8))


@pytest.mark.parametrize("vector", encoded("prelude").values(), ids=encoded("prelude"))
def test_the_encoded_prelude_byte_for_byte(vector: Vector) -> None:
    """R5, R6: compact JSON, values of one name joined with a comma, cookies as a list, then eight NULs."""
    assert encode_prelude(head_of(vector.value)) == vector.stream


def test_an_encoded_head_holds_the_keys_of_aws_and_no_others() -> None:
    """R4, R5, R6: `statusCode` is a number, `headers` maps to text, `cookies` is a list, also when empty."""
    fields: dict[str, Any] = json.loads(encode_prelude(Head(204)).removesuffix(DELIMITER))
    assert fields == {"statusCode": 204, "headers": {}, "cookies": []}


header_names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12)
header_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=20)
heads = st.builds(
    make_head,
    st.integers(100, 599),
    st.dictionaries(header_names.filter(lambda name: name != "set-cookie"), header_texts, max_size=5),
    st.lists(header_texts, max_size=4),
)


def cut_at(data: bytes, cuts: list[int]) -> list[bytes]:
    borders = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(borders)]


@given(head=heads, body=st.binary(max_size=40), cuts=st.lists(st.integers(0, 400), max_size=6))
@settings(deadline=None)
def test_any_head_and_body_come_back_from_any_cut(head: Head, body: bytes, cuts: list[int]) -> None:
    """F6, W6: decoding what was encoded gives the same head and body, cut anywhere, the empty body too."""
    assert decode(cut_at(encode_prelude(head) + body, cuts)) == (head, body)


@given(data=st.binary(max_size=60), cuts=st.lists(st.integers(0, 68), max_size=4))
@settings(deadline=None)
def test_no_bytes_raise_anything_but_invalid_response(data: bytes, cuts: list[int]) -> None:
    """E2b, W6: a runtime can send what it likes; the verdict is a head or InvalidResponse, the same in any cut."""
    for stream in (data, data + DELIMITER, b"{" + data + b"}" + DELIMITER):
        assert verdict([stream]) == verdict(cut_at(stream, cuts))


def verdict(parts: list[bytes]) -> object:
    try:
        return decode(parts)
    except InvalidResponse:
        return InvalidResponse
