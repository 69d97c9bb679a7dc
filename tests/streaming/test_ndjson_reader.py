"""W5, W6, E12, E13, E22: values from chunks, by `for` and by `async for`."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any

import pytest

from apptheory_streaming import NdjsonReader
from apptheory_streaming.errors import FormatError, StreamTypeError, UsageError
from apptheory_testkit.rechunking.rechunk import assert_rechunk_invariant
from apptheory_testkit.virtual_time.loop import VirtualLoop
from ndjson_cases import READ, REFUSED

Outcome = tuple[list[Any], str | None]
Read = Callable[[Iterable[Any]], Outcome]


def read_sync(chunks: Iterable[Any]) -> Outcome:
    """All values, and the error that ended them."""
    values: list[Any] = []
    try:
        for value in NdjsonReader(chunk for chunk in chunks):
            values.append(value)  # noqa: PERF402 - those before an error count
    except FormatError as error:
        return values, str(error)
    return values, None


def read_async(chunks: Iterable[Any]) -> Outcome:
    """The same through `async for`."""

    async def source() -> AsyncIterator[Any]:
        for chunk in chunks:
            await asyncio.sleep(0)
            yield chunk

    async def main() -> Outcome:
        values: list[Any] = []
        try:
            async for value in NdjsonReader(source()):
                values.append(value)  # noqa: PERF401
        except FormatError as error:
            return values, str(error)
        return values, None

    return asyncio.run(main())


every_way = pytest.mark.parametrize("read", [read_sync, read_async], ids=["for", "async for"])


@every_way
@pytest.mark.parametrize(("stream", "values"), READ.values(), ids=READ)
def test_w5_every_stream_is_read(read: Read, stream: bytes, values: list[Any]) -> None:
    """W5, E12: whole, and in pieces."""
    size = 3 if len(stream) < 1000 else 8192

    assert read([stream]) == (values, None)
    assert read([stream[at : at + size] for at in range(0, len(stream), size)]) == (values, None)


@every_way
@pytest.mark.parametrize(("stream", "before", "message"), REFUSED.values(), ids=REFUSED)
def test_e13_a_bad_line_is_one_error_behind_the_values_before_it(
    read: Read, stream: bytes, before: list[Any], message: str
) -> None:
    """E13, W6: byte by byte as well."""
    assert read([stream]) == (before, message)
    assert read([stream[at : at + 1] for at in range(len(stream))]) == (before, message)


def test_e22_a_reader_does_not_depend_on_cuts() -> None:
    """E22, W6: as the testkit's own check for parsers says."""
    assert_rechunk_invariant(NdjsonReader, '{"a":"é😀"}\r\n\n[1,\t2]\n"\u2028"\n7'.encode())


@every_way
@pytest.mark.parametrize("chunks", [[b'{"a":', '"é"}\n', bytearray(b"1\n"), memoryview(b"2")]], ids=["mixed"])
def test_w6_chunks_are_of_any_kind_that_a_stream_has(read: Read, chunks: list[Any]) -> None:
    """W6, R2: bytes-like, and text as UTF-8."""
    assert read(chunks) == ([{"a": "é"}, 1, 2], None)


@pytest.mark.parametrize(
    "whole", [b"1\n2\n", "1\n2\n", bytearray(b"1\n2\n"), memoryview(b"1\n2\n")], ids=lambda whole: type(whole).__name__
)
def test_r1_bytes_and_text_are_one_chunk(whole: Any) -> None:
    """R1: never a chunk a character."""
    assert list(NdjsonReader(whole)) == [1, 2]


def test_w5_a_file_is_read() -> None:
    """W5: opened in binary, it gives bytes as any iterable does."""
    assert list(NdjsonReader(io.BytesIO(b'{"a":1}\n\n2'))) == [{"a": 1}, 2]


def test_w5_the_reader_says_which_line_it_is_at() -> None:
    """W5: blank lines count."""
    reader = NdjsonReader([b"1\n\n", b"2\n"])
    assert reader.line == 0
    assert (next(reader), reader.line) == (1, 2)
    assert (next(reader), reader.line) == (2, 3)


def test_w5_a_line_may_have_a_limit() -> None:
    """W5: and has none of its own."""
    reader = NdjsonReader([b"12\n", b"123\n"], max_line_bytes=2)
    assert next(reader) == 12
    with pytest.raises(FormatError, match=r"line 2 is longer than max_line_bytes=2 \(byte 5\)"):
        next(reader)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "10"], ids=repr)
def test_w5_a_limit_is_a_number_of_bytes(limit: Any) -> None:
    """W5: UsageError says what would work."""
    with pytest.raises(UsageError, match="max_line_bytes must be a whole number from 1, or None"):
        NdjsonReader([], max_line_bytes=limit)


# -- how reading ends ----------------------------------------------------------------------------


class Source:
    """Chunks, sync or async, that know how they were left."""

    def __init__(self, *chunks: Any) -> None:
        self.chunks = chunks
        self.log: list[str] = []
        self.waits = asyncio.Event()

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self.chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
            self.log.append("end")
        finally:
            self.log.append("closed")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self.chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                if isinstance(chunk, asyncio.Event):
                    self.waits.set()
                    await chunk.wait()
                else:
                    yield chunk
            self.log.append("end")
        finally:
            await asyncio.sleep(0)
            self.log.append("closed")


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main)


