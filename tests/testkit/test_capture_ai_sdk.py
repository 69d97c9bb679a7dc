"""`capture.data_stream()`, `capture.ui_messages()` and what is asserted of them, in the coordinates of chunks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apptheory_streaming import (
    AppError,
    DataStreamPart,
    FormatError,
    StreamingResponse,
    UiMessagePart,
    data_stream,
    read_action,
    ui_message_stream,
)
from apptheory_streaming.errors import UsageError
from apptheory_testkit import Positioned, StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

DATA_HEADER = {"x-vercel-ai-data-stream": "v1"}
UI_HEADER = {"x-vercel-ai-ui-message-stream": "v1"}
DONE = b"data: [DONE]\n\n"


def captured(body: Any, headers: Any = None) -> StreamCapture:
    """Capture a response with this body in virtual time."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(body, headers=headers or {})

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(stream_client(handler).get())


def failure(claim: Callable[..., None], **options: Any) -> str:
    """The first line of what a claim says."""
    with pytest.raises(AssertionError) as caught:
        claim(**options)
    return str(caught.value).partition("\n")[0]


async def test_b16_the_text_of_the_source_document() -> None:
    """B16, B18: three lines, joined; a line break in text is no end of a line."""
    lines = b'0:"Hello"\n0:" wor\\nld"\n0:"!"\n'

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return data_stream([lines])

    parts = (await stream_client(handler).get()).data_stream()

    assert "".join(part.value for part in parts) == "Hello wor\nld!"


def test_b17_a_part_has_the_position_of_the_chunk_that_completed_it() -> None:
    """B17, D3: its number and its virtual time; the last line may be without LF."""

    async def body() -> AsyncIterator[bytes]:
        yield '0:"a"\n0:"é'.encode()[:-1]
        await asyncio.sleep(2)
        yield b""
        yield b'\xa9"'
        await asyncio.sleep(1)
        yield b'\n0:"c"'
        await asyncio.sleep(1)
        yield b""

    capture = captured(body())

    assert capture.data_stream(positions=True) == [
        Positioned(DataStreamPart("text", "a"), 0, 0.0),
        Positioned(DataStreamPart("text", "é"), 3, 3.0),
        Positioned(DataStreamPart("text", "c"), 3, 3.0),
    ]
    assert capture.data_stream() == capture.data_stream(positions=False)
    assert [part.value for part in capture.data_stream()] == ["a", "é", "c"]


def test_a_ui_part_has_the_position_of_the_chunk_that_completed_it() -> None:
    """D3: its blank line counts."""

    async def body() -> AsyncIterator[bytes]:
        yield b'data: {"type":"start"}\n'
        await asyncio.sleep(2)
        yield b'\ndata: {"type":"abort"}\n\ndata: {"type":"fin'

    capture = captured(body())

    assert capture.ui_messages(positions=True) == [
        Positioned(UiMessagePart("start"), 1, 2.0),
        Positioned(UiMessagePart("abort"), 1, 2.0),
    ]
    assert capture.ui_messages() == [UiMessagePart("start"), UiMessagePart("abort")]


@pytest.mark.parametrize(
    ("chunks", "place"),
    [
        ([b"Hello\n"], "byte 0 of chunk 0"),
        ([b'0:"a"\n', b"", b"0:", b"no\n"], "byte 0 of chunk 3"),
        ([b'0:"a"\n0:', b'"b"x\n'], "byte 3 of chunk 1"),
        ([b'0:"a"\nno', b"\n"], "byte 6 of chunk 0"),
        ([b'0:"a"\n', b"0:", b""], "the end, after chunk 2"),
    ],
    ids=repr,
)
def test_a_format_error_says_at_which_byte_of_which_chunk(chunks: list[bytes], place: str) -> None:
    """W5: of the chunks as the handler cut them."""
    with pytest.raises(FormatError) as caught:
        captured(chunks).data_stream()
    assert str(caught.value).endswith(f"({place})")


