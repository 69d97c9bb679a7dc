"""Streams of the AI SDK as bytes and as parts: what is written, what is read, and what is neither."""

from apptheory_streaming import DataStreamPart, UiMessagePart

__all__ = [
    "BAD_DATA",
    "BAD_DATA_PARTS",
    "BAD_UI",
    "BAD_UI_PARTS",
    "DATA_PARTS",
    "READ_DATA",
    "READ_UI",
    "UI_PARTS",
]

HELLO = DataStreamPart("text", "Hello")

DATA_PARTS: dict[str, tuple[DataStreamPart, str]] = {
    "text": (HELLO, '0:"Hello"\n'),
    "empty text": (DataStreamPart("text", ""), '0:""\n'),
    "a line break in text": (DataStreamPart("text", " wor\nld"), '0:" wor\\nld"\n'),
    "all line ends": (DataStreamPart("text", "\r\n\x85\u2028\x0b\x0c"), '0:"\\r\\n\x85\u2028\\u000b\\f"\n'),
    "quotes and controls": (DataStreamPart("text", '"\\/\x00\x1b\x7f'), '0:"\\"\\\\/\\u0000\\u001b\x7f"\n'),
    "characters of every length": (DataStreamPart("text", "aé€😀"), '0:"aé€😀"\n'),
    "what looks like a part": (DataStreamPart("text", '\n3:"no"\n'), '0:"\\n3:\\"no\\"\\n"\n'),
    "data": (DataStreamPart("data", [{"a": 1}, None, "x"]), '2:[{"a":1},null,"x"]\n'),
    "error": (DataStreamPart("error", "boom"), '3:"boom"\n'),
    "annotations": (DataStreamPart("message_annotations", [{"id": "m"}]), '8:[{"id":"m"}]\n'),
    "a tool call": (
        DataStreamPart("tool_call", {"toolCallId": "c1", "toolName": "weather", "args": {"city": "Köln"}}),
        '9:{"toolCallId":"c1","toolName":"weather","args":{"city":"Köln"}}\n',
    ),
    "a tool result": (
        DataStreamPart("tool_result", {"toolCallId": "c1", "result": None}),
        'a:{"toolCallId":"c1","result":null}\n',
    ),
    "a streamed tool call": (
        DataStreamPart("tool_call_streaming_start", {"toolCallId": "c1", "toolName": "weather"}),
        'b:{"toolCallId":"c1","toolName":"weather"}\n',
    ),
    "a delta of it": (
        DataStreamPart("tool_call_delta", {"toolCallId": "c1", "argsTextDelta": '{"ci'}),
        'c:{"toolCallId":"c1","argsTextDelta":"{\\"ci"}\n',
    ),
    "finish": (
        DataStreamPart(
            "finish_message", {"finishReason": "stop", "usage": {"promptTokens": 10, "completionTokens": 20}}
        ),
        'd:{"finishReason":"stop","usage":{"promptTokens":10,"completionTokens":20}}\n',
    ),
    "finish of a step": (
        DataStreamPart("finish_step", {"finishReason": "tool-calls", "isContinued": False}),
        'e:{"finishReason":"tool-calls","isContinued":false}\n',
    ),
    "start of a step": (DataStreamPart("start_step", {"messageId": "m1"}), 'f:{"messageId":"m1"}\n'),
    "reasoning": (DataStreamPart("reasoning", "Let me see"), 'g:"Let me see"\n'),
    "a source": (
        DataStreamPart("source", {"sourceType": "url", "id": "s", "url": "https://example.com"}),
        'h:{"sourceType":"url","id":"s","url":"https://example.com"}\n',
    ),
    "redacted reasoning": (DataStreamPart("redacted_reasoning", {"data": "x"}), 'i:{"data":"x"}\n'),
    "a signature": (DataStreamPart("reasoning_signature", {"signature": "x"}), 'j:{"signature":"x"}\n'),
    "a file": (
        DataStreamPart("file", {"data": "aGk=", "mimeType": "text/plain"}),
        'k:{"data":"aGk=","mimeType":"text/plain"}\n',
    ),
}
"""Each part and its line, exactly as the AI SDK writes it."""

READ_DATA: dict[str, tuple[bytes, list[DataStreamPart]]] = {
    "nothing": (b"", []),
    "empty lines": (b'\n\n0:"Hello"\n\n', [HELLO]),
    "no LF at the end": (b'0:"Hello"\n0:"Hello"', [HELLO, HELLO]),
    "CRLF": (b'0:"Hello"\r\n0:"Hello"\r\n', [HELLO, HELLO]),
    "blanks around the value": (b'0: "Hello" \n2:\t[ 1 ]\n', [HELLO, DataStreamPart("data", [1])]),
    "a BOM": (b'\xef\xbb\xbf0:"Hello"\n', [HELLO]),
    "escapes": (b'0:"\\u0048ello"\n', [HELLO]),
    "more fields": (
        b'f:{"messageId":"m","more":[1]}\n',
        [DataStreamPart("start_step", {"messageId": "m", "more": [1]})],
    ),
}

