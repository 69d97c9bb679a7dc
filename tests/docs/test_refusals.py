"""What the pages of the formats say is refused, is refused, with the error that the page names."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from apptheory_streaming import (
    AppError,
    CsvReader,
    DataStreamDecoder,
    DataStreamPart,
    EventLog,
    NdjsonReader,
    NdjsonWriter,
    ServerSentEvent,
    SseWriter,
    StreamingResponse,
    UiMessageDecoder,
    UiMessagePart,
    csv_stream,
    data_stream,
    errors,
    file_stream,
    gai_stream,
    html_json,
    html_parts,
    html_stream,
    ndjson_stream,
    openai_stream,
    read_action,
    replay,
    sse_stream,
    streamify_response,
    ui_message_stream,
)
from apptheory_streaming.wire.gai_events import GaiDone, GaiTextDelta
from apptheory_streaming.wire.openai_chunks import read_openai_chunks
from apptheory_testkit import StreamCapture, gai_events, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CELL = r"((?:[^|\n]|(?<=`)\|(?=`))+)"
ROW = re.compile(rf"^\| {CELL} \|(?:(.*)\|)?$", re.MULTILINE)

Refused = Callable[[], object]

LOOP: list[object] = []
LOOP.append(LOOP)
MANY_DIGITS = b"1" * 5000
DEEP = b"[" * 200_000


class Nothing:
    """A file that takes everything."""

    def write(self, data: bytes, /) -> int:
        """Count it."""
        return len(data)


def captured(make: Callable[[], Any]) -> StreamCapture:
    """The capture of what a function makes, in virtual time."""

    async def handler(event: Any, context: Any) -> Any:
        return make()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(stream_client(handler).get())


def sent(make: Callable[[], Any]) -> Refused:
    """What raises the error of a handler that returns this."""

    def refused() -> None:
        error = captured(make).error
        if error is not None and error.exception is not None:
            raise error.exception

    return refused


def each(helper: Callable[..., Any], *items: object, **options: Any) -> list[Refused]:
    """A response for each item alone, and one for it behind a good one where that is `ok`."""
    return [sent(lambda item=item: helper([item], **options)) for item in items]  # type: ignore[misc]


def calls(function: Callable[..., object], *arguments: object, **options: Any) -> list[Refused]:
    """A call for each argument."""
    return [lambda one=one: function(one, **options) for one in arguments]  # type: ignore[misc]


def options(function: Callable[..., object], first: object, **values: list[Any]) -> list[Refused]:
    """A call for each value of each option."""
    return [
        lambda name=name, value=value: function(first, **{name: value})  # type: ignore[misc]
        for name, several in values.items()
        for value in several
    ]


def read(reader: Callable[..., Any], *streams: bytes, **keywords: Any) -> list[Refused]:
    """A reading of each stream, whole."""
    return [lambda one=one: list(reader(one, **keywords)) for one in streams]  # type: ignore[misc]


def decoded(decoder: Callable[[], Any], *streams: bytes) -> list[Refused]:
    """The same with a decoder."""

    def refused(stream: bytes) -> None:
        made = decoder()
        made.feed(stream)
        made.close()

    return [lambda one=one: refused(one) for one in streams]  # type: ignore[misc]


def mixed(reader: Callable[[Any], Any]) -> list[Refused]:
    """`for` over what comes asynchronously, and `async for` over what does not."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"1\n"

    async def wrong() -> None:
        async for _ in reader([b"1\n"]):
            pass

    return [lambda: list(reader(chunks())), lambda: asyncio.run(wrong())]


def checked(method: str, *streams: StreamingResponse | list[Any], make: Any = None) -> list[Refused]:
    """An assertion of a capture, on each stream."""
    return [
        lambda one=one: getattr(captured(lambda: one if make is None else make(one)), method)()  # type: ignore[misc]
        for one in streams
    ]


def awaited(make: Callable[[], Awaitable[object]]) -> Refused:
    """A call that has to be awaited."""

    async def main() -> None:
        await make()

    return lambda: asyncio.run(main())