def test_a_format_error_of_ui_messages_says_it_too() -> None:
    """W5: where the event begins, or its JSON ends."""
    start, cut = b'data: {"type":"start"}\n\n', b'data: {"type":"text-delta","delta":"a"}\n\n'
    with pytest.raises(FormatError, match=r'text-delta part needs "id" \(byte 0 of chunk 1\)'):
        captured([start, cut]).ui_messages()
    with pytest.raises(FormatError, match=r"no JSON: .* \(byte 8 of chunk 2\)"):
        captured([start, b"data:", b' {"type"}\n\n']).ui_messages()


async def test_b14_an_error_before_the_stream_is_no_part_of_one() -> None:
    """B14: a value is JSON, an error is a response of its own; neither reads as parts."""

    async def handler(event: Any, context: Any) -> Any:
        if read_action(event).action == "value":
            return {"success": False, "error": "OpenAI API key not configured"}
        raise AppError("app.unauthorized", "no key")

    client = stream_client(handler)
    value, error = await client.invoke({"action": "value"}), await client.invoke({"action": "error"})

    assert value.json() == {"success": False, "error": "OpenAI API key not configured"}
    assert (error.status, error.json()["error"]["code"]) == (401, "app.unauthorized")
    for capture in (value, error):
        assert capture.headers["content-type"][0].startswith("application/json")
        with pytest.raises(FormatError, match="a line begins with a code and a colon"):
            capture.data_stream()
        assert "x-vercel-ai-data-stream: v1, not none" in failure(capture.assert_data_stream)


@pytest.mark.parametrize(
    "event",
    [
        {"action": "chat", "payload": {"messages": [{"content": "Hi"}]}},
        {"body": {"action": "chat", "payload": {"messages": [{"content": "Hi"}]}}},
        {"id": "c", "messages": [{"content": "Hi"}]},
    ],
    ids=["direct", "body", "useChat"],
)
async def test_b04_to_b06_one_handler_answers_all_three_shapes(event: Any) -> None:
    """B04, B05, B06: `client.invoke` hands over an event as it is."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        request = read_action(event)
        assert request.action == "chat"
        return data_stream(f"{message['content']}!" for message in request.payload["messages"])

    capture = await stream_client(handler).invoke(event)

    assert capture.data_stream() == [DataStreamPart("text", "Hi!")]
    capture.assert_data_stream()


async def test_b05_a_body_over_http_is_read_too() -> None:
    """B05: as JSON text in the event of a Function URL; anything else answers 400."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return data_stream([read_action(event).action])

    client = stream_client(handler)

    assert (await client.post("/", json={"action": "sum"})).data_stream() == [DataStreamPart("text", "sum")]
    assert (await client.post("/", json={"messages": []})).data_stream() == [DataStreamPart("text", "chat")]
    assert (await client.post("/", json={})).status == 400


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        ([b'0:"a"\n', b'2:[1]\na:{"toolCallId":"c","result":1}\n'], "part 2, byte 6 of chunk 1: tool_result: "),
        ([b'0:"a"\n', b"no\n", b'f:{"messageId":"m"}\n'], "byte 0 of chunk 1: no part of a data stream"),
        ([b'a:{"toolCallId":"c","result":1}\nno\n'], "part 0, byte 0 of chunk 0: tool_result: there is no tool call"),
        ([b'f:{"messageId":"m"}\n'], "its end: the step is never closed: part 0 opened it"),
        ([b'0:"a"\n0:"b'], "byte 8 of chunk 0: the value of a text part is no JSON"),
    ],
    ids=["a result", "no part", "a result before no part", "an open step", "cut off"],
)
def test_the_first_violation_of_a_data_stream_is_named(chunks: list[bytes], said: str) -> None:
    """W5, W6: its part, and the byte and the chunk at which that begins."""
    message = failure(captured(chunks, DATA_HEADER).assert_data_stream)
    assert message.startswith(f"the data stream is wrong at {said}")


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        (
            [b'data: {"type":"start"}\n\n', b'data: {"type":"text-delta","id":"t","delta":"a"}\n\n', DONE],
            'part 1, byte 0 of chunk 1: text-delta: there is no text block "t": text-start must come first',
        ),
        (
            [b'data: {"type":"start"}\n\ndata: {"ty', b'pe":"text-start","id":"t"}\n\n', DONE],
            'its end: text block "t" is never closed: part 1 opened it, text-end is missing',
        ),
        (
            [b': hi\n\ndata: {"type":"tool-output-available","toolCallId":"c","output":1}\n\n', DONE],
            'part 0, byte 6 of chunk 0: tool-output-available: there is no tool call "c"',
        ),
        ([b'data: {"type":"start"}\n\n'], "its end: data: [DONE] is missing"),
        ([], "its end: data: [DONE] is missing"),
        ([DONE, b'data: {"type":"start"}\n\n'], "byte 0 of chunk 1: start: it comes after [DONE]"),
        ([b"data: {}\n\n", DONE], 'byte 0 of chunk 0: a part must be an object whose "type" is text'),
    ],
    ids=["delta before start", "unclosed block", "output without input", "cut off", "nothing", "after", "no part"],
)
def test_the_first_violation_of_a_ui_message_stream_is_named(chunks: list[bytes], said: str) -> None:
    """W5, W6: its part, and the byte and the chunk at which that begins."""
    message = failure(captured(chunks, UI_HEADER).assert_ui_message_stream)
    assert message.startswith(f"the UI message stream is wrong at {said}")


