"""What Node handlers do to their stream, and what a Runtime API sees of it; node_cases.mjs has the handlers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apptheory_streaming.wire.prelude import INTEGRATION_CONTENT_TYPE

__all__ = ["CASES", "OCTETS", "Case", "Seen", "table"]

HEAD: Any = {"statusCode": 201, "headers": {"content-type": "text/plain"}, "cookies": ["a=b"]}
OCTETS = "application/octet-stream"
BOOM = "TypeError: boom"
ESCAPES = {0: "\\0", 1: "\\1", 10: "\\n", ord("|"): "\\|"}
NOT_ASYNC = "Error: Streaming does not support non-async handlers."
TOO_LATE = "Runtime.InvalidStreamingOperation: Cannot set content-type, too late."


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer as a Runtime API sees it: `end` is `complete`, `exit`, or the type and message of an error."""

    end: str = "complete"
    content_type: str = INTEGRATION_CONTENT_TYPE
    prelude: Mapping[str, Any] | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Case:
    """What is seen of a handler that does what `words` say.

    `official` is what the client of AWS does where it differs; `dies` says that the process ends.
    """

    name: str
    words: str
    seen: Seen
    official: Seen | None = None
    dies: bool = False


CASES = [
    Case("writes", "`from`, `write`, `write`, `end()`", Seen(prelude=HEAD, body=b"ab")),
    Case("end_only", "`from`, `end()`", Seen(prelude=HEAD), official=Seen()),
    Case("end_with_data", '`from`, `end("hello")`', Seen(prelude=HEAD, body=b"hello"), official=Seen(body=b"hello")),
    Case("empty_write", '`from`, `write("")`, `end()`', Seen(prelude=HEAD)),
    Case("pipeline", "`pipeline(source, from(...))`", Seen(prelude=HEAD, body=b"ab")),
    Case("pipeline_of_nothing", "`pipeline` of an empty source", Seen(prelude=HEAD), official=Seen()),
    Case(
        "head_given_twice",
        "`from` twice before the first write: the second counts",
        Seen(prelude={"statusCode": 404}, body=b"a"),
    ),
    Case("content_type", "`setContentType`, `write`", Seen(content_type="text/html", body=b"<p>")),
    Case("no_head", "neither: `application/octet-stream`", Seen(content_type=OCTETS, body=b"plain")),
    Case("late_content_type", "`setContentType` after a write", Seen(TOO_LATE, OCTETS, body=b"a")),
    Case("late_head", "`from` after a write", Seen(TOO_LATE, OCTETS, body=b"a")),
    Case(
        "own_hook",
        "sets `_onBeforeFirstWrite` itself, as some libraries do",
        Seen(content_type="text/plain", body=b"hook a"),
    ),
    Case("json_writes", "`write` of an object or array: JSON", Seen(content_type=OCTETS, body=b'{"a":1}[1]\x00\x01')),
    Case(
        "json_end",
        "`end` of an object",
        Seen(content_type=OCTETS, body=b'{"a":1}'),
        official=Seen(
            'TypeError: The "chunk" argument must be of type string or an instance of Buffer or Uint8Array.'
            " Received an instance of Object",
            "",
        ),
    ),
    Case(
        "null_write",
        "`write(null)`",
        Seen("TypeError: May not write null values to stream", ""),
        official=Seen("TypeError: Cannot read properties of null (reading 'length')", ""),
    ),
    Case("corked", "`cork`, writes, `uncork`", Seen(prelude=HEAD, body=b"ab")),
    Case(
        "drained",
        "`write` until it is false, then waits for `drain`",
        Seen(content_type=OCTETS, body=b"0123456789" * 100_000),
    ),
    Case("callbacks", "callbacks of `write` and `end`, `finish`", Seen(content_type=OCTETS, body=b"awritten ")),
    Case("returns_a_value", "returns a value: warned of, ignored", Seen(content_type=OCTETS, body=b"a")),
    Case("ends_later", "returns before its stream ends", Seen(prelude=HEAD, body=b"ab")),
    Case("throws_before", "throws before the first write", Seen(BOOM, "")),
    Case("throws_with_head", "throws between `from` and the first write", Seen(BOOM, "")),
    Case("throws_after", "throws after a write", Seen(BOOM, prelude=HEAD, body=b"a")),
    Case("throws_after_end", "throws after `end`: logged only", Seen(content_type=OCTETS, body=b"a")),
    Case("throws_text", "throws what is no `Error`", Seen("string: no error", OCTETS, body=b"a")),
    Case("throws_undefined", "throws `undefined`", Seen("undefined: undefined", OCTETS, body=b"a")),
    Case(
        "throws_strange_name",
        "throws an error whose name is not ASCII",
        Seen("Ärger\n: über\n", OCTETS, body=b"a"),
        official=Seen("exit", OCTETS, body=b"a"),
    ),
    Case("throws_long_message", "throws an error of 100 KB", Seen("Error: " + "x" * 100_000, OCTETS, body=b"a")),
    Case("not_async", "returns no promise", Seen(NOT_ASYNC, OCTETS, body=b"a")),
    Case("not_async_but_ended", "returns no promise, but has ended the stream", Seen(content_type=OCTETS, body=b"a")),
    Case("write_after_end", "`write` after `end`", Seen(content_type=OCTETS, body=b"a"), dies=True),
    Case(
        "write_after_end_at_once",
        "the same on a new connection, with nothing awaited",
        Seen(content_type=OCTETS, body=b"a"),
        official=Seen("exit", ""),
        dies=True,
    ),
    Case("failing_pipeline", "`pipeline` of a source that fails", Seen("exit", prelude=HEAD, body=b"a"), dies=True),
    Case("destroyed", "`destroy()` after a write", Seen("exit", OCTETS, body=b"a"), dies=True),
    Case(
        "destroyed_at_once",
        "`destroy()` before any",
        Seen("Error: the response stream was destroyed before its end", ""),
        official=Seen("exit", ""),
        dies=True,
    ),
    Case("uncaught", "an exception that nobody catches, after a write", Seen("exit", OCTETS, body=b"a"), dies=True),
    Case(
        "uncaught_before",
        "the same before any write",
        Seen("Error: nobody catches this", ""),
        official=Seen("exit", ""),
        dies=True,
    ),
    Case("unhandled", "a rejection that nobody handles, after a write", Seen("exit", OCTETS, body=b"a"), dies=True),
    Case("exits", "`process.exit(0)` after a write", Seen("exit", OCTETS, body=b"a"), dies=True),
]