BAD_DATA: dict[str, tuple[bytes, str, int]] = {
    "an unknown code": (b'0:"a"\n4:"b"\n', "code '4' is none, in '4:\"b\"'", 6),
    "two characters of code": (b'00:"a"\n', "code '00' is none", 0),
    "a code in capitals": (b"D:{}\n", "code 'D' is none", 0),
    "no code": (b':"a"\n', "code '' is none", 0),
    "no colon": (b'0:"a"\nHello\n', "a line begins with a code and a colon, in 'Hello'", 6),
    "a CR alone": (b"\r\n", "a line begins with a code and a colon", 0),
    "an error as JSON": (b'{"success":false,"error":"no key"}', 'a code and a colon, in \'{"success":false,"er…\'', 0),
    "a blank before the code": (b' 0:"a"\n', "code ' 0' is none", 0),
    "two BOMs": (b'\xef\xbb\xbf\xef\xbb\xbf0:"a"\n', "code '\\ufeff0' is none", 3),
    "a BOM later": (b'0:"a"\n\xef\xbb\xbf0:"a"\n', "code '\\ufeff0' is none", 6),
    "no value": (b"0:\n", "a text part is no JSON: Expecting value", 2),
    "text without quotes": (b"0:Hello\n", "no JSON", 2),
    "a value that is cut off": (b'0:"a"\n0:"Hel', "no JSON: Unterminated string", 8),
    "two values": ('0:"é" "b"\n'.encode(), "no JSON: Extra data", 7),
    "quotes that are single": (b"2:['a']\n", "no JSON", 3),
    "NaN": (b"2:[NaN]\n", "no JSON", 2),
    "a control in text": (b'0:"a\tb"\n', "no JSON: Invalid control character", 4),
    "brackets without end": (b"2:" + b"[" * 100_000 + b"\n", "no JSON", 2),
    "no UTF-8": (b'0:"a"\n0:"\xff"\n', "no UTF-8", 9),
    "UTF-8 that is cut off": (b'0:"\xe2\x82', "no UTF-8", 3),
    "a number as text": (b"0:1\n", "a text part must be text, not int", 0),
    "null as an error": (b"3:null\n", "must be text, not null", 0),
    "an object as data": (b"2:{}\n", "must be a list, not an object", 0),
    "a call without arguments": (b'9:{"toolCallId":"a","toolName":"b"}\n', 'needs "args"', 0),
    "text as arguments": (
        b'9:{"toolCallId":"a","toolName":"b","args":"{}"}\n',
        "\"args\" must be an object, a list or null, not text '{}'",
        0,
    ),
    "a call of a number": (b'9:{"toolCallId":7,"toolName":"b","args":{}}\n', '"toolCallId" must be text, not int', 0),
    "a result without result": (b'a:{"toolCallId":"a"}\n', 'needs "result"', 0),
    "a finish without reason": (b"d:{}\n", 'needs "finishReason"', 0),
    "a list as a step": (b"f:[]\n", "must be an object, not a list", 0),
}
"""A stream, what is said about it, and the byte at which that shows."""

BAD_DATA_PARTS: dict[str, tuple[DataStreamPart, str]] = {
    "an unknown part": (DataStreamPart("texts", "a"), "'texts' is no part of a data stream; there are text, data, "),
    "its code as its name": (DataStreamPart("0", "a"), "'0' is no part"),
    "a number as text": (DataStreamPart("text", 1), "the value of a text part must be text, not int"),
    "bytes as text": (DataStreamPart("text", b"a"), "must be text, not bytes"),
    "a set as data": (DataStreamPart("data", {1}), "must be a list, not set"),
    "a set in data": (DataStreamPart("data", [{1}]), "a data part has no JSON form"),
    "NaN": (DataStreamPart("data", [float("nan")]), "a data part has no JSON form"),
    "a lone surrogate": (DataStreamPart("text", "\ud800"), "a text part has no .*form"),
    "a result without its call": (DataStreamPart("tool_result", {"result": 1}), 'needs "toolCallId"'),
    "text for an object": (DataStreamPart("finish_message", "stop"), "must be an object, not text 'stop'"),
    "long text for an object": (DataStreamPart("finish_message", "x" * 50), "must be an object, not text$"),
    "true for an object": (DataStreamPart("finish_step", True), "must be an object, not true"),
}