def test_e13_after_its_error_a_reader_has_ended() -> None:
    """E13: one error, then the end; the source is closed and not read on."""
    source = Source(b"1\nx\n", b"2\n")
    reader = NdjsonReader(source)

    assert next(reader) == 1
    assert source.log == []
    with pytest.raises(FormatError):
        next(reader)
    assert source.log == ["closed"]
    assert list(reader) == []


async def test_e13_after_its_error_an_async_reader_has_ended() -> None:
    """E13: the same."""
    source = Source(b"1\nx\n", b"2\n")
    reader = NdjsonReader(source)

    assert await anext(reader) == 1
    with pytest.raises(FormatError):
        await anext(reader)
    assert source.log == ["closed"]
    assert [value async for value in reader] == []


@pytest.mark.parametrize("asynchronous", [False, True], ids=["for", "async for"])
def test_w5_a_source_that_fails_is_heard(asynchronous: bool) -> None:
    """W5: its error goes through; what it left of a line is no value."""
    source = Source(b"1\n2", ConnectionError("gone"))
    reader = NdjsonReader(source)

    async def main() -> None:
        assert await anext(reader) == 1
        with pytest.raises(ConnectionError):
            await anext(reader)
        assert [value async for value in reader] == []

    if asynchronous:
        run(main())
    else:
        assert next(reader) == 1
        with pytest.raises(ConnectionError):
            next(reader)
        assert list(reader) == []
    assert source.log == ["closed"]


async def test_e13_cancelling_stops_it() -> None:
    """E13: the source is cancelled where it waits, closed, and gives nothing more."""
    source = Source(b"1\n2", asyncio.Event(), b"3\n")
    reader = NdjsonReader(source)
    got: list[Any] = []

    async def collect() -> None:
        async for value in reader:
            got.append(value)  # noqa: PERF401

    task = asyncio.create_task(collect())
    await source.waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (got, source.log) == ([1], ["closed"])
    assert [value async for value in reader] == []


class Mailbox:
    """Chunks as a connection has them: whoever stops waiting for one may wait again."""

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()

    def __aiter__(self) -> "Mailbox":
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.chunks.get()
        if not chunk:
            raise StopAsyncIteration
        return chunk


def test_w6_a_wait_that_is_given_up_loses_nothing() -> None:
    """W6, E13: a timeout in the middle of a line; the next wait goes on with that line."""

    async def main() -> None:
        mailbox = Mailbox()
        reader = NdjsonReader(mailbox)
        mailbox.chunks.put_nowait(b'{"a":')
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(reader), 10)
        for chunk in [b"1}\n2", b"3", b""]:
            mailbox.chunks.put_nowait(chunk)
        assert [value async for value in reader] == [{"a": 1}, 23]

    run(main())


def test_w6_a_cut_line_of_a_generator_that_was_cancelled_is_no_value() -> None:
    """W6: it has ended, and what it had begun is not taken for whole."""

    async def main() -> None:
        reader = NdjsonReader(Source(b"12", asyncio.Event()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(reader), 10)
        assert [value async for value in reader] == []

    run(main())


def test_e13_a_timeout_stops_it() -> None:
    """E13: as around any other wait."""
    source = Source(asyncio.Event())

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600), NdjsonReader(source) as reader:
                await anext(reader)

    run(main())
    assert source.log == ["closed"]


def test_w5_leaving_early_closes_the_source() -> None:
    """W5: `with` and `close`; values that were read already are dropped with it."""
    source = Source(b"1\n2\n3\n", b"4\n")
    with NdjsonReader(source) as reader:
        assert next(reader) == 1
    assert source.log == ["closed"]
    assert list(reader) == []
    reader.close()


async def test_w5_leaving_early_closes_an_async_source() -> None:
    """W5: the same for `async with` and `aclose`."""
    source = Source(b"1\n2\n3\n", b"4\n")
    async with NdjsonReader(source) as reader:
        assert await anext(reader) == 1
    assert source.log == ["closed"]
    assert [value async for value in reader] == []
    await reader.aclose()


def test_w5_nothing_is_read_before_it_is_asked_for() -> None:
    """W5: a value at a time, and no chunk more than it takes."""
    taken: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(3):
            taken.append(number)
            yield b"%d\n" % number

    reader = NdjsonReader(chunks())
    assert taken == []
    assert next(reader) == 0
    assert taken == [0]


async def test_w5_for_and_async_for_are_told_apart() -> None:
    """W5: UsageError says which one it takes."""
    with pytest.raises(UsageError, match="type list are read with `for`"):
        await anext(NdjsonReader([b"1\n"]))

    async def chunks() -> AsyncIterator[bytes]:
        yield b"1\n"

    with pytest.raises(UsageError, match="type async_generator come asynchronously: read them with `async for`"):
        next(NdjsonReader(chunks()))
    for value in (5, None):
        with pytest.raises(UsageError, match="cannot be read: give bytes, or an iterable of them"):
            next(NdjsonReader(value))  # type: ignore[arg-type]


@every_way
def test_r2_a_chunk_of_another_type_is_an_error_with_its_number(read: Read) -> None:
    """R2: as in a response."""
    with pytest.raises(StreamTypeError, match="chunk 1 is of type int"):
        read([b"1\n", 2])