@pytest.mark.parametrize("headers", [{}, {"x-vercel-ai-ui-message-stream": "v2"}], ids=["missing", "another"])
def test_a_missing_header_is_the_first_violation(headers: dict[str, str]) -> None:
    """R5: a client takes the response for something else."""
    capture = captured([b"data: no\n\n"], headers)
    got = headers.get("x-vercel-ai-ui-message-stream", "none")
    assert failure(capture.assert_ui_message_stream) == (
        f"a UI message stream has the header x-vercel-ai-ui-message-stream: v1, not {got}"
    )


def test_the_failure_shows_what_happened() -> None:
    """D3: with the times of the chunks."""
    with pytest.raises(AssertionError, match=r"chunk 0 .*0 s"):
        captured([b'f:{"messageId":"m"}\n'], DATA_HEADER).assert_data_stream()


def test_calls_of_earlier_messages_are_known_by_their_ids() -> None:
    """W6: a server may answer a call that an earlier response made."""
    capture = captured([b'a:{"toolCallId":"c","result":1}\n'], DATA_HEADER)
    capture.assert_data_stream(tool_calls=["c"])
    assert "no tool call" in failure(capture.assert_data_stream, tool_calls=["d"])
    output = b'data: {"type":"tool-output-available","toolCallId":"c","output":1}\n\n'
    captured([output, DONE], UI_HEADER).assert_ui_message_stream(tool_calls={"c": "weather"})


def test_a_version_holds_a_stream_to_its_own_parts() -> None:
    """W5: the latest unless another is named."""
    capture = captured([b'data: {"type":"custom","kind":"k"}\n\n', DONE], UI_HEADER)
    capture.assert_ui_message_stream()
    assert capture.ui_messages() == [UiMessagePart("custom", {"kind": "k"})]
    assert "'custom' is no part" in failure(capture.assert_ui_message_stream, version=6)
    with pytest.raises(FormatError, match="'custom' is no part"):
        capture.ui_messages(version=6)
    with pytest.raises(UsageError, match="one of 5, 6, 7"):
        capture.ui_messages(version=4)


def test_looking_at_parts_looks_at_no_problem() -> None:
    """F3: strict mode still fails a test for an error that came after them."""

    async def body() -> AsyncIterator[bytes]:
        yield b'0:"a"\n'
        raise RuntimeError("broken")

    capture = captured(body(), DATA_HEADER)
    capture.assert_data_stream()

    assert capture.data_stream() == [DataStreamPart("text", "a")]
    assert capture.unseen_problems() == ["late error after 1 chunk: app.internal: RuntimeError: broken"]


def test_what_the_helpers_write_follows_the_rules() -> None:
    """B16: read back part by part."""
    parts: list[object] = [{"type": "start"}, {"type": "start-step"}, "Hi", {"type": "finish-step"}, {"type": "finish"}]

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return ui_message_stream(parts)

    capture = stream_client(handler).sync.get()
    capture.assert_ui_message_stream(version=5)

    assert [part.type for part in capture.ui_messages()] == [
        "start",
        "start-step",
        "text-start",
        "text-delta",
        "text-end",
        "finish-step",
        "finish",
    ]