START = UiMessagePart("start", {"messageId": "m1"})
DELTA = UiMessagePart("text-delta", {"id": "t", "delta": "Hi"})

UI_PARTS: dict[str, tuple[UiMessagePart, str]] = {
    "start": (START, '{"type":"start","messageId":"m1"}'),
    "start without more": (UiMessagePart("start"), '{"type":"start"}'),
    "start of a step": (UiMessagePart("start-step"), '{"type":"start-step"}'),
    "text": (UiMessagePart("text-start", {"id": "t"}), '{"type":"text-start","id":"t"}'),
    "a delta": (DELTA, '{"type":"text-delta","id":"t","delta":"Hi"}'),
    "line ends": (
        UiMessagePart("text-delta", {"id": "t", "delta": "a\r\nb\u2028"}),
        '{"type":"text-delta","id":"t","delta":"a\\r\\nb\u2028"}',
    ),
    "characters of every length": (
        UiMessagePart("text-delta", {"id": "t", "delta": "aé€😀"}),
        '{"type":"text-delta","id":"t","delta":"aé€😀"}',
    ),
    "text of the provider": (
        UiMessagePart("text-end", {"id": "t", "providerMetadata": {"x": {"y": 1}}}),
        '{"type":"text-end","id":"t","providerMetadata":{"x":{"y":1}}}',
    ),
    "reasoning": (UiMessagePart("reasoning-start", {"id": "r"}), '{"type":"reasoning-start","id":"r"}'),
    "a delta of it": (
        UiMessagePart("reasoning-delta", {"id": "r", "delta": ""}),
        '{"type":"reasoning-delta","id":"r","delta":""}',
    ),
    "the end of it": (UiMessagePart("reasoning-end", {"id": "r"}), '{"type":"reasoning-end","id":"r"}'),
    "a source": (
        UiMessagePart("source-url", {"sourceId": "s", "url": "https://example.com", "title": "An example"}),
        '{"type":"source-url","sourceId":"s","url":"https://example.com","title":"An example"}',
    ),
    "a document": (
        UiMessagePart("source-document", {"sourceId": "s", "mediaType": "text/plain", "title": "t"}),
        '{"type":"source-document","sourceId":"s","mediaType":"text/plain","title":"t"}',
    ),
    "a file": (
        UiMessagePart("file", {"url": "data:,a", "mediaType": "text/plain"}),
        '{"type":"file","url":"data:,a","mediaType":"text/plain"}',
    ),
    "a tool": (
        UiMessagePart("tool-input-start", {"toolCallId": "c", "toolName": "weather", "dynamic": True}),
        '{"type":"tool-input-start","toolCallId":"c","toolName":"weather","dynamic":true}',
    ),
    "a delta of its input": (
        UiMessagePart("tool-input-delta", {"toolCallId": "c", "inputTextDelta": '{"ci'}),
        '{"type":"tool-input-delta","toolCallId":"c","inputTextDelta":"{\\"ci"}',
    ),
    "its input": (
        UiMessagePart("tool-input-available", {"toolCallId": "c", "toolName": "weather", "input": {"city": "Köln"}}),
        '{"type":"tool-input-available","toolCallId":"c","toolName":"weather","input":{"city":"Köln"}}',
    ),
    "input that is wrong": (
        UiMessagePart("tool-input-error", {"toolCallId": "c", "toolName": "w", "input": None, "errorText": "bad"}),
        '{"type":"tool-input-error","toolCallId":"c","toolName":"w","input":null,"errorText":"bad"}',
    ),
    "its output": (
        UiMessagePart("tool-output-available", {"toolCallId": "c", "output": [1], "preliminary": True}),
        '{"type":"tool-output-available","toolCallId":"c","output":[1],"preliminary":true}',
    ),
    "its error": (
        UiMessagePart("tool-output-error", {"toolCallId": "c", "errorText": "bad"}),
        '{"type":"tool-output-error","toolCallId":"c","errorText":"bad"}',
    ),
    "data": (
        UiMessagePart("data-weather", {"id": "d", "data": {"t": 20}, "transient": False}),
        '{"type":"data-weather","id":"d","data":{"t":20},"transient":false}',
    ),
    "metadata": (
        UiMessagePart("message-metadata", {"messageMetadata": {"a": 1}}),
        '{"type":"message-metadata","messageMetadata":{"a":1}}',
    ),
    "an error": (UiMessagePart("error", {"errorText": "boom"}), '{"type":"error","errorText":"boom"}'),
    "the end of a step": (UiMessagePart("finish-step"), '{"type":"finish-step"}'),
    "finish": (UiMessagePart("finish", {"finishReason": "stop"}), '{"type":"finish","finishReason":"stop"}'),
    "abort": (UiMessagePart("abort"), '{"type":"abort"}'),
}
"""Each part that every version knows, and its JSON."""

