"""`capture.ndjson()`: the values of a response, where they came from, and where a bad line is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from apptheory_streaming import FormatError, StreamingResponse
from apptheory_testkit import Positioned, StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop
from ndjson_cases import READ

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def captured(body: Callable[[], Any]) -> StreamCapture:
    """Capture a response with this body in virtual time."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body())

    return run(stream_client(handler).get())


@pytest.mark.parametrize("name", [name for name in READ if len(READ[name][0]) < 1000])
def test_w6_chunks_may_cut_a_line_anywhere(name: str) -> None:
    """W5, W6: every byte a chunk of its own, and an empty one behind it."""
    stream, values = READ[name]

    capture = captured(lambda: iter([piece for at in range(len(stream)) for piece in (stream[at : at + 1], b"")]))

    assert capture.ndjson() == values


def test_d3_a_value_has_the_position_of_the_chunk_that_completed_it() -> None:
    """D3: its number and its virtual time; the last line, without LF, came with the last bytes."""

    async def body() -> AsyncIterator[bytes]:
        yield b'1\n2\n{"a":'
        await asyncio.sleep(2)
        yield b""
        yield b"3"
        await asyncio.sleep(3)
        yield b"}\n4"
        await asyncio.sleep(1)
        yield b""

    capture = captured(body)

    assert capture.ndjson(positions=True) == [
        Positioned(1, 0, 0.0),
        Positioned(2, 0, 0.0),
        Positioned({"a": 3}, 3, 5.0),
        Positioned(4, 3, 5.0),
    ]
    assert capture.ndjson() == [1, 2, {"a": 3}, 4]


async def test_d3_without_times_there_is_the_chunk_alone() -> None:
    """D3: real time gives no times."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse([b"1\n", b"2\n"])

    capture = await stream_client(handler, clock="real").get()

    assert capture.ndjson(positions=True) == [Positioned(1, 0, None), Positioned(2, 1, None)]


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([b"1\n", b"", b"[1,", b" x]\n"], r"line 2 is no JSON: Expecting value (byte 1 of chunk 3)"),
        ([b"1\n2", b"\xff\n"], r"line 2 is no UTF-8 (byte 0 of chunk 1)"),
        ([b'1\n{"a"', b":1"], r"line 2 is no JSON: Expecting ',' delimiter (the end, after chunk 1)"),
    ],
    ids=["no JSON", "no UTF-8", "cut off"],
)
def test_w5_a_bad_line_says_at_which_byte_of_which_chunk(chunks: list[bytes], message: str) -> None:
    """W5: in chunks of the capture, empty ones counted; it is a ValueError, as for `json`."""
    capture = captured(lambda: iter(chunks))

    with pytest.raises(FormatError) as caught:
        capture.ndjson()
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


def test_f3_looking_at_values_looks_at_no_problem() -> None:
    """F3: strict mode still fails a test for an error that came after them."""

    async def body() -> AsyncIterator[bytes]:
        yield b"1\n"
        raise RuntimeError("broken")

    capture = captured(body)

    assert capture.ndjson() == [1]
    assert capture.unseen_problems() == ["late error after 1 chunk: app.internal: RuntimeError: broken"]


def test_w5_no_body_has_no_values() -> None:
    """W5: not even with positions."""
    assert captured(lambda: iter([])).ndjson(positions=True) == []
