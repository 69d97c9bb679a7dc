"""The AI SDK's data stream of version 4: one list of cases for writing and reading, under every cut (W6)."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_sdk_cases import BAD_DATA, BAD_DATA_PARTS, DATA_PARTS, READ_DATA
from apptheory_streaming import DataStreamDecoder, DataStreamPart, FormatError, InvalidResponse
from apptheory_streaming.wire.data_stream import DATA_STREAM_PARTS, encode_data_part
from apptheory_testkit import assert_rechunk_invariant

LINES = {name: (line.encode(), [part]) for name, (part, line) in DATA_PARTS.items()}
EVERYTHING = {"everything": (b"".join(line for line, _ in LINES.values()), [part for part, _ in DATA_PARTS.values()])}
CASES = LINES | READ_DATA | EVERYTHING

utf8_text = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | utf8_text,
    lambda inner: st.lists(inner) | st.dictionaries(utf8_text, inner),
    max_leaves=5,
)


def read(chunks: Iterable[bytes]) -> list[tuple[DataStreamPart, int | None]]:
    """The parts with the bytes at which they begin."""
    decoder = DataStreamDecoder()
    parts = [part for chunk in chunks for part in decoder.feed(chunk)]
    return [(part, part.offset) for part in (*parts, *decoder.close())]


def refused(chunks: Iterable[bytes]) -> tuple[str, int]:
    """What is wrong, and where."""
    with pytest.raises(FormatError) as caught:
        read(chunks)
    return caught.value.problem, caught.value.offset


@pytest.mark.parametrize(("part", "line"), DATA_PARTS.values(), ids=DATA_PARTS)
def test_b16_the_line_of_a_part(part: DataStreamPart, line: str) -> None:
    """W2: a code, a colon, JSON as JavaScript writes it, and LF; a line break in text is no end of it (B18)."""
    assert encode_data_part(part) == line.encode()


@pytest.mark.parametrize(("stream", "parts"), CASES.values(), ids=CASES)
def test_b17_a_stream_is_read_however_it_is_cut(stream: bytes, parts: list[DataStreamPart]) -> None:
    """W6: whole, byte by byte, and at every single cut, inside lines and characters too."""
    assert [part for part, _ in read([stream])] == parts
    assert_rechunk_invariant(read, stream)


@pytest.mark.parametrize(("stream", "problem", "offset"), BAD_DATA.values(), ids=BAD_DATA)
def test_what_no_client_takes_is_refused_at_its_byte(stream: bytes, problem: str, offset: int) -> None:
    """W5, W6: the same byte under every cut."""
    said, at = refused([stream])
    assert problem in said
    assert at == offset
    if len(stream) < 100:
        assert_rechunk_invariant(refused, stream)


@pytest.mark.parametrize(("part", "problem"), BAD_DATA_PARTS.values(), ids=BAD_DATA_PARTS)
def test_what_no_client_takes_is_not_written(part: DataStreamPart, problem: str) -> None:
    """R4: InvalidResponse names the part and what is wrong with it."""
    with pytest.raises(InvalidResponse, match=problem):
        encode_data_part(part)


def test_the_offset_of_a_part_is_where_its_line_begins() -> None:
    """W5: empty lines count as bytes; an offset does not compare."""
    assert read([b'\n0:"a"\r\n\n\n3:"b"']) == [(DataStreamPart("text", "a"), 1), (DataStreamPart("error", "b"), 10)]
    assert DataStreamPart("text", "a", 1) == DataStreamPart("text", "a")


def test_a_part_comes_as_soon_as_its_line_has_ended() -> None:
    """E16: nobody waits for the next one."""
    decoder = DataStreamDecoder()
    assert decoder.feed(b'0:"a"') == []
    assert decoder.feed(b"\n") == [DataStreamPart("text", "a")]
    assert decoder.close() == []


def test_the_parts_before_a_wrong_one_can_be_had() -> None:
    """W5: `read` gives them one by one."""
    parts = DataStreamDecoder().read(b'0:"a"\nno\n')
    assert next(parts) == DataStreamPart("text", "a")
    with pytest.raises(FormatError, match=r"\(byte 6\)"):
        next(parts)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_is_read(kind: Any) -> None:
    assert DataStreamDecoder().feed(kind(b'0:"a"\n')) == [DataStreamPart("text", "a")]


def test_fields_of_an_object_can_be_asked_for() -> None:
    assert DataStreamPart("start_step", {"messageId": "m"})["messageId"] == "m"


def test_every_part_of_the_format_is_in_the_cases() -> None:
    """B16: sixteen parts with sixteen codes."""
    assert {part.type for part, _ in DATA_PARTS.values()} == set(DATA_STREAM_PARTS)
    assert len({kind.code for kind in DATA_STREAM_PARTS.values()}) == len(DATA_STREAM_PARTS) == 16


@given(st.lists(st.builds(DataStreamPart, st.just("text"), utf8_text) | st.builds(DataStreamPart, st.just("data"), st.lists(json_values))))  # fmt: skip
def test_what_is_written_reads_back(parts: list[DataStreamPart]) -> None:
    """W6: any text and any JSON, a byte at a time."""
    stream = b"".join(encode_data_part(part) for part in parts)
    assert stream.count(b"\n") == len(parts)
    assert [part for part, _ in read(stream[at : at + 1] for at in range(len(stream)))] == parts