def write_behind_the_end() -> None:
    """An event behind the end of a response."""

    @streamify_response
    async def handler(event: Any, stream: Any, context: Any) -> None:
        await stream.end()
        SseWriter(stream).write_event("late")

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        error = runner.run(stream_client(handler).get()).error
    assert error is not None
    assert error.exception is not None
    raise error.exception


def append_behind_the_end() -> None:
    """An event behind the end of a log."""
    log = EventLog()
    log.end()
    log.append("late")


def full_log() -> EventLog:
    """A log that has forgotten its first event."""
    log = EventLog(max_events=1, prefix="a-")
    for text in ("one", "two"):
        log.append(text)
    return log


def injections(field: str) -> list[Refused]:
    """An event with each of the three characters in a field."""
    return each(sse_stream, *(ServerSentEvent("a", **{field: f"a{one}b"}) for one in "\r\n\0"))  # type: ignore[arg-type]


def gone_file(tmp_path: Path) -> Refused:
    """A file that goes between the response and its first chunk."""

    def make() -> StreamingResponse:
        path = tmp_path / "gone.txt"
        path.write_text("a")
        response = file_stream(path)
        path.unlink()
        return response

    return sent(make)


def shrinking_file(tmp_path: Path) -> Refused:
    """A file that is shorter than its part by then."""

    def make() -> StreamingResponse:
        path = tmp_path / "short.txt"
        path.write_bytes(b"x" * 100)
        response = file_stream(path, event={"headers": {"range": "bytes=0-99"}}, chunk_size=10)
        path.write_bytes(b"x" * 50)
        return response

    return sent(make)


def files(tmp_path: Path) -> dict[str, list[Refused]]:
    """The rows of the page on files."""
    there = tmp_path / "there.txt"
    there.write_text("a")
    odd = tmp_path / "two\nlines.txt"
    odd.write_text("a")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    missing = calls(file_stream, tmp_path / "missing", tmp_path, pipe, "a\0b", tmp_path / ("a" * 300))
    return {
        "what is no file": [*missing, gone_file(tmp_path)],
        "a `filename`": options(file_stream, there, filename=["", "a/b", "a\\b"]),
        "a name, given": [
            *options(file_stream, there, filename=["a\nb", "a\0", "\x1b", "a\r"]),
            *calls(file_stream, odd),
        ],
        "a `chunk_size`": [
            *options(file_stream, there, chunk_size=[0, True, 1.5], event=[7]),
            *calls(file_stream, 7, None),
        ],
        "a file that shrinks": [shrinking_file(tmp_path)],
    }


NO_JSON = [{1, 2}, b"a", date(2026, 1, 1), object()]
NO_VALUE = [float("nan"), float("inf"), "\ud800", LOOP]

SSE: dict[str, list[Refused]] = {
    "CR, LF or NUL": [*injections("id"), *injections("event")],
    "`id`, `event` or": each(
        sse_stream,
        *(ServerSentEvent("a", **{field: 7}) for field in ("id", "event", "comment")),  # type: ignore[arg-type]
    ),
    "`retry` that": each(sse_stream, *(ServerSentEvent("a", retry=one) for one in (-1, True, "5", 2**53, 10**5000))),  # type: ignore[arg-type]
    "data without": each(sse_stream, float("nan"), float("inf"), {1}, object(), [b"a"], LOOP),
    "text without a": each(sse_stream, "\ud800", ServerSentEvent("a", event="\udfff")),
    "fields beside": options(SseWriter(Nothing()).write_event, ServerSentEvent("a"), event=["e"], id=["1"], retry=[5]),
    "bytes, in": calls(SseWriter(Nothing()).write_event, b"data: a\n\n", bytearray(b"a"), memoryview(b"a")),
    "`done_event`": options(sse_stream, [], done_event=[object(), ServerSentEvent("a", retry=-1)]),
    "`error_events`": [
        *options(
            sse_stream, [], error_events=["yes", 1], sort_keys=["yes", 1], heartbeat=["15", -1, float("nan"), True]
        ),
        *calls(sse_stream, 5, object()),
    ],
    "an event with an id": calls(EventLog().append, ServerSentEvent("a", id="1")),
    "`max_events`": [
        lambda: EventLog(max_events=0),
        *options(lambda _, **o: EventLog(**o), 0, prefix=["é", " a", "\n"]),
    ],
    "an `SseWriter` on": calls(SseWriter, 5, None),
    "an event behind": [write_behind_the_end, append_behind_the_end],
    "a `Last-Event-ID`": [
        awaited(lambda: full_log().events_after("b-1")),
        awaited(lambda: full_log().events_after("")),
        sent(lambda: sse_stream(replay(full_log(), "a-9"))),
    ],
}

