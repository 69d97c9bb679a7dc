"""W5, C18, C23, D11, D18, D19, E11: `ndjson_stream`, and `NdjsonWriter`."""

import asyncio
import io
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import (
    NDJSON_HEADERS,
    AppError,
    HttpResponseStream,
    InvalidResponse,
    NdjsonReader,
    NdjsonWriter,
    ndjson_stream,
    sse_stream,
    streamify_response,
    text_stream,
)
from apptheory_streaming.errors import UsageError
from apptheory_testkit import StreamCapture, stream_client
from ndjson_cases import NO_JSON, SENT
from ndjson_handlers import Pause, every_kind, get, handler_of, run

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


# -- lines ---------------------------------------------------------------------------------------


@every_kind
def test_d19_five_lines_are_five_chunks(kind: str) -> None:
    """D11, D19, C18: each ends with LF; status, content type and cache-control are those of NDJSON."""
    capture = get(handler_of(kind, *({"row": number} for number in range(5))))

    assert capture.chunks == [b'{"row":%d}\n' % number for number in range(5)]
    assert (capture.status, capture.cookies) == (200, [])
    assert capture.headers == {
        "content-type": ["application/x-ndjson"],
        "cache-control": ["no-cache"],
        "x-accel-buffering": ["no"],
    }


@every_kind
def test_w5_every_item_that_can_be_sent_is_sent(kind: str) -> None:
    """W5: the cases of the encoder, through a response."""
    capture = get(handler_of(kind, *(item for item, _, _ in SENT.values())))

    assert capture.chunks == [line for _, line, _ in SENT.values()]


@every_kind
@pytest.mark.parametrize(("item", "why"), NO_JSON.values(), ids=NO_JSON)
def test_d11_an_item_without_a_json_form_is_an_error_where_it_stands(kind: str, item: object, why: str) -> None:
    """D11, E3: the lines before it are sent, those after it are not."""
    capture = get(handler_of(kind, {"a": 1}, item, {"a": 3}))

    assert capture.chunks == [b'{"a":1}\n']
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)
    assert why in capture.error.message
    assert get(handler_of(kind, item)).status == 502


@every_kind
def test_d18_ten_thousand_items_arrive_in_order(kind: str) -> None:
    """D18: each a chunk, none lost."""
    capture = get(handler_of(kind, *({"id": number} for number in range(10_000))))

    assert len(capture.chunks) == 10_000
    assert [value["id"] for value in NdjsonReader(capture.chunks)] == list(range(10_000))


@pytest.mark.parametrize(
    ("items", "chunks"),
    [
        ("text", [b'"text"\n']),
        ({"a": 1}, [b'{"a":1}\n']),
        (None, []),
        ([], []),
        ([[]], [b"[]\n"]),
        ((1, 2), [b"1\n", b"2\n"]),
        (range(2), [b"0\n", b"1\n"]),
    ],
    ids=repr,
)
async def test_r1_text_or_an_object_in_the_place_of_items_is_one_item(items: Any, chunks: list[bytes]) -> None:
    """R1: never a line a character, nor one a key."""

    async def handler(event: Any, context: Any) -> Any:
        return ndjson_stream(items)

    assert (await stream_client(handler).get()).chunks == chunks


def test_w5_what_gives_no_items_is_refused() -> None:
    """W5: UsageError, before there is a response."""
    with pytest.raises(UsageError, match="ndjson_stream takes an iterable, sync or async, not int"):
        ndjson_stream(5)  # type: ignore[arg-type]


def test_c18_headers_of_the_handler_win() -> None:
    """C18, R5: in any case; the preset itself cannot be changed."""
    response = ndjson_stream([], status=201, headers={"Content-Type": "application/jsonl"}, cookies=["a=1"])

    assert response.status == 201
    assert dict(response.headers) == {
        "content-type": ["application/jsonl"],
        "cache-control": ["no-cache"],
        "x-accel-buffering": ["no"],
    }
    assert list(response.cookies) == ["a=1"]
    with pytest.raises(TypeError):
        NDJSON_HEADERS["content-type"] = "x"  # type: ignore[index]


@every_kind
@pytest.mark.parametrize("flush_each", [True, False], ids=["each", "batches"])
def test_w5_the_source_is_closed_with_the_stream(kind: str, flush_each: bool) -> None:
    """W5: its `finally` has run when the response is over, also after an item without a line."""
    log: list[str] = []

    def sync() -> Iterator[object]:
        try:
            yield {"a": 1}
            yield object()
        finally:
            log.append("closed")

    async def with_await() -> AsyncIterator[object]:
        try:
            yield {"a": 1}
            yield object()
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    def handler(event: Any, context: Any) -> Any:
        return ndjson_stream(sync() if kind == "sync" else with_await(), flush_each=flush_each)

    async def main() -> StreamCapture:
        capture = await stream_client(handler).get("/")
        assert log == ["closed"]  # not only with the loop
        return capture

    capture = run(main())

    assert capture.chunks == [b'{"a":1}\n']
    assert capture.error is not None
    assert capture.error.late


