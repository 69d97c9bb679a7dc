"""Cases of Server-Sent Events: what is read from a stream, and what is written and read again."""

from apptheory_streaming.wire.sse import ServerSentEvent
from apptheory_streaming.wire.sse_decoder import SseEvent

__all__ = ["READ", "SENT"]

HELLO = SseEvent("hello")

READ: dict[str, tuple[bytes, list[SseEvent]]] = {
    "nothing": (b"", []),
    "blank lines": (b"\n\r\n\r\n\n", []),
    "one event": (b"data: hello\n\n", [HELLO]),
    "CR LF": (b"data: hello\r\n\r\n", [HELLO]),
    "CR": (b"data: hello\r\r", [HELLO]),
    "mixed line ends": (b"data: a\rdata: b\r\ndata: c\n\r\n", [SseEvent("a\nb\nc")]),
    "CR before CR LF": (b"data: a\r\r\ndata: b\n\n", [SseEvent("a"), SseEvent("b")]),
    "LF before CR": (b"data: a\n\rdata: b\r\n\r\n", [SseEvent("a"), SseEvent("b")]),
    "no blank after the colon": (b"data:hello\n\n", [HELLO]),
    "one of two blanks is removed": (b"data:  hello\n\n", [SseEvent(" hello")]),
    "a tab is none": (b"data:\thello\n\n", [SseEvent("\thello")]),
    "blanks at the end stay": (b"data: hello  \n\n", [SseEvent("hello  ")]),
    "colons in the value": (b"data: a:b: c\n\n", [SseEvent("a:b: c")]),
    "several data lines": (b"data: a\ndata: b\n\n", [SseEvent("a\nb")]),
    "data without a colon": (b"data\n\n", [SseEvent("")]),
    "two without": (b"data\ndata\n\n", [SseEvent("\n")]),
    "an empty last line": (b"data: a\ndata:\n\n", [SseEvent("a\n")]),
    "comments": (b": ping\n\n:\n:data: x\n\ndata: hello\n: between\n\n", [HELLO]),
    "unknown fields": (b"foo: 1\nDATA: x\n data: y\ndata : z\nx\ndata: hello\n\n", [HELLO]),
    "a named event": (b"event: add\ndata: 1\n\ndata: 2\n\n", [SseEvent("1", "add"), SseEvent("2")]),
    "the last name holds": (b"event: a\nevent: b\ndata: 1\n\n", [SseEvent("1", "b")]),
    "an empty name": (b"event: a\nevent:\ndata: 1\n\n", [SseEvent("1")]),
    "a name without data": (b"event: a\n\ndata: hello\n\n", [HELLO]),
    "an id stays": (b"id: 1\ndata: a\n\ndata: b\n\n", [SseEvent("a", id="1"), SseEvent("b", id="1")]),
    "an id without data": (b"id: 1\n\ndata: a\n\n", [SseEvent("a", id="1")]),
    "an id and pings": (b"id: 1\ndata: a\n\n: ping\n\n: ping\n\n", [SseEvent("a", id="1")]),
    "an empty id": (b"id: 1\ndata: a\n\nid\ndata: b\n\n", [SseEvent("a", id="1"), SseEvent("b")]),
    "an id with NUL": (
        b"id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n",
        [SseEvent("a", id="1"), SseEvent("b", id="1")],
    ),
    "NUL in data": (b"data: a\x00b\n\n", [SseEvent("a\0b")]),
    "retry": (b"retry: 1500\ndata: a\n\ndata: b\n\n", [SseEvent("a", retry=1500), SseEvent("b")]),
    "retry that is none": (
        "retry: -5\nretry: +5\nretry: 1_000\nretry: 5 \nretry: 1.5\nretry\nretry: ٣\ndata: hello\n\n".encode(),
        [HELLO],
    ),
    "retry of 5000 digits": (b"retry: " + b"9" * 5000 + b"\ndata: hello\n\n", [HELLO]),
    "a BOM": (b"\xef\xbb\xbfdata: hello\n\n", [HELLO]),
    "two BOMs": (b"\xef\xbb\xbf\xef\xbb\xbfdata: 1\ndata: 2\n\n", [SseEvent("2")]),
    "a BOM later": (b"data: 1\n\n\xef\xbb\xbfdata: 2\ndata: 3\n\n", [SseEvent("1"), SseEvent("3")]),
    "a BOM in data": (b"data: \xef\xbb\xbf\n\n", [SseEvent("\ufeff")]),
    "a BOM and nothing else": (b"\xef\xbb\xbf", []),
    "other line separators are text": (
        "data: a\u2028b\x0bc\x0cd\x85e\n\n".encode(),
        [SseEvent("a\u2028b\x0bc\x0cd\x85e")],
    ),
    "characters of every length": ("data: é€😀\n\n".encode(), [SseEvent("é€😀")]),
    "bytes that are no UTF-8": (b"data: a\xffb\xe2\x82\n\n", [SseEvent("a\ufffdb\ufffd")]),
    "no blank line at the end": (b"data: hello\n\ndata: lost\n", [HELLO]),
    "no line end at the end": (b"data: hello\n\ndata: lost", [HELLO]),
    "an unfinished id": (b"data: hello\n\nid: 9\n", [HELLO]),
    "digits that begin with 0": (b"retry: 03000\ndata: a\n\n", [SseEvent("a", retry=3000)]),
    "retry without data": (b"retry: 1500\n\ndata: a\n\n", [SseEvent("a")]),
    "the last retry holds": (b"retry: 1\nretry: 2\nretry: x\ndata: a\n\n", [SseEvent("a", retry=2)]),
    "a retry with a letter": (b"retry: 1000x\ndata: hello\n\n", [HELLO]),
    "an id of blanks": (b"id:  1 \ndata: a\n\n", [SseEvent("a", id=" 1 ")]),
    "an event without a colon": (b"event\ndata: hello\n\n", [HELLO]),
    "an event of one blank": (b"event:  \ndata: a\n\n", [SseEvent("a", " ")]),
    "NUL in a name of a field": (b"da\x00ta: x\n\x00data: y\ndata: hello\n\n", [HELLO]),
    "NUL in an event": (b"event: a\x00b\ndata: 1\n\n", [SseEvent("1", "a\0b")]),
    "fields in any order": (b"data: a\nid: 1\ndata: b\nevent: e\n\n", [SseEvent("a\nb", "e", "1")]),
    "an event type does not stay": (b"event: e\n: c\n\ndata: a\n\n", [SseEvent("a")]),
    "names in capitals and with blanks": (b"Id: 1\nEVENT: e\nRetry: 5\n event: f\ndata: hello\n\n", [HELLO]),
    "a BOM after a line end": (b"\n\xef\xbb\xbfdata: 1\ndata: 2\n\n", [SseEvent("2")]),
    "half a BOM": (b"\xef\xbbdata: 1\ndata: 2\n\n", [SseEvent("2")]),
    "a character cut by a line end": (b"data: \xe2\x82\ndata: \xac\n\n", [SseEvent("\ufffd\n\ufffd")]),
    "an over-long form": (b"data: \xc0\xaf\n\n", [SseEvent("\ufffd\ufffd")]),
}
"""Stream -> the events that a client gets."""