NDJSON: dict[str, list[Refused]] = {
    "an item without": [*each(ndjson_stream, *NO_JSON), *calls(NdjsonWriter(Nothing()).write, *NO_JSON)],
    "NaN, infinity, text": [*each(ndjson_stream, *NO_VALUE), *calls(NdjsonWriter(Nothing()).write, *NO_VALUE)],
    "`timestamp`": each(ndjson_stream, [1], "a", None, timestamp=True),
    "`flush_bytes`": [
        *options(ndjson_stream, [], flush_bytes=[0, True, "1"], flush_interval=[0, -1, "1"]),
        *calls(ndjson_stream, 5),
    ],
    "`max_line_bytes`": [*options(NdjsonReader, b"", max_line_bytes=[0, True, "1"]), *read(NdjsonReader, 5)],  # type: ignore[arg-type]
    "a line that is": read(NdjsonReader, b"x\n", b"1 2\n", b"'a'\n", b"{}{}\n"),
    "a value over": read(NdjsonReader, b'{"a":\n1}\n', b'{"a":'),
    "CR alone": read(NdjsonReader, b"1\r2\n", "1\u20282\n".encode(), "1\x852\n".encode()),
    "NaN, Infinity": read(NdjsonReader, b"NaN\n", b"[Infinity]\n", b"-Infinity\n"),
    "bytes that": read(NdjsonReader, b'"\xff"\n', "1\n".encode("utf-16"), b"1\n\xef\xbb\xbf2\n"),
    "a number": read(NdjsonReader, MANY_DIGITS + b"\n", DEEP + b"\n"),
    "a line over": read(NdjsonReader, b"12345\n", b"123456", max_line_bytes=4),
    "`for` over": mixed(NdjsonReader),
}


def generator() -> Iterator[int]:
    """A row that is none."""
    yield 1


CSV: dict[str, list[Refused]] = {
    "a row that is none": each(csv_stream, "a", b"a", 7, None, generator()),
    "a row with a column": [
        sent(lambda: csv_stream([{"a": 1}, {"b": 1}])),
        sent(lambda: csv_stream([[1, 2], [1]])),
        sent(lambda: csv_stream([[1], [1, 2]])),
    ],
    "a row without": [
        *each(csv_stream, [], {}, {7: 1}),
        sent(lambda: csv_stream([[1], {"a": 1}])),
    ],
    "a value that": each(csv_stream, [[1]], [{"a": 1}], [b"a"], [object()]),
    "text with": each(csv_stream, ["\ud800"]),
    "`columns`": [
        *options(csv_stream, [], columns=["ab", [], ["a", "a"]], delimiter=[",,", "é", '"', "\r", "\n", "\0", ""]),
        *options(CsvReader, b"", delimiter=[",,", "é", '"', "\r", "\n", "\0", ""]),
    ],
    "text, bytes, one": calls(csv_stream, "a", b"a", {"a": 1}, 7),
    "`max_row_bytes`": [
        *options(CsvReader, b"", max_row_bytes=[0, True, "1"]),
        *read(CsvReader, 5),  # type: ignore[arg-type]
        *mixed(CsvReader),
    ],
    "a quote": read(CsvReader, b'a"b\n', b'"a"b\n', b'"a\n'),
    "CR without": read(CsvReader, b"a\rb\n", b"a\r"),
    "a row with more": read(CsvReader, b"a,b\n1\n", b"a\n1,2\n", b"a,a\n1,2\n"),
    "bytes that": read(CsvReader, b"\xff\n", "a,b\n".encode("utf-16")),
    "a row over": read(CsvReader, b"12345\n", b"123456", max_row_bytes=4),
}