_DELTA = b'data: {"type":"text-delta","id":"t","delta":"Hi"}'

READ_UI: dict[str, tuple[bytes, list[UiMessagePart]]] = {
    "nothing": (b"", []),
    "done alone": (b"data: [DONE]\n\n", []),
    "done": (_DELTA + b"\n\ndata: [DONE]\n\n", [DELTA]),
    "CRLF": (_DELTA + b"\r\n\r\n" + _DELTA + b"\r\n\r\n", [DELTA, DELTA]),
    "CR": (_DELTA + b"\r\r" + _DELTA + b"\r\r", [DELTA, DELTA]),
    "heartbeats": (b": keep-alive\n\n" + _DELTA + b"\n\n: keep-alive\n\n", [DELTA]),
    "ids and names": (b"id: 7\nevent: part\n" + _DELTA + b"\nretry: 5\n\n", [DELTA]),
    "several lines": (
        b'data: {"type":"text-delta",\ndata: "id":"t",\ndata: "delta":"Hi"}\n\n',
        [DELTA],
    ),
    "a BOM": (b"\xef\xbb\xbf" + _DELTA + b"\n\n", [DELTA]),
    "an event without its blank line": (_DELTA + b"\n\n" + _DELTA + b"\n", [DELTA]),
    "more fields": (b'data: {"type":"abort","more":1}\n\n', [UiMessagePart("abort", {"more": 1})]),
}

BAD_UI: dict[str, tuple[bytes, str, int]] = {
    "no JSON": (b": hi\n\ndata: Hello\n\n", "a part is no JSON", 12),
    "JSON that is cut off": (b'data: {"type":"te\n\n', "a part is no JSON: Unterminated string", 14),
    "JSON that is wrong far behind": (
        'data:{"type":"text-delta","delta":"é" 1}\n\n'.encode(),
        "no JSON: Expecting ',' delimiter",
        39,
    ),
    "JSON in lines": (b'event: x\ndata: {"type":\ndata: no}\n\n', "no JSON", 9),
    "NaN": (b'data: {"type":"data-x","data":NaN}\n\n', "no JSON", 6),
    "a list": (b"data: []\n\n", 'an object whose "type" is text', 0),
    "text": (b'data: "[DONE]"\n\n', 'an object whose "type" is text', 0),
    "no type": (b'data: {"id":"t"}\n\n', 'an object whose "type" is text', 0),
    "a type that is no text": (b'data: {"type":1}\n\n', 'an object whose "type" is text', 0),
    "an unknown type": (
        b'data: {"type":"start"}\n\ndata: {"type":"text"}\n\n',
        "'text' is no part of a UI message stream; there are start, ",
        24,
    ),
    "data without a name": (b'data: {"type":"data","data":1}\n\n', "'data' is no part of a UI message stream", 0),
    "a delta without id": (b'data: {"type":"text-delta","delta":"a"}\n\n', 'a text-delta part needs "id"', 0),
    "a delta of a number": (
        b'data: {"type":"text-delta","id":"t","delta":1}\n\n',
        'a text-delta part "delta" must be text, not int',
        0,
    ),
    "data without data": (b'data: {"type":"data-x"}\n\n', 'a data-x part needs "data"', 0),
    "text for a flag": (
        b'data: {"type":"data-x","data":1,"transient":"yes"}\n\n',
        "\"transient\" must be true or false, not text 'yes'",
        0,
    ),
    "metadata that is flat": (
        b'data: {"type":"text-end","id":"t","providerMetadata":{"a":1}}\n\n',
        '"providerMetadata" must be an object of objects, not an object',
        0,
    ),
    "a reason that there is not": (
        b'data: {"type":"finish","finishReason":"done"}\n\n',
        "\"finishReason\" must be one of content-filter, error, .*, not text 'done'",
        0,
    ),
    "null for what may be left out": (
        b'data: {"type":"start","messageId":null}\n\n',
        '"messageId" must be text, not null',
        0,
    ),
}

BAD_UI_PARTS: dict[str, tuple[UiMessagePart, str]] = {
    "an unknown part": (UiMessagePart("text"), "'text' is no part of a UI message stream"),
    "another type": (UiMessagePart("start", {"type": "finish"}), "must not have another type"),
    "a missing field": (UiMessagePart("text-start"), 'a text-start part needs "id"'),
    "a set": (UiMessagePart("data-x", {"data": {1}}), "a data-x part has no JSON form"),
    "a lone surrogate": (UiMessagePart("error", {"errorText": "\udfff"}), "an? error part has no .*form"),
}