SENT: dict[str, tuple[ServerSentEvent, bytes, list[SseEvent]]] = {
    "text": (ServerSentEvent("hello"), b"data: hello\n\n", [HELLO]),
    "no text": (ServerSentEvent(""), b"data: \n\n", [SseEvent("")]),
    "text with a blank before it": (ServerSentEvent(" leading"), b"data:  leading\n\n", [SseEvent(" leading")]),
    "lines": (ServerSentEvent("a\nb"), b"data: a\ndata: b\n\n", [SseEvent("a\nb")]),
    "lines of every end": (
        ServerSentEvent("a\r\nb\rc\n"),
        b"data: a\ndata: b\ndata: c\ndata: \n\n",
        [SseEvent("a\nb\nc\n")],
    ),
    "line ends alone": (
        ServerSentEvent("\r\r\n\n"),
        b"data: \ndata: \ndata: \ndata: \n\n",
        [SseEvent("\n\n\n")],
    ),
    "what others take for line ends": (
        ServerSentEvent("a\u2028b\x0bc\x0cd\x85e\x00f"),
        "data: a\u2028b\x0bc\x0cd\x85e\x00f\n\n".encode(),
        [SseEvent("a\u2028b\x0bc\x0cd\x85e\x00f")],
    ),
    "a frame in a text": (
        ServerSentEvent("data: x\n\nid: 9"),
        b"data: data: x\ndata: \ndata: id: 9\n\n",
        [SseEvent("data: x\n\nid: 9")],
    ),
    "a comment": (ServerSentEvent(comment="keep-alive"), b": keep-alive\n\n", []),
    "a comment of lines": (ServerSentEvent(comment="a\rb\r\nc\nd"), b": a\n: b\n: c\n: d\n\n", []),
    "an empty comment": (ServerSentEvent(comment=""), b": \n\n", []),
    "a retry alone": (ServerSentEvent(retry=0), b"retry: 0\n\n", []),
    "an empty id alone": (ServerSentEvent(id=""), b"id: \n\n", []),
    "an empty name alone": (ServerSentEvent(event=""), b"event: \n\n", []),
    "every field": (
        ServerSentEvent("x", event="héllo", id="€", retry=1500),
        "id: €\nevent: héllo\nretry: 1500\ndata: x\n\n".encode(),
        [SseEvent("x", "héllo", "€", 1500)],
    ),
    "a comment and an id": (
        ServerSentEvent("x", comment="c", id="1"),
        b": c\nid: 1\ndata: x\n\n",
        [SseEvent("x", id="1")],
    ),
    "JSON": (
        ServerSentEvent({"text": "a\nb"}, "token"),
        b'event: token\ndata: {"text":"a\\nb"}\n\n',
        [SseEvent('{"text":"a\\nb"}', "token")],
    ),
}
"""Event -> its bytes, and what a client makes of them."""
