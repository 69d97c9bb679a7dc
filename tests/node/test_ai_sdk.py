"""The npm packages of the AI SDK read what is written here, and write what is read here."""

import asyncio
import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest

from ai_sdk_cases import BAD_DATA, BAD_UI, DATA_PARTS, READ_DATA, READ_UI, UI_PARTS
from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import (
    UI_MESSAGE_STREAM_HEADERS,
    DataStreamDecoder,
    DataStreamPart,
    FormatError,
    RequestShape,
    UiMessageDecoder,
    UiMessagePart,
    data_stream,
    read_action,
    ui_message_stream,
)
from apptheory_streaming.wire.data_stream import encode_data_part
from apptheory_streaming.wire.data_stream_grammar import DATA_STREAM_GRAMMAR
from apptheory_streaming.wire.part_grammar import GrammarCheck, Part, PartGrammar
from apptheory_streaming.wire.ui_message_grammar import UI_MESSAGE_GRAMMAR
from apptheory_streaming.wire.ui_message_stream import encode_ui_part
from apptheory_testkit import stream_client
from npm_packages import ask_node

VERSIONS = [5, 6, 7]
DONE = b"data: [DONE]\n\n"
RUN = {"id": "c", "toolCallId": "c", "toolName": "t", "args": {}, "argsTextDelta": "", "result": 1}

# What the packages take and the readers here do not: bytes that are no UTF-8 become U+FFFD there, and an older zod,
# which checks the parts, does not ask for values that may be anything.
STRICTER_DATA = {"no UTF-8"}
STRICTER_UI = {"data without data"}


def ask(operation: str, **request: Any) -> Any:
    """Have the packages do something; skips, or fails where Node is required, if they are not there."""
    return ask_node("ai_sdk.mjs", {"operation": operation, **request})


def whole(stream: bytes) -> list[str]:
    """A stream as one chunk, as it goes to the packages."""
    return [base64.b64encode(stream).decode()] if stream else []


def single(stream: bytes) -> list[str]:
    """A stream byte by byte."""
    return [base64.b64encode(stream[at : at + 1]).decode() for at in range(len(stream))]


def refuses(decoder: DataStreamDecoder | UiMessageDecoder, stream: bytes) -> bool:
    """Whether a reader of ours refuses a stream."""
    try:
        decoder.feed(stream)
        decoder.close()
    except FormatError:
        return True
    return False


def data_parts(words: str) -> list[DataStreamPart]:
    """Parts of a data stream, each with all that it may need."""
    finish = {"finishReason": "stop"}
    values: dict[str, object] = {"text": "a", "start_step": {"messageId": "m"}}
    values |= {"finish_step": finish, "finish_message": finish}
    return [DataStreamPart(word, values.get(word, RUN)) for word in words.split()]


def ui_parts(words: str) -> list[UiMessagePart]:
    """Parts of a UI message stream, each with all that it may need."""
    fields: dict[str, object] = {"id": "c", "delta": "", "toolCallId": "c", "toolName": "t", "input": 1, "output": 1}
    fields |= {"inputTextDelta": "", "errorText": "e"}
    own: dict[str, dict[str, object]] = {"start": {}, "finish": {}, "start-step": {}, "finish-step": {}}
    return [UiMessagePart(word, own.get(word, fields)) for word in words.split()]


def breaks(grammar: PartGrammar, parts: Sequence[Part]) -> bool:
    """Whether parts come in an order that the grammar does not take."""
    check = GrammarCheck(grammar)
    return any(check.take(part) is not None for part in parts) or check.end() is not None


def test_data_parts_are_written_byte_for_byte_as_the_sdk_writes_them() -> None:
    """B16: every part, every kind of text."""
    written = ask("formatData", parts=[[part.type, part.value] for part, _ in DATA_PARTS.values()])
    assert written == [line for _, line in DATA_PARTS.values()]


def test_the_sdk_reads_what_data_stream_writes() -> None:
    """B16, B17: whole and byte by byte, through the response of a handler."""
    parts = [part for part, _ in DATA_PARTS.values()]

    async def handler(event: Any, context: Any) -> Any:
        return data_stream(parts)

    body = stream_client(handler).sync.get().body
    for answer in ask("readData", streams=[whole(body), single(body)]):
        assert [name for name, _ in answer["value"]] == [part.type for part in parts]
        texts = [value for name, value in answer["value"] if name == "text"]
        assert texts == [part.value for part in parts if part.type == "text"]


def test_the_sdk_skips_the_heartbeats_of_data_stream() -> None:
    """W4: empty lines at the beginning, between parts and at the end, in chunks of their own or byte by byte."""
    body = b'\n\n0:"Hel"\n\n\n0:"lo"\n\n'
    pieces = [base64.b64encode(line).decode() for line in body.splitlines(keepends=True)]

    for answer in ask("readData", streams=[whole(body), pieces, single(body)]):
        assert [value for name, value in answer["value"] if name == "text"] == ["Hel", "lo"]


@pytest.mark.parametrize("cut", [whole, single])
def test_the_sdk_and_the_decoder_refuse_the_same_data_streams(cut: Any) -> None:
    """W5: but for bytes that are no UTF-8, which the SDK replaces."""
    cases = {name: stream for name, (stream, *_) in (BAD_DATA | READ_DATA).items() if len(stream) < 1000}
    answers = ask("readData", streams=[cut(stream) for stream in cases.values()])
    refused = {name for name, answer in zip(cases, answers, strict=True) if "error" in answer}
    assert refused | STRICTER_DATA == {name for name, stream in cases.items() if refuses(DataStreamDecoder(), stream)}


