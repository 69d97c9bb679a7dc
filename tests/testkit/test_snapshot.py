"""The text of a snapshot: readable, and nothing lost."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming import AppError, StreamingResponse
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.transcript import ChunkRecord, Transcript
from apptheory_testkit import stream_client
from apptheory_testkit.snapshots.text import HEX_SHOWN, escape, read_payload, render_payload, unescape
from apptheory_testkit.snapshots.views import render_capture

NO_TIMES: list[tuple[float, float | None]] = []


def transcript(chunks: Sequence[bytes], times: Sequence[tuple[float, float | None]] = NO_TIMES) -> Transcript:
    """What was noted of a response; `times` are those of its chunks."""
    records = tuple(
        ChunkRecord(index, len(chunk), *(times[index] if times else ())) for index, chunk in enumerate(chunks)
    )
    return Transcript(
        request_id="req_test_0001",
        head=Head(200, {"content-type": ("text/plain",)}),
        events=(),
        chunks=records,
        chunk_count=len(chunks),
        body_bytes=sum(map(len, chunks)),
        started_at=100.0 if times else None,
        ended_at=times[-1][0] + 1 if times else None,
    )


def blocks(chunks: Sequence[bytes], view: str = "chunks") -> list[str]:
    """The lines between the head and the end."""
    lines = render_capture(transcript(chunks), chunks, view).splitlines()
    return lines[3 : next(at for at, line in enumerate(lines) if line.startswith("=== end"))]


async def test_a_whole_snapshot() -> None:
    """Head in its order, cookies, a block a chunk, how it ended; the request id is not the response's."""

    async def handler(event: object, context: object) -> StreamingResponse:
        async def body() -> AsyncIterator[str | bytes]:
            yield b"event: start\r\ndata: 1\r\n\r\n"
            yield b""
            yield "no end"
            raise AppError("app.conflict", "taken\tby 7")

        return StreamingResponse(body(), headers={"x-b": ["1", "2"], "x-a": ""}, cookies=["a=b; Path=/"])

    capture = await stream_client(handler).get()

    assert capture.render() == (
        "# stream v1, chunks\n"
        "status: 200\n"
        "x-b: 1\n"
        "x-b: 2\n"
        "x-a:\n"
        "content-type: application/octet-stream\n"
        "set-cookie: a=b; Path=/\n"
        "--- chunk 0  text 25 B\n"
        "| event: start\\r\n"
        "| data: 1\\r\n"
        "| \\r\n"
        "--- chunk 1  empty\n"
        "--- chunk 2  text 6 B  no-eol\n"
        "| no end\n"
        "=== end  3 chunks  31 B\n"
        "handler: failed(app.conflict)\n"
        "delivery: complete\n"
        "late error: app.conflict: AppError: taken\\tby 7\n"
    )
    assert capture.unseen_problems() == []


async def test_late_mutations_are_in_a_snapshot_without_their_line_of_code() -> None:
    """F3: an edit above it must not change the snapshot."""

    async def handler(event: object, context: object) -> StreamingResponse:
        async def body() -> AsyncIterator[str | bytes]:
            yield "one"
            response.headers["x-late"] = "1"

        response = StreamingResponse(body())
        return response

    capture = await stream_client(handler).get()

    assert capture.render().splitlines()[-1] == (
        "late mutation: header 'x-late' changed from nothing to ['1'] after chunk 0"
    )


@pytest.mark.parametrize(
    ("chunk", "lines"),
    [
        (b"", ["empty"]),
        (b"\n", ["text 1 B", "|"]),
        (b"a\n\nb\n", ["text 5 B", "| a", "|", "| b"]),
        (b"a\r\nb\rc", ["text 6 B  no-eol", r"| a\r", r"| b\rc"]),
        (b"a  \n b\t\n", ["text 8 B", r"| a \x20", r"|  b\t"]),
        (b"a\\rb", ["text 4 B  no-eol", r"| a\\rb"]),
        ("\ufeffé\u2028\x85\xa0😀".encode(), ["text 16 B  no-eol", r"| \ufeffé\u2028\u0085\u00a0😀"]),
        (b"\x1b[1m\x00", ["text 5 B  no-eol", r"| \x1b[1m\x00"]),
        (b"\xac\xe2\x82", ["text 3 B  no-eol", r"| \xac\xe2\x82"]),
        (b"{}" + bytes(8) + b"x", ["text 11 B  no-eol", "| {}" + r"\x00" * 8 + "x"]),
        (b"\x89PNG\r\n \xff", ["binary 8 B", "| 0000  89 50 4e 47 0d 0a 20 ff                          .PNG...."]),
    ],
)
def test_every_byte_of_a_chunk_is_visible(chunk: bytes, lines: list[str]) -> None:
    """CR, tabs, trailing blanks, BOM, NUL, ESC, a character cut in two; hex for what is no text."""
    assert blocks([chunk]) == [f"--- chunk 0  {lines[0]}", *lines[1:]]


def test_of_a_long_binary_chunk_the_rest_is_a_hash() -> None:
    """So that the snapshot stays short, and a change in what is not shown is noticed."""
    chunk = b"\xff" * HEX_SHOWN

    shown = blocks([chunk + b"\x01"])

    assert len(shown) == 1 + HEX_SHOWN // 16 + 1
    assert shown[-1].startswith("| … 1 more B, sha256 ")
    assert shown[-1] != blocks([chunk + b"\x02"])[-1]