async def no_part() -> str:
    """A part of a page."""
    return ""


async def bytes_part() -> bytes:
    """What gives no text."""
    return b""


HTML: dict[str, list[Refused]] = {
    "a chunk": [*each(html_stream, 5, None, ["a"]), sent(lambda: html_stream(["a", 5]))],  # type: ignore[list-item]
    "a body": [sent(lambda: html_stream(5)), sent(lambda: html_stream(object()))],  # type: ignore[arg-type]
    "a part whose": [
        lambda name=name: html_parts(f'<slot name="{name}">', {name: no_part})  # type: ignore[misc]
        for name in ("", "1", "a b", "é", 'a"')
    ],
    "a part without": [lambda: html_parts("<main>", {"a": no_part})],
    "a part that": [
        sent(lambda: html_stream(html_parts('<slot name="a">', {"a": lambda: "text"}))),  # type: ignore[dict-item, return-value]
        sent(lambda: html_stream(html_parts('<slot name="a">', {"a": bytes_part}))),  # type: ignore[dict-item]
    ],
    "a value without": calls(html_json, {1}, float("nan"), object()),
}

TEXT = DataStreamPart("text", "a")
START = DataStreamPart("start_step", {"messageId": "m"})
END = DataStreamPart("finish_step", {"finishReason": "stop", "isContinued": False})
FINISH = DataStreamPart("finish_message", {"finishReason": "stop"})
INPUT = DataStreamPart("tool_call_streaming_start", {"toolCallId": "c", "toolName": "t"})
DELTA = DataStreamPart("tool_call_delta", {"toolCallId": "c", "argsTextDelta": ""})
RESULT = DataStreamPart("tool_result", {"toolCallId": "c", "result": 1})

DATA_STREAM: dict[str, list[Refused]] = {
    "a type that": each(
        data_stream, DataStreamPart("none", 1), DataStreamPart("text", 1), DataStreamPart("tool_call", {})
    ),
    "a value without": each(data_stream, *(DataStreamPart("data", [one]) for one in ({1}, float("nan"), "\ud800"))),
    "an item": each(data_stream, 5, None, {"type": "text"}),
    "parts that": [
        *calls(data_stream, 5, object()),
        *options(data_stream, [], protocol=["sse", None], heartbeat=["15", -1, True]),
        lambda: data_stream([], protocol="text", heartbeat=15),
    ],
    "a line without": decoded(DataStreamDecoder, b'{"error":{}}\n', b"hello\n"),
    "a code": decoded(DataStreamDecoder, b"4:[]\n", b' 0:"a"\n', b"\r\n"),
    "a value that is": decoded(DataStreamDecoder, b"0:a\n", b'0:"a', b"0:1\n", b"2:[NaN]\n"),
    "bytes that": decoded(DataStreamDecoder, b'0:"\xff"\n', b'0:"a"\n\xef\xbb\xbf0:"b"\n'),
    "no header": [
        *checked("assert_data_stream", StreamingResponse(b'0:"a"\n')),
        *checked("assert_data_stream", data_stream([TEXT], protocol="text")),
    ],
    "`tool_result`": checked("assert_data_stream", [RESULT], [DELTA], make=data_stream),
    "a streamed tool": checked(
        "assert_data_stream", [INPUT], [START], [START, START], [INPUT, INPUT], make=data_stream
    ),
    "no `finish_message`": checked(
        "assert_data_stream", [START, END], [FINISH, FINISH], [FINISH, TEXT], make=data_stream
    ),
}