def test_a_json_error_is_no_data_stream_for_the_sdk_either() -> None:
    """B14: what document 001 answers without a key."""
    (answer,) = ask("parseData", lines=['{"success":false,"error":"OpenAI API key not configured"}'])
    assert "Invalid code" in answer["error"]


def test_use_chat_of_version_4_follows_what_the_grammar_takes() -> None:
    """W6: and throws where a delta or a result has no call."""
    good = ["text text", "start_step text finish_step finish_message", "tool_call tool_result", "text finish_message"]
    good.append("tool_call_streaming_start tool_call_delta tool_call tool_result")
    bad = ["tool_result", "tool_call_delta", "text tool_result"]
    streams = [b"".join(map(encode_data_part, data_parts(words))) for words in good + bad]
    answers = ask("chatData", streams=[whole(stream) for stream in streams])
    assert ["error" in answer for answer in answers] == [False] * len(good) + [True] * len(bad)
    assert [breaks(DATA_STREAM_GRAMMAR, data_parts(words)) for words in good + bad] == [
        "error" in answer for answer in answers
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_ui_parts_are_written_byte_for_byte_as_the_sdk_writes_them(version: int) -> None:
    """W2: with `[DONE]` at the end, under the same headers but for `connection`."""
    written = ask("writeUi", version=version, parts=[json.loads(text) for _, text in UI_PARTS.values()])

    async def handler(event: Any, context: Any) -> Any:
        return ui_message_stream([part for part, _ in UI_PARTS.values()])

    capture = stream_client(handler).sync.get()
    assert base64.b64decode(written["body"]) == capture.body
    assert written["headers"] == dict(UI_MESSAGE_STREAM_HEADERS) | {"connection": "keep-alive"}
    decoder = UiMessageDecoder(version=version)
    assert decoder.feed(base64.b64decode(written["body"])) == [part for part, _ in UI_PARTS.values()]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_sdk_reads_what_ui_message_stream_writes(version: int) -> None:
    """W3, W6: whole and byte by byte, into the message that was meant."""
    items: list[object] = [
        {"type": "start", "messageId": "m1"},
        {"type": "start-step"},
        *("Grü", "ße\n", "😀"),
        {"type": "tool-input-available", "toolCallId": "c", "toolName": "add", "input": {"a": 1}},
        {"type": "tool-output-available", "toolCallId": "c", "output": 2},
        {"type": "finish-step"},
        {"type": "finish"},
    ]

    async def handler(event: Any, context: Any) -> Any:
        return ui_message_stream(items)

    capture = stream_client(handler).sync.get()
    capture.assert_ui_message_stream(version=version)
    for answer in ask("readUi", version=version, streams=[whole(capture.body), single(capture.body)]):
        message = answer["value"]["message"]
        assert message["id"] == "m1"
        step, text, tool = message["parts"]
        assert step == {"type": "step-start"}
        assert (text["type"], text["text"], text["state"]) == ("text", "Grüße\n😀", "done")
        assert (tool["type"], tool["state"], tool["output"]) == ("tool-add", "output-available", 2)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_sdk_and_the_decoder_refuse_the_same_ui_streams(version: int) -> None:
    """W5: but for values that may be anything, which an older zod does not ask for."""
    cases = {name: stream for name, (stream, *_) in BAD_UI.items()} | {
        f"read: {name}": b'data: {"type":"text-start","id":"t"}\n\n' + stream
        for name, (stream, _) in READ_UI.items()
        if name != "a BOM"
    }
    answers = ask("readUi", version=version, streams=[whole(stream) for stream in cases.values()])
    refused = {name for name, answer in zip(cases, answers, strict=True) if "error" in answer}
    ours = {name for name, stream in cases.items() if refuses(UiMessageDecoder(version=version), stream)}
    assert refused | STRICTER_UI == ours


@pytest.mark.parametrize("version", VERSIONS)
def test_the_sdk_follows_what_the_grammar_takes(version: int) -> None:
    """W6: and throws at a delta, an end or an output without what must come first."""
    good = [
        "start start-step text-start text-delta text-end finish-step finish",
        "reasoning-start reasoning-delta reasoning-end",
        "tool-input-start tool-input-available tool-output-available",
        "tool-input-start tool-input-error tool-output-error",
    ]
    bad = [
        "text-delta",
        "text-end",
        "text-start text-end text-delta",
        "reasoning-delta",
        "reasoning-start reasoning-end reasoning-end",
        "tool-input-delta",
        "tool-output-available",
        "tool-output-error",
    ]
    streams = [b"".join(map(encode_ui_part, ui_parts(words))) + DONE for words in good + bad]
    answers = ask("readUi", version=version, streams=[whole(stream) for stream in streams])
    assert ["error" in answer for answer in answers] == [False] * len(good) + [True] * len(bad)
    assert [breaks(UI_MESSAGE_GRAMMAR, ui_parts(words)) for words in good + bad] == [
        "error" in answer for answer in answers
    ]


@pytest.mark.streaming(clock="real")
@pytest.mark.parametrize("version", VERSIONS)
async def test_use_chat_asks_a_served_handler_and_reads_its_answer(
    version: int, function_url: FunctionUrlFactory
) -> None:
    """B06, W3: over HTTP, with the request and the transport of the SDK itself."""

    async def handler(event: Any, context: Any) -> Any:
        request = read_action(event)
        assert (request.action, request.shape, request.payload["id"]) == ("chat", RequestShape.CHAT, "c1")
        return ui_message_stream(["You said ", request.payload["messages"][0]["parts"][0]["text"]])

    url = await function_url(handler)
    parts = await asyncio.to_thread(ask, "chatUi", version=version, url=url, text="Grüße")

    assert [part["type"] for part in parts] == ["text-start", "text-delta", "text-delta", "text-end"]
    assert "".join(part.get("delta", "") for part in parts) == "You said Grüße"
    await url.settled()
