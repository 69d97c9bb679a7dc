"""B16 to B21: `data_stream` and `ui_message_stream`, and what they make of their arguments."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming import (
    DATA_STREAM_HEADERS,
    UI_MESSAGE_STREAM_HEADERS,
    AppError,
    DataStreamPart,
    InvalidResponse,
    StreamingResponse,
    StreamTypeError,
    UiMessagePart,
    data_stream,
    ui_message_stream,
)
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.ui_message_stream import encode_ui_part
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

CALL = DataStreamPart("tool_call", {"toolCallId": "c", "toolName": "t", "args": {}})
DONE = b"data: [DONE]\n\n"
BOTH = [(data_stream, DATA_STREAM_HEADERS), (ui_message_stream, UI_MESSAGE_STREAM_HEADERS)]


def captured(response: Callable[[], Any]) -> StreamCapture:
    """Capture a response in virtual time."""

    async def handler(event: Any, context: Any) -> Any:
        return response()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(stream_client(handler).get())


def _text(part_type: str, **fields: str) -> bytes:
    return encode_ui_part(UiMessagePart(part_type, {"id": "text-1", **fields}))


async def each(*items: object) -> AsyncIterator[object]:
    for item in items:
        yield item


@pytest.mark.parametrize("source", [list, iter, lambda items: each(*items)], ids=["list", "iterator", "async"])
def test_b16_each_part_is_a_chunk_of_its_own(source: Callable[[list[Any]], Any]) -> None:
    """W6: text is a text part, and bytes are parts that are encoded already (B21)."""
    items = ["Hello", DataStreamPart("text", " wor\nld"), b'0:"!"\n8:[1]\n', memoryview(b"2:[1]\n"), CALL]

    assert captured(lambda: data_stream(source(items))).chunks == [
        b'0:"Hello"\n',
        b'0:" wor\\nld"\n',
        b'0:"!"\n8:[1]\n',
        b"2:[1]\n",
        b'9:{"toolCallId":"c","toolName":"t","args":{}}\n',
    ]


def test_b19_the_text_protocol_sends_the_text_alone() -> None:
    """B19: as useChat with `streamProtocol: "text"` reads it, without the header of the format."""
    capture = captured(lambda: data_stream(["Hel", CALL, DataStreamPart("text", "lo\n"), b"raw"], protocol="text"))

    assert capture.chunks == [b"Hel", b"lo\n", b"raw"]
    assert capture.headers == {
        "content-type": ["text/plain; charset=utf-8"],
        "cache-control": ["no-cache"],
        "x-accel-buffering": ["no"],
    }


def test_b19_the_text_protocol_refuses_what_the_other_refuses() -> None:
    """R4: also a part that it leaves out."""
    capture = captured(lambda: data_stream(["a", DataStreamPart("data", "b")], protocol="text"))

    assert capture.chunks == [b"a"]
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)


def test_b19_another_protocol_is_refused() -> None:
    with pytest.raises(UsageError, match="protocol must be 'data' or 'text', not 'sse'"):
        data_stream([], protocol="sse")


@pytest.mark.parametrize(("helper", "preset"), BOTH, ids=["data", "ui"])
def test_the_head_of_a_format(helper: Callable[..., StreamingResponse], preset: dict[str, str]) -> None:
    """R5: the preset, unless the headers say otherwise; status and cookies by keyword."""
    assert captured(lambda: helper([])).headers == {name: [value] for name, value in preset.items()}
    capture = captured(lambda: helper([], status=201, headers={"Cache-Control": "no-store"}, cookies=["a=1"]))
    expected = {name: [value] for name, value in preset.items()} | {"cache-control": ["no-store"]}
    assert (capture.status, capture.headers, capture.cookies) == (201, expected, ["a=1"])


def test_the_presets_are_those_of_the_ai_sdk() -> None:
    """C17: and no `connection`, which belongs to the connection."""
    assert DATA_STREAM_HEADERS == {
        "content-type": "text/plain; charset=utf-8",
        "x-vercel-ai-data-stream": "v1",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }
    assert UI_MESSAGE_STREAM_HEADERS == {
        "content-type": "text/event-stream",
        "x-vercel-ai-ui-message-stream": "v1",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }


@pytest.mark.parametrize("source", [list, iter, lambda items: each(*items)], ids=["list", "iterator", "async"])
def test_ui_parts_and_mappings_are_events_and_done_is_last(source: Callable[[list[Any]], Any]) -> None:
    """W2: a chunk each; the type comes first."""
    items = [UiMessagePart("start", {"messageId": "m"}), {"data": 1, "type": "data-x"}, b'data: {"type":"abort"}\n\n']

    assert captured(lambda: ui_message_stream(source(items))).chunks == [
        b'data: {"type":"start","messageId":"m"}\n\n',
        b'data: {"type":"data-x","data":1}\n\n',
        b'data: {"type":"abort"}\n\n',
        DONE,
    ]


def test_text_is_the_delta_of_a_block_that_opens_and_closes_by_itself() -> None:
    """W6: numbered within the response, closed before any other part and at the end."""
    items: list[object] = [{"type": "start"}, "Hel", "lo", {"type": "data-x", "data": 1}, "!", ""]

    capture = captured(lambda: ui_message_stream(items))

    assert capture.ui_messages() == [
        UiMessagePart("start"),
        UiMessagePart("text-start", {"id": "text-1"}),
        UiMessagePart("text-delta", {"id": "text-1", "delta": "Hel"}),
        UiMessagePart("text-delta", {"id": "text-1", "delta": "lo"}),
        UiMessagePart("text-end", {"id": "text-1"}),
        UiMessagePart("data-x", {"data": 1}),
        UiMessagePart("text-start", {"id": "text-2"}),
        UiMessagePart("text-delta", {"id": "text-2", "delta": "!"}),
        UiMessagePart("text-delta", {"id": "text-2", "delta": ""}),
        UiMessagePart("text-end", {"id": "text-2"}),
    ]
    capture.assert_ui_message_stream()


@pytest.mark.parametrize(
    ("items", "chunks"),
    [
        ([], [DONE]),
        ([DONE], [DONE]),
        ([b"data: [DO", b"NE]\n\n"], [b"data: [DO", b"NE]\n\n"]),
        ([DONE, {"type": "abort"}], [DONE, b'data: {"type":"abort"}\n\n', DONE]),
        ([DONE, "Hi"], [DONE, *(_text("text-start"), _text("text-delta", delta="Hi"), _text("text-end")), DONE]),
        ([b"data: [DONE]\n"], [b"data: [DONE]\n", DONE]),
        ([b"data: [DONE]\r\n\r\n"], [b"data: [DONE]\r\n\r\n"]),
    ],
    ids=[
        "nothing",
        "given",
        "given in two pieces",
        "given too early",
        "text behind it",
        "given without its blank line",
        "given with CR LF",
    ],
)
def test_b21_done_comes_once(items: list[object], chunks: list[bytes]) -> None:
    """B21: not again where the bytes of another server ended in it."""
    assert captured(lambda: ui_message_stream(items)).chunks == chunks


@pytest.mark.parametrize("text", ["Hi", b'0:"Hi"\n', DataStreamPart("text", "Hi")], ids=["text", "bytes", "part"])
def test_r1_one_part_is_never_iterated(text: Any) -> None:
    """R1: text is one part, not one a character."""
    assert captured(lambda: data_stream(text)).chunks == [b'0:"Hi"\n']


@pytest.mark.parametrize("part", [{"type": "abort"}, UiMessagePart("abort")], ids=["mapping", "part"])
def test_r1_one_ui_part_is_never_iterated(part: Any) -> None:
    """R1: nor are the keys of a mapping."""
    assert captured(lambda: ui_message_stream(part)).chunks == [b'data: {"type":"abort"}\n\n', DONE]


def test_none_is_a_stream_without_parts() -> None:
    assert captured(lambda: data_stream(None)).chunks == []
    assert captured(lambda: ui_message_stream(None)).chunks == [DONE]


@pytest.mark.parametrize("helper", [data_stream, ui_message_stream])
def test_what_is_no_source_of_parts_is_refused(helper: Callable[..., StreamingResponse]) -> None:
    with pytest.raises(UsageError, match="parts must be an iterable of them, sync or async, not int"):
        helper(7)


@pytest.mark.parametrize(
    ("helper", "item", "error"),
    [
        (data_stream, {"a": 1}, StreamTypeError),
        (data_stream, 7, StreamTypeError),
        (data_stream, DataStreamPart("text", 7), InvalidResponse),
        (ui_message_stream, 7, StreamTypeError),
        (ui_message_stream, {"id": "t"}, InvalidResponse),
        (ui_message_stream, {"type": 7}, InvalidResponse),
        (ui_message_stream, {"type": "text-start"}, InvalidResponse),
        (ui_message_stream, "\ud800", InvalidResponse),
    ],
    ids=[
        "mapping",
        "number",
        "value",
        "ui number",
        "ui without type",
        "ui type",
        "ui field",
        "ui surrogate",
    ],
)
def test_a_wrong_part_fails_the_stream_where_it_stands(
    helper: Callable[..., StreamingResponse], item: object, error: type[Exception]
) -> None:
    """R2, E3: what came before it stays; the source is closed."""
    closed: list[bool] = []

    def source() -> Iterator[object]:
        try:
            yield b"before"
            yield item
        finally:
            closed.append(True)

    capture = captured(lambda: helper(source()))

    assert capture.chunks[0] == b"before"
    assert DONE not in capture.chunks
    assert capture.error is not None
    assert isinstance(capture.error.exception, error)
    assert closed == [True]


def test_e3_a_late_error_leaves_the_stream_without_its_end() -> None:
    """E3: so that a client can tell."""

    async def source() -> AsyncIterator[object]:
        yield "Hel"
        raise RuntimeError("broken")

    capture = captured(lambda: ui_message_stream(source()))

    assert capture.stream_error_code == "app.internal"
    assert len(capture.chunks) == 2
    assert b"[DONE]" not in capture.body
    assert captured(lambda: data_stream(source())).chunks == [b'0:"Hel"\n']


@pytest.mark.parametrize(
    ("error", "said"),
    [(AppError("app.overloaded", "try later"), "try later"), (RuntimeError("secret"), "internal error")],
    ids=["with a code", "without"],
)
def test_e31_a_late_error_may_be_a_part(error: Exception, said: str) -> None:
    """E31, E3: nothing private leaves, and the error goes on as before."""

    async def source() -> AsyncIterator[object]:
        yield "Hel"
        raise error

    data = captured(lambda: data_stream(source(), error_parts=True))
    ui = captured(lambda: ui_message_stream(source(), error_parts=True))

    assert data.data_stream() == [DataStreamPart("text", "Hel"), DataStreamPart("error", said)]
    assert ui.ui_messages()[2:] == [UiMessagePart("error", {"errorText": said})]
    for capture, claim in ((data, data.assert_data_stream), (ui, ui.assert_ui_message_stream)):
        claim()
        assert capture.error is not None
        assert capture.error.late
        assert capture.error.exception is error


@pytest.mark.parametrize("helper", [data_stream, ui_message_stream])
@pytest.mark.parametrize("before", [[], [b'0:"a']], ids=["nothing", "half a part"])
def test_e31_an_error_is_no_part_where_none_can_stand(
    helper: Callable[..., StreamingResponse], before: list[object]
) -> None:
    """E2, W1: before the first chunk it is a response of its own; in the middle of bytes it would become part of them."""

    def source() -> Iterator[object]:
        yield from before
        raise AppError("app.overloaded", "try later")

    capture = captured(lambda: helper(source(), error_parts=True))

    assert capture.status == (200 if before else 503)
    assert capture.chunks == before if before else capture.json()["error"]["message"] == "try later"
    assert capture.stream_error_code == ("app.overloaded" if before else None)


def test_e31_the_text_protocol_has_no_part_for_an_error() -> None:
    def source() -> Iterator[object]:
        yield "a"
        raise AppError("app.overloaded", "try later")

    assert captured(lambda: data_stream(source(), protocol="text", error_parts=True)).chunks == [b"a"]


@pytest.mark.parametrize(("options", "beats"), [({}, 2), ({"heartbeat": 10}, 4), ({"heartbeat": None}, 0)], ids=str)
def test_w4_a_ui_message_stream_has_a_heartbeat(options: dict[str, Any], beats: int) -> None:
    """W4: as `sse_stream` has; clients skip comments."""

    async def slow() -> AsyncIterator[object]:
        yield {"type": "start"}
        await asyncio.sleep(44)
        yield {"type": "finish"}

    capture = captured(lambda: ui_message_stream(slow(), **options))

    assert capture.body.count(b": keep-alive\n\n") == beats
    assert [part.type for part in capture.ui_messages()] == ["start", "finish"]
    capture.assert_ui_message_stream()


@pytest.mark.parametrize(
    ("options", "beats"), [({}, []), ({"heartbeat": 15}, [15, 30]), ({"heartbeat": 0}, [])], ids=str
)
def test_w4_a_data_stream_may_have_empty_lines_as_heartbeats(options: dict[str, Any], beats: list[float]) -> None:
    """W4: the format has no comment, so there is none unless it is asked for; readers skip empty lines."""

    async def slow() -> AsyncIterator[object]:
        yield "Hello"
        await asyncio.sleep(44)
        yield " world"

    capture = captured(lambda: data_stream(slow(), **options))

    records = capture.transcript.chunks
    assert [record.produced_at for record in records if capture.chunks[record.index] == b"\n"] == beats
    assert [part.value for part in capture.data_stream()] == ["Hello", " world"]
    assert len(capture.chunks) == 2 + len(beats)
    capture.assert_data_stream()


def test_w4_no_heartbeat_stands_inside_a_line() -> None:
    """W4: bytes of the source may have left one open; an error behind heartbeats alone is a late one, as it is there."""

    async def cut() -> AsyncIterator[object]:
        await asyncio.sleep(12)
        yield b'0:"Hel'
        await asyncio.sleep(12)
        yield b'lo"\n'
        await asyncio.sleep(12)
        raise AppError("app.overloaded", "try later")

    capture = captured(lambda: data_stream(cut(), heartbeat=10, error_parts=True))

    assert capture.chunks == [b"\n", b'0:"Hel', b'lo"\n', b"\n", b'3:"try later"\n']
    capture.assert_error("app.overloaded", late=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heartbeat": 15, "protocol": "text"}, "the text protocol has no heartbeat: all that is sent is text"),
        ({"heartbeat": -1}, "heartbeat must be a number of seconds"),
    ],
    ids=["text", "negative"],
)
def test_w4_a_heartbeat_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    """W4: at the call."""
    with pytest.raises(UsageError, match=message):
        data_stream(["a"], **options)
    data_stream(["a"], protocol="text", heartbeat=None)


def test_e16_a_part_goes_out_when_it_is_made() -> None:
    """E16: none waits for the next."""

    async def slow() -> AsyncIterator[object]:
        for word in ("one", "two", "three"):
            yield word
            await asyncio.sleep(1)

    assert [part.at for part in captured(lambda: data_stream(slow())).data_stream(positions=True)] == [0.0, 1.0, 2.0]
