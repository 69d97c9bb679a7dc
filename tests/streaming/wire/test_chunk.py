"""Chunks: which types a stream may yield, and their bytes (R2)."""

import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming import DataStreamDecoder, SseDecoder, UiMessageDecoder
from apptheory_streaming.errors import FunctionError, StreamTypeError, UsageError
from apptheory_streaming.wire.chunk import encode_chunk


@pytest.mark.parametrize(
    ("chunk", "data"),
    [
        (b"raw\xff\x00", b"raw\xff\x00"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abcdef")[::2], b"ace"),
        ("café €😀", "café €😀".encode()),
        (b"", b""),
        ("", b""),
        (bytearray(), b""),
        (memoryview(b""), b""),
    ],
)
def test_bytes_like_chunks_and_text(chunk: object, data: bytes) -> None:
    """R2: bytes-like chunks pass as they are and text becomes UTF-8; the result is always bytes."""
    assert encode_chunk(chunk, 0) == data
    assert type(encode_chunk(chunk, 0)) is bytes


def test_a_buffer_used_again_does_not_change_its_chunk() -> None:
    """R2: a chunk is what the buffer held when it was given."""
    buffer = bytearray(b"one")
    first, second = encode_chunk(buffer, 0), encode_chunk(memoryview(buffer), 1)
    buffer[:] = b"two"
    assert (first, second) == (b"one", b"one")


@pytest.mark.parametrize("index", [0, 7])
@pytest.mark.parametrize("chunk", [None, 1, 1.5, True, ["a"], {"a": 1}, object(), array.array("b", [1]), b"".join])
def test_any_other_type_names_index_and_type(chunk: Any, index: int) -> None:
    """R2: any other type is a StreamTypeError that names the number of the chunk and its type."""
    with pytest.raises(StreamTypeError) as caught:
        encode_chunk(chunk, index)
    assert f"chunk {index} is of type {type(chunk).__name__}" in str(caught.value)


def test_text_without_a_utf8_form() -> None:
    """R2: a lone surrogate is a StreamTypeError that names the number of the chunk."""
    with pytest.raises(StreamTypeError, match=r"chunk 3 .*UTF-8"):
        encode_chunk("half \ud83d", 3)


def test_a_wrong_chunk_is_the_functions_mistake_and_a_type_error() -> None:
    """R2: who catches TypeError, or any error of the function, catches it."""
    assert issubclass(StreamTypeError, FunctionError)
    assert issubclass(StreamTypeError, TypeError)


@pytest.mark.parametrize("decoder", [SseDecoder, DataStreamDecoder, UiMessageDecoder])
@pytest.mark.parametrize("data", ["data: a\n\n", None, 5, [100]], ids=repr)
def test_a_decoder_is_fed_with_bytes(decoder: Any, data: Any) -> None:
    """W6: text may have lost its line ends already, and a number is not so many zeros."""
    with pytest.raises(UsageError, match=f"fed with bytes, as they came, not with {type(data).__name__}$"):
        decoder().feed(data)


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(deadline=None)
def test_text_round_trip(text: str) -> None:
    """R2: every text with a UTF-8 form comes back from its chunk."""
    assert encode_chunk(text, 0).decode() == text
