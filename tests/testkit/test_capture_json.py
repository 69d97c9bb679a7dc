"""`capture.json()`: the value of a response, which chunk completed it, and where a bad one breaks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from apptheory_streaming import FormatError, StreamingResponse
from apptheory_testkit import Positioned, StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

_T = TypeVar("_T")

TEXT = '\ufeff {"a": [1, "Grüße 😀"]} \r\n'
VALUE = {"a": [1, "Grüße 😀"]}


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def captured(body: Callable[[], Any]) -> StreamCapture:
    """Capture a response with this body in virtual time."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body())

    return run(stream_client(handler).get())


def test_w6_chunks_may_cut_a_value_anywhere() -> None:
    """W6: every byte a chunk of its own, and an empty one behind it; a BOM and blanks do not matter."""
    stream = TEXT.encode()

    capture = captured(lambda: iter([piece for at in range(len(stream)) for piece in (stream[at : at + 1], b"")]))

    assert capture.json() == VALUE
    assert capture.json(positions=True) == Positioned(VALUE, 2 * stream.rindex(b"}"), 0.0)


@pytest.mark.parametrize(
    ("last", "value"), [(b"\n", {"a": 1}), (b"", {"a": 1}), (b" \t\r\n", {"a": 1})], ids=["LF", "empty", "blanks"]
)
def test_d3_a_value_has_the_position_of_the_chunk_with_its_last_byte(last: bytes, value: Any) -> None:
    """D3: its number and its virtual time; what comes behind it does not count."""

    async def body() -> AsyncIterator[bytes]:
        yield b'{"a"'
        await asyncio.sleep(2)
        yield b""
        yield b":1}"
        await asyncio.sleep(3)
        yield last

    capture = captured(body)

    assert capture.json(positions=True) == Positioned(value, 2, 2.0)
    assert capture.json(positions=False) == value


async def test_d3_without_times_there_is_the_chunk_alone() -> None:
    """D3: real time gives no times."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse([b"[1,", b"2]"])

    assert (await stream_client(handler, clock="real").get()).json(positions=True) == Positioned([1, 2], 1, None)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([b'{"a":1', b"", b",b}"], "the body is no JSON: Expecting property name enclosed in double quotes"),
        (["é", "\ufeff[é]"], "the body is no JSON: Expecting value (byte 0 of chunk 0)"),
        (["\ufeff", '["é",', "x]"], "the body is no JSON: Expecting value (byte 0 of chunk 2)"),
        ([b"[1]", b" \n", b"[2]"], "the body is no JSON: Extra data (byte 0 of chunk 2)"),
        ([b'["a', b"\xff"], "the body is no UTF-8 (byte 0 of chunk 1)"),
        ([b"\xef\xbb\xbf", b"[\xff]"], "the body is no UTF-8 (byte 1 of chunk 1)"),
        (["[1]".encode("utf-16")], "the body is no UTF-8 (byte 0 of chunk 0)"),
        ([b"[1, ", b"NaN]"], "the body is no JSON: NaN is no value (byte 0 of chunk 0)"),
        ([b"[1", b",2"], "the body is no JSON: Expecting ',' delimiter (the end, after chunk 1)"),
        ([b" "], "the body is no JSON: Expecting value (the end, after chunk 0)"),
        ([], "the body is no JSON: Expecting value (the end, there is no chunk)"),
        ([b"1", b"\n" * 2, b"]"], "the body is no JSON: Extra data (byte 0 of chunk 2)"),
    ],
    ids=["key", "text", "behind", "two", "UTF-8", "BOM", "UTF-16", "NaN", "cut off", "blank", "no chunk", "bracket"],
)
def test_w5_a_bad_value_says_at_which_byte_of_which_chunk(chunks: list[Any], message: str) -> None:
    """W5: in chunks of the capture, empty ones counted; it is a ValueError, with positions and without."""
    capture = captured(lambda: iter(chunks))

    for positions in (False, True):
        with pytest.raises(FormatError) as caught:
            capture.json(positions=positions)
        assert str(caught.value).startswith(message)
        assert isinstance(caught.value, ValueError)


def test_w5_the_offset_of_a_bad_value_is_one_of_the_body() -> None:
    """W5: in bytes, not in characters."""
    capture = captured(lambda: iter(['["é', '",x]']))

    with pytest.raises(FormatError) as caught:
        capture.json()
    assert caught.value.offset == capture.body.index(b"x")


def test_f3_looking_at_a_value_looks_at_no_problem() -> None:
    """F3: strict mode still fails a test for an error that came after it."""

    async def body() -> AsyncIterator[bytes]:
        yield b"[1]\n"
        raise RuntimeError("broken")

    capture = captured(body)

    assert capture.json() == [1]
    assert capture.unseen_problems() == ["late error after 1 chunk: app.internal: RuntimeError: broken"]