def test_e11_timestamps_are_whole_seconds_of_the_clock() -> None:
    """E11: the wall clock, which is virtual in a test; off by default."""

    async def main() -> tuple[list[Any], list[Any], float]:
        began = time.time()
        stamped = await stream_client(handler_of("async", {"a": 1}, Pause(90), {"a": 2}, timestamp=True)).get()
        plain = await stream_client(handler_of("async", {"a": 1})).get()
        return list(NdjsonReader(stamped.chunks)), list(NdjsonReader(plain.chunks)), began

    stamped, plain, began = run(main())

    assert plain == [{"a": 1}]
    assert [value["a"] for value in stamped] == [1, 2]
    assert all(type(value["timestamp"]) is int for value in stamped)
    assert stamped[1]["timestamp"] - stamped[0]["timestamp"] == 90
    assert 0 <= stamped[0]["timestamp"] - int(began) <= 1


def test_c23_one_handler_gives_three_formats() -> None:
    """C23: `?format=` chooses among events, lines and text."""

    async def handler(event: Any, context: Any) -> Any:
        rows = [{"n": 1}, {"n": 2}]
        match (event.get("queryStringParameters") or {}).get("format"):
            case "sse":
                return sse_stream(rows)
            case "jsonl":
                return ndjson_stream(rows)
            case "text":
                return text_stream(f"n is {row['n']}\n" for row in rows)
            case other:
                raise AppError("app.bad_request", f"no format {other}")

    client = stream_client(handler)
    got = {name: run(client.get("/", params={"format": name})) for name in ("sse", "jsonl", "text", "xml")}

    assert got["sse"].chunks == [b'data: {"n":1}\n\n', b'data: {"n":2}\n\n']
    assert got["jsonl"].chunks == [b'{"n":1}\n', b'{"n":2}\n']
    assert got["text"].chunks == [b"n is 1\n", b"n is 2\n"]
    assert [got[name].headers["content-type"] for name in ("sse", "jsonl", "text")] == [
        ["text/event-stream"],
        ["application/x-ndjson"],
        ["text/plain; charset=utf-8"],
    ]
    assert got["xml"].status == 400


# -- the writer ------------------------------------------------------------------------------------


def test_w5_a_writer_writes_lines_to_a_response_stream() -> None:
    """W5: a chunk a line; awaited or not."""

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        out = HttpResponseStream.from_(stream, {"statusCode": 200, "headers": dict(NDJSON_HEADERS)})
        lines = NdjsonWriter(out)
        await lines.write({"a": 1})
        lines.write([2])
        with pytest.raises(InvalidResponse):
            lines.write(object())
        await out.end()

    capture = get(handler)

    assert capture.chunks == [b'{"a":1}\n', b"[2]\n"]
    assert capture.headers["content-type"] == ["application/x-ndjson"]
    assert capture.error is None


def test_w5_a_writer_writes_to_anything_that_takes_bytes() -> None:
    """W5, E11: a file; what its `write` gives is given back."""
    file = io.BytesIO()

    assert NdjsonWriter(file).write({"a": 1}) == 8
    NdjsonWriter(file, timestamp=True).write({"a": 2, "timestamp": 5})
    assert file.getvalue() == b'{"a":1}\n{"a":2,"timestamp":5}\n'


def test_w1_eight_threads_and_eight_tasks_write_whole_lines() -> None:
    """W1: 10 000 lines, each once and in the order of its writer."""
    threads, tasks, each = 8, 8, 625

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        lines = NdjsonWriter(stream)

        def in_thread(writer: int) -> None:
            for number in range(each):
                lines.write({"writer": writer, "number": number})

        async def in_task(writer: int) -> None:
            for number in range(each):
                await lines.write({"writer": writer, "number": number})

        workers = [threading.Thread(target=in_thread, args=(writer,)) for writer in range(threads)]
        for worker in workers:
            worker.start()
        await asyncio.gather(*(in_task(threads + writer) for writer in range(tasks)))
        await asyncio.gather(*(asyncio.to_thread(worker.join) for worker in workers))
        stream.end()

    async def main() -> StreamCapture:
        return await stream_client(handler, clock="real").get("/")

    values = list(NdjsonReader(asyncio.run(main()).body))

    assert len(values) == 10_000
    for writer in range(threads + tasks):
        assert [value["number"] for value in values if value["writer"] == writer] == list(range(each))
