"""`capture.csv()`: the rows of a response, where they came from, and where something is no CSV."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from apptheory_streaming import FormatError, StreamingResponse
from apptheory_streaming.errors import UsageError
from apptheory_testkit import Positioned, StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop
from csv_cases import READ

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


@pytest.mark.parametrize(("stream", "rows"), READ.values(), ids=READ)
def test_w6_chunks_may_cut_a_row_anywhere(stream: bytes, rows: list[list[str]]) -> None:
    """W5, W6: every byte a chunk of its own, and an empty one behind it."""
    capture = captured(lambda: iter([piece for at in range(len(stream)) for piece in (stream[at : at + 1], b"")]))

    assert capture.csv(header=False) == rows


def test_d3_a_row_has_the_position_of_the_chunk_that_completed_it() -> None:
    """D3: its number and its virtual time; a line end inside quotes completes nothing."""

    async def body() -> AsyncIterator[bytes]:
        yield b"a,b\r\n1,2\r\n3,"
        await asyncio.sleep(2)
        yield b'"x\r\n'
        await asyncio.sleep(3)
        yield b'y"\r\n5,6'
        await asyncio.sleep(1)
        yield b""

    capture = captured(body)

    assert capture.csv(positions=True) == [
        Positioned({"a": "1", "b": "2"}, 0, 0.0),
        Positioned({"a": "3", "b": "x\r\ny"}, 2, 5.0),
        Positioned({"a": "5", "b": "6"}, 2, 5.0),
    ]
    assert capture.csv(header=False, positions=True)[0] == Positioned(["a", "b"], 0, 0.0)
    assert capture.csv() == [each.value for each in capture.csv(positions=True)]


def test_w5_another_delimiter() -> None:
    """W5: as it was written."""
    capture = captured(lambda: iter([b"a;b\n1;2\n"]))

    assert capture.csv(delimiter=";") == [{"a": "1", "b": "2"}]
    with pytest.raises(UsageError, match="delimiter"):
        capture.csv(delimiter=";;")


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([b"a\n", b"", b"1", b'"2\n'], "the row that begins on line 2 is no CSV: a quote stands in a field without quotes (byte 0 of chunk 3)"),
        ([b"a,b\n1", b"\n"], "the row that begins on line 2 is no CSV: it has 1 fields, and the first has 2 (byte 4 of chunk 0)"),
        ([b"a,b\n", b'1,"', b"2"], "the row that begins on line 2 is no CSV: a quote is not closed (byte 2 of chunk 1)"),
        ([b"a,", b"a\n"], "the header has the column 'a' twice (byte 0 of chunk 0)"),
    ],
    ids=["a quote", "too few", "not closed", "a header"],
)  # fmt: skip
def test_w5_what_is_no_csv_says_at_which_byte_of_which_chunk(chunks: list[bytes], message: str) -> None:
    """W5: in chunks of the capture, empty ones counted."""
    with pytest.raises(FormatError) as caught:
        captured(lambda: iter(chunks)).csv()
    assert str(caught.value) == message


def test_f3_looking_at_rows_looks_at_no_problem() -> None:
    """F3: strict mode still fails a test for an error that came after them."""

    async def body() -> AsyncIterator[bytes]:
        yield b"a\n1\n"
        raise RuntimeError("broken")

    capture = captured(body)

    assert capture.csv() == [{"a": "1"}]
    assert capture.unseen_problems() == ["late error after 1 chunk: app.internal: RuntimeError: broken"]