awkward = st.sampled_from(
    [b"\n", b"\r", b"\r\n", b" ", b"\t", b"\\", b"| ", b"--- chunk 1  empty\n", b"=== end", b"\xe2\x82"]
)
pieces = st.lists(st.binary(max_size=20) | awkward | st.text(max_size=8).map(str.encode), max_size=4).map(b"".join)
long_binary = st.binary(min_size=1, max_size=3).map(lambda end: b"\xff" * (HEX_SHOWN - 1) + end)
chunk_lists = st.lists(pieces | long_binary, max_size=5)


@given(chunk_lists, chunk_lists)
def test_two_lists_of_chunks_never_look_the_same(one: list[bytes], other: list[bytes]) -> None:
    """Lossless: equal texts mean equal chunks, cut at the same places."""
    assert (blocks(one) == blocks(other)) == (one == other)


@given(pieces.filter(lambda piece: len(piece) <= HEX_SHOWN))
def test_a_chunk_can_be_read_back(chunk: bytes) -> None:
    """Lossless: the text gives every byte again, and no line of it is cut by anything but LF."""
    kind, lines = render_payload(chunk)

    assert read_payload(kind, lines) == chunk
    assert all(len(line.splitlines()) == 1 and line == line.rstrip() for line in lines)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_escaped_text_can_be_read_back(text: str) -> None:
    """Headers and messages lose nothing either."""
    assert unescape(escape(text)).decode() == text


def test_chunks_have_the_time_since_the_one_before() -> None:
    """A late chunk moves no other; one that the reader took later says so."""
    chunks = [b"a\n", b"b\n", b"c\n"]

    text = render_capture(transcript(chunks, [(0, 0), (0.1 + 0.2, 1.3), (15.3, None)]), chunks)

    assert [line for line in text.splitlines() if line.startswith(("---", "==="))] == [
        "--- chunk 0  +0 s  text 2 B",
        "--- chunk 1  +0.3 s, taken 1 s later  text 2 B",
        "--- chunk 2  +15 s  text 2 B",
        "=== end  at 16.3 s  3 chunks  6 B",
    ]


def test_the_timing_view_has_sizes_and_times_alone() -> None:
    """For a stream whose text is not the point."""
    chunks = [b"abc", b""]

    text = render_capture(transcript(chunks, [(1, 1), (2.5, 2.5)]), chunks, "timing")

    assert text.splitlines()[3:6] == [
        "--- chunk 0  +1 s  3 B",
        "--- chunk 1  +1.5 s  0 B",
        "=== end  at 3.5 s  2 chunks  3 B",
    ]


def test_the_body_view_does_not_show_where_it_was_cut() -> None:
    """W6: two ways to cut one body look the same, at any time."""
    euro = "€\n".encode()

    assert blocks([euro], "body") == ["--- body  text 4 B", "| €"]
    assert render_capture(transcript([euro]), [euro], "body") == render_capture(
        transcript([euro[:1], b"", euro[1:]], [(1, 1), (2, 2), (3, 3)]), [euro[:1], b"", euro[1:]], "body"
    )


def test_the_events_view_shows_what_a_client_gets() -> None:
    """W3: with the time of the chunk that completed each; what was left unfinished is there."""
    chunks = [b"id: 1\r\nevent: add\nretry: 5\nda", b"ta: a\ndata: \t\n\n: ping\n\nda", b"ta: b\n\n", b"data: c"]

    text = render_capture(transcript(chunks, [(0, 0), (1, 1), (3, 3), (4, 4)]), chunks, "events")

    assert text.splitlines()[3:14] == [
        "--- event 0  +1 s",
        "event: add",
        "id: 1",
        "retry: 5",
        "| a",
        r"| \t",
        "--- event 1  +2 s",
        "id: 1",
        "| b",
        "--- unfinished  an event that clients discard",
        "id: 1",
    ]


def test_a_response_without_a_head_has_a_snapshot() -> None:
    """A client that left before it has one."""
    nothing = Transcript(request_id="r", head=None, events=(), chunks=(), chunk_count=0, body_bytes=0)

    assert render_capture(nothing, []).splitlines()[1] == "status: none"


def test_an_unknown_view_is_refused() -> None:
    """With the views that there are."""
    with pytest.raises(UsageError, match="view must be 'chunks' or 'body' or 'events' or 'timing', not 'json'"):
        render_capture(transcript([]), [], "json")


async def test_the_redaction_of_a_snapshot() -> None:
    """It holds for header values, cookies, errors and the body across chunks, and sizes are those after it."""

    async def handler(event: object, context: object) -> StreamingResponse:
        async def body() -> AsyncIterator[str | bytes]:
            yield json.dumps({"id": "id-12"})[:-3]
            yield '2"}\n'
            raise AppError("app.conflict", "id-3 is taken")

        return StreamingResponse(body(), headers={"x-id": "id-44"}, cookies=["sid=id-5; Path=/"])

    text = (await stream_client(handler).get()).render(redact={"<id>": r"id-\d+"})

    assert text.splitlines()[2:] == [
        "x-id: <id>",
        "content-type: application/octet-stream",
        "set-cookie: sid=<id>; Path=/",
        "--- chunk 0  text 12 B  no-eol",
        '| {"id": "<id>',
        "--- chunk 1  text 3 B",
        '| "}',
        "=== end  2 chunks  15 B",
        "handler: failed(app.conflict)",
        "delivery: complete",
        "late error: app.conflict: AppError: <id> is taken",
    ]