def ui(*words: str) -> list[UiMessagePart]:
    """Parts of a UI message stream, each with all that it may need."""
    blocks = {"id": "t", "delta": "a", "toolCallId": "c", "toolName": "t", "input": 1, "output": 1, "errorText": "e"}
    fields: dict[str, Any] = {**blocks, "approvalId": "a", "data": 1}
    plain = ("start", "finish", "start-step", "finish-step", "reset-step")
    return [UiMessagePart(word, {} if word in plain else fields) for word in words]


def ui_checked(*orders: str) -> list[Refused]:
    """The assertion on parts in each of these orders."""
    return checked("assert_ui_message_stream", *(ui(*order.split()) for order in orders), make=ui_message_stream)


UI_MESSAGES: dict[str, list[Refused]] = {
    "a type that is": each(
        ui_message_stream,
        {"type": "none"},
        {"id": "a"},
        {"type": 7},
        {"type": "text-delta", "id": "a"},
        {"type": "text-start", "id": 7},
        UiMessagePart("start", {"type": "start"}),
    ),
    "a value without": each(ui_message_stream, *({"type": "data-a", "data": x} for x in ({1}, float("nan"), "\ud800"))),
    "an item": each(ui_message_stream, 5, None),
    "parts that": [*calls(ui_message_stream, 5), *options(ui_message_stream, [], heartbeat=["15", -1, True])],
    "data that": decoded(UiMessageDecoder, *(b"data: %b\n\n" % x for x in (b"x", b"[]", b'{"type":1}', b"{}", b"NaN"))),
    "a type that this": [
        *decoded(UiMessageDecoder, b'data: {"type":"none"}\n\n', b'data: {"type":"text-start"}\n\n'),
        *decoded(UiMessageDecoder, b'data: {"type":"text-start","id":7}\n\n'),
        *decoded(lambda: UiMessageDecoder(version=5), b'data: {"type":"custom","kind":"k"}\n\n'),
    ],
    "no header": checked("assert_ui_message_stream", StreamingResponse(b"data: [DONE]\n\n")),
    "a delta or": ui_checked(
        "text-delta", "text-end", "reasoning-delta", "tool-input-delta", "text-start text-start", "text-start finish"
    ),
    "an output": ui_checked(
        "tool-output-available", "tool-output-error", "tool-approval-request", "tool-output-denied"
    ),
    "a step in": ui_checked(
        "start-step start-step",
        "start-step text-start finish-step",
        "start-step",
        "start-step finish",
        "finish-step",
        "reset-step",
    ),
    "`start` or": ui_checked(
        "start start",
        "finish finish",
        "text-start text-end start",
        "finish start-step",
    ),
    "no `[DONE]`": [
        *checked(
            "assert_ui_message_stream",
            *(
                StreamingResponse(body, headers={"x-vercel-ai-ui-message-stream": "v1"})
                for body in (b'data: {"type":"start"}\n\n', b'data: [DONE]\n\ndata: {"type":"start"}\n\n')
            ),
        ),
    ],
    "a version": [
        *options(lambda _, **o: UiMessageDecoder(**o), 0, version=[4, 8, "5"]),
        lambda: captured(lambda: ui_message_stream([])).assert_ui_message_stream(version=4),
        lambda: captured(lambda: ui_message_stream([])).ui_messages(version=8),
    ],
}


def gai_read(*chunks: bytes, content_type: str = "text/event-stream") -> list[Refused]:
    """A reading of each of these streams of gai."""
    head = {"content-type": content_type}
    return [
        lambda one=one: gai_events(captured(lambda: StreamingResponse(one, headers=head)))  # type: ignore[misc]
        for one in chunks
    ]


def openai_read(body: bytes) -> Refused:
    """A reading of a stream of OpenAI."""
    return lambda: read_openai_chunks(captured(lambda: StreamingResponse(body)).sse())