def table() -> str:
    """Render all cases for the documents."""
    rows = [f"| {case.words} | {tell(case, case.seen)} | {_official(case)} |" for case in CASES]
    return "\n".join(("| the handler | here | the official client |", "|---|---|---|", *rows))


def tell(case: Case, seen: Seen) -> str:
    """Say in words what came."""
    end = "" if seen.end in ("complete", "exit") else f"error `{_short(seen.end)}`"
    death = "the process ends" if case.dies or seen.end == "exit" else ""
    cut = "cut" if seen.end == "exit" and seen.content_type else ""
    return ", ".join(part for part in (_head(seen), _body(seen.body), end, cut, death) if part)


def _official(case: Case) -> str:
    return "the same" if case.official is None else tell(case, case.official)


def _head(seen: Seen) -> str:
    if seen.prelude is not None:
        return f"status {seen.prelude['statusCode']}"
    if seen.content_type == INTEGRATION_CONTENT_TYPE:
        return "**no head**"
    return f"`{seen.content_type}`" if seen.content_type else ""


def _body(body: bytes) -> str:
    if not body:
        return ""
    return f"{len(body):,} bytes" if len(body) > 40 else f"`{body.decode().translate(ESCAPES).strip()}`"


def _short(end: str) -> str:
    """An error by its type and message, or by its type if that is too long for a table."""
    return (end if len(end) <= 70 else end.partition(": ")[0]).translate(ESCAPES)
