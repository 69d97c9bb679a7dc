"""The AI SDK's UI message stream of version 5 and later: written and read from one list, under every cut (W6)."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_sdk_cases import BAD_UI, BAD_UI_PARTS, READ_UI, UI_PARTS
from apptheory_streaming import FormatError, InvalidResponse, UiMessageDecoder, UiMessagePart
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.ui_message_parts import LATEST_VERSION, UI_MESSAGE_PARTS
from apptheory_streaming.wire.ui_message_stream import UI_MESSAGE_DONE, encode_ui_part
from apptheory_testkit import assert_rechunk_invariant

FRAMES = {name: (f"data: {json}\n\n".encode(), [part]) for name, (part, json) in UI_PARTS.items()}
FEW = {
    "a few": (b"".join(frame for frame, _ in list(FRAMES.values())[:6]), [part for part, _ in UI_PARTS.values()][:6])
}
CASES = FRAMES | READ_UI | FEW

utf8_text = st.text(st.characters(exclude_categories=["Cs"]))


def read(chunks: Iterable[bytes], version: int = LATEST_VERSION) -> list[tuple[UiMessagePart, int | None]]:
    """The parts with the bytes at which they begin."""
    decoder = UiMessageDecoder(version=version)
    parts = [part for chunk in chunks for part in decoder.feed(chunk)]
    return [(part, part.offset) for part in (*parts, *decoder.close())]


def refused(chunks: Iterable[bytes]) -> tuple[str, int]:
    """What is wrong, and where."""
    with pytest.raises(FormatError) as caught:
        read(chunks)
    return caught.value.problem, caught.value.offset


def done_at(stream: bytes) -> int | None:
    """Where the end was, byte by byte."""
    decoder = UiMessageDecoder()
    for at in range(len(stream)):
        decoder.feed(stream[at : at + 1])
    return decoder.done_at


@pytest.mark.parametrize(("part", "json"), UI_PARTS.values(), ids=UI_PARTS)
def test_the_event_of_a_part(part: UiMessagePart, json: str) -> None:
    """W2: JSON as JavaScript writes it, in one `data` line."""
    assert encode_ui_part(part) == f"data: {json}\n\n".encode()


@pytest.mark.parametrize(("stream", "parts"), CASES.values(), ids=CASES)
def test_a_stream_is_read_however_it_is_cut(stream: bytes, parts: list[UiMessagePart]) -> None:
    """W3, W6: whole, byte by byte, and at every single cut, in a CRLF and in characters too."""
    assert [part for part, _ in read([stream])] == parts
    assert_rechunk_invariant(read, stream)


@pytest.mark.parametrize(("stream", "problem", "offset"), BAD_UI.values(), ids=BAD_UI)
def test_what_no_client_takes_is_refused_at_its_byte(stream: bytes, problem: str, offset: int) -> None:
    """W5, W6: the same byte under every cut."""
    with pytest.raises(FormatError, match=problem) as caught:
        read([stream])
    assert caught.value.offset == offset
    assert_rechunk_invariant(refused, stream)


@pytest.mark.parametrize(("part", "problem"), BAD_UI_PARTS.values(), ids=BAD_UI_PARTS)
def test_what_no_client_takes_is_not_written(part: UiMessagePart, problem: str) -> None:
    """R4: InvalidResponse names the part and what is wrong with it."""
    with pytest.raises(InvalidResponse, match=problem):
        encode_ui_part(part)


def test_the_offset_of_a_part_is_where_its_data_begins() -> None:
    """W5: behind comments and other fields, under any line end."""
    stream = b': hi\r\n\r\nid: 1\r\ndata: {"type":"start"}\r\n\r\n\r\rdata:{"type":"abort"}\r\r'
    assert read([stream]) == [(UiMessagePart("start"), 15), (UiMessagePart("abort"), 43)]
    assert_rechunk_invariant(read, stream)
    assert read([b'\xef\xbb\xbfdata: {"type":"abort"}\n\n']) == [(UiMessagePart("abort"), 0)]


def test_an_empty_chunk_inside_a_crlf_changes_nothing() -> None:
    """R3, W6: the LF behind it is no blank line."""
    assert read([b'data: {"type":\r', b"", b'\ndata: "abort"}\n\n']) == [(UiMessagePart("abort"), 0)]


@pytest.mark.parametrize(
    ("stream", "at"),
    [
        (b"", None),
        (b'data: {"type":"abort"}\n\n', None),
        (b"data: [DONE]\n", None),
        (UI_MESSAGE_DONE, 0),
        (b": hi\n\n" + UI_MESSAGE_DONE, 6),
        (b"data:[DONE]\r\n\r\n" + UI_MESSAGE_DONE, 0),
        (b"data: [DONE]\ndata: x\n\n", None),
    ],
    ids=repr,
)
def test_the_end_is_known_by_its_byte(stream: bytes, at: int | None) -> None:
    """W5: the first one counts, and only a whole event is one."""
    if b"x" in stream:
        with pytest.raises(FormatError):
            done_at(stream)
    else:
        assert done_at(stream) == at


@pytest.mark.parametrize(
    ("part", "versions"),
    [
        ('{"type":"text-start","id":"t"}', {5, 6, 7}),
        ('{"type":"tool-approval-request","approvalId":"a","toolCallId":"c"}', {6, 7}),
        ('{"type":"tool-output-denied","toolCallId":"c"}', {6, 7}),
        ('{"type":"tool-approval-response","approvalId":"a","approved":true}', {7}),
        ('{"type":"reset-step"}', {7}),
        ('{"type":"custom","kind":"k"}', {7}),
        ('{"type":"reasoning-file","url":"data:,a","mediaType":"text/plain"}', {7}),
        ('{"type":"steering-message","id":"s","parts":[]}', {7}),
        ('{"type":"finish","finishReason":"unknown"}', {5}),
        ('{"type":"finish","finishReason":"interrupted"}', {7}),
    ],
)
def test_each_version_knows_its_own_parts(part: str, versions: set[int]) -> None:
    """W5: what a client of that version would refuse is refused."""
    taken: set[int] = set()
    for version in UI_MESSAGE_PARTS:
        try:
            read([f"data: {part}\n\n".encode()], version)
        except FormatError:
            continue
        taken.add(version)
    assert taken == versions


def test_a_version_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="one of 5, 6, 7, not 4"):
        UiMessageDecoder(version=4)


def test_a_part_comes_as_soon_as_its_blank_line_has() -> None:
    """E16: also where that ends in a CR."""
    decoder = UiMessageDecoder()
    assert decoder.feed(b'data: {"type":"abort"}\r') == []
    assert decoder.feed(b"\r") == [UiMessagePart("abort")]
    assert decoder.feed(b"\n") == []


def test_the_parts_before_a_wrong_one_can_be_had() -> None:
    """W5: `read` gives them one by one."""
    parts = UiMessageDecoder().read(b'data: {"type":"abort"}\n\ndata: no\n\n')
    assert next(parts) == UiMessagePart("abort")
    with pytest.raises(FormatError, match=r"\(byte 30\)"):
        next(parts)


def test_every_part_of_version_5_is_in_the_cases() -> None:
    assert {part.type for part, _ in UI_PARTS.values()} == {*UI_MESSAGE_PARTS[5], "data-weather"}


@given(st.lists(st.builds(lambda delta: UiMessagePart("text-delta", {"id": "t", "delta": delta}), utf8_text)))
def test_what_is_written_reads_back(parts: list[UiMessagePart]) -> None:
    """W6: any text, a byte at a time."""
    stream = b"".join(encode_ui_part(part) for part in parts)
    assert [part for part, _ in read(stream[at : at + 1] for at in range(len(stream)))] == parts