GAI: dict[str, list[Refused]] = {
    "a field": each(gai_stream, GaiTextDelta(7), {"type": "start"}, 7),  # type: ignore[arg-type]
    "an event behind": [sent(lambda: gai_stream([GaiDone(), "a"]))],
    "a value without": [
        *each(gai_stream, GaiTextDelta("\ud800")),
        *each(openai_stream, object(), float("nan")),
    ],
    "text or another": [
        *calls(gai_stream, "a", 5, b"a"),
        *options(gai_stream, [], form=["xml"], retry=[-1, True, "5"], heartbeat=["15", -1]),
        *calls(openai_stream, 5),
    ],
    "reading: a type": [
        *gai_read(
            b"event: none\ndata: {}\n\n",
            b"event: text_delta\ndata: {}\n\n",
            b'event: text_delta\ndata: {"text":1}\n\n',
            b"event: text_delta\ndata: {\n\n",
            b'event: audio_delta\ndata: {"audio":"?","format":null}\n\n',
        ),
        *gai_read(b"{}\n", b'{"type":"none"}\n', b"x\n", b"[]\n", content_type="application/x-ndjson"),
    ],
    "reading: a stream": [openai_read(b"data: {}\n\n"), openai_read(b"data: [DONE]\n\ndata: {}\n\n")],
}

CHAT_REQUESTS: dict[str, list[Refused]] = {
    "an event that": calls(read_action, None, "a", [1]),
    "neither": calls(read_action, {}, {"body": {}}, {"body": '{"question":"a"}'}),
    "a body that": calls(
        read_action, {"body": None}, {"body": "[1]"}, {"body": "{"}, {"body": "?", "isBase64Encoded": True}
    ),
    "an `action`": calls(read_action, {"action": 7}, {"action": ""}, {"action": None, "messages": []}),
    "`messages`": calls(read_action, {"messages": "Hi"}, {"body": {"messages": None}}),
}

PAGES: dict[str, dict[str, list[Refused]]] = {
    "sse": SSE,
    "ndjson": NDJSON,
    "csv": CSV,
    "files": {},  # made with files
    "html": HTML,
    "data-stream": DATA_STREAM,
    "ui-message-stream": UI_MESSAGES,
    "gai": GAI,
    "chat-requests": CHAT_REQUESTS,
}


def rows(page: str) -> dict[str, tuple[type[BaseException], ...]]:
    """What is refused -> the errors of its row, or of the row above it where that says `the same`."""
    _, _, text = (REFERENCE / f"{page}.md").read_text().partition("## What is refused\n")
    table = text.partition("\n## ")[0]
    every = [line.strip("|").split(" | ") for line in re.findall(r"^\|.+\|$", table, re.MULTILINE)][2:]
    found: dict[str, tuple[type[BaseException], ...]] = {}
    kinds: tuple[type[BaseException], ...] = (AppError,)
    for what, *more in every:
        named = [name for name in re.findall(r"`(\w+)`", more[-1] if more else "") if name[0].isupper()]
        if named:
            kinds = tuple(AssertionError if name == "AssertionError" else getattr(errors, name) for name in named)
        found[what.strip()] = kinds
    return found


def error_of(refused: Refused) -> BaseException | None:
    """What a case raises; the code of an error is one for the client's mistakes."""
    try:
        refused()
    except AppError as error:
        return error if error.code in ("app.not_found", "app.bad_request") else None
    except Exception as error:  # noqa: BLE001 - the caller looks at its type
        return error
    return None


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_a_page_is_refused_with_its_error(page: str, tmp_path: Path) -> None:
    """W2, W3, W5: each case raises the error that its row names, and each row has cases, and each case a row."""
    cases = PAGES[page] or files(tmp_path)
    left = set(cases)

    for what, kinds in rows(page).items():
        (key,) = [key for key in cases if what.startswith(key)]
        left.remove(key)
        assert cases[key]
        for number, refused in enumerate(cases[key]):
            assert isinstance(error_of(refused), kinds), f"{what}: case {number}"

    assert not left


def test_every_page_of_a_format_has_the_table() -> None:
    """None that is added escapes."""
    assert {path.stem for path in REFERENCE.glob("*.md") if "\n## What is refused\n" in path.read_text()} == set(PAGES)
