"""What each runtime answers to the contract's cases, from the handlers in apptheory_fixtures/handlers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

__all__ = ["BUFFERED", "STREAMED", "Answer", "RuntimeCase", "answer_of", "streamed_answer_of", "table"]

MIB = 1024 * 1024
TEXT = "text/plain; charset=utf-8"
COOKIES = ("a=1; Path=/", "b=2")
BAD_GATEWAY = b"Internal Server Error"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client and the log see: `error` is the type that the runtime reports, or the name of ours."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": TEXT})
    cookies: tuple[str, ...] = ()
    body: bytes = b""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RuntimeCase:
    """A path, and its answer; `others` are the runtimes that answer something else, and `why` says it in a word."""

    path: str
    answer: Answer
    others: Mapping[str, Answer] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one runtime makes of every streamed case, in words and as a function; `why` says it in a word."""

    words: str
    of: Callable[[Answer], Answer]
    why: str


def typed(content_type: str, body: bytes) -> Answer:
    """An answer of one content type."""
    return Answer(headers={"content-type": content_type}, body=body)


EARLY = Answer(status=502, body=BAD_GATEWAY, headers={"content-type": "text/plain"}, error="TypeError")
LATE = Answer(body=b"before", error="TypeError")
OCTETS = "application/octet-stream"
EMPTY = Answer(status=202, headers={"x-empty": "kept", "content-type": OCTETS})
LOST_HEAD = Answer(headers={"content-type": OCTETS})
GO_ERROR = "errorString"
GO_ERRORS = "errors of Go are named by their types; an http.Handler has none, it answers with a page of its own"
OWN_ERROR_PAGE = Answer(500, {"content-type": TEXT, "x-content-type-options": "nosniff"}, body=b"early failure\n")

NO_STREAM = Answer(502, {"content-type": "text/plain"}, body=BAD_GATEWAY, error="Runtime.MarshalError")


def without_head(answer: Answer) -> Answer:
    """What a body alone gives."""
    if answer.status == 502:
        return replace(answer, error=GO_ERROR)
    return Answer(200, {"content-type": OCTETS}, body=answer.body, error=answer.error and GO_ERROR)


STREAMED = [
    RuntimeCase("/text", Answer(body=b"one two three")),
    RuntimeCase("/head", Answer(201, {"content-type": TEXT, "x-color": "red"}, COOKIES, b"made")),
    RuntimeCase(
        "/empty",
        EMPTY,
        {"aws-lambda-ric": LOST_HEAD},
        why="the official Node client sends its head with the first write only",
    ),
    RuntimeCase("/binary", typed(OCTETS, bytes(range(256)))),
    RuntimeCase("/chunks", Answer(body=b"".join(b"line %04d\n" % n for n in range(1000)))),
    RuntimeCase("/large", typed(OCTETS, b"a" * 5 * MIB + b"b" * 5 * MIB)),
    RuntimeCase(
        "/sse",
        typed("text/event-stream", b"".join(b'id: %d\nevent: tick\ndata: {"n":%d}\n\n' % (n, n) for n in range(3))),
    ),
    RuntimeCase(
        "/late-error",
        LATE,
        {"go": replace(LATE, error=GO_ERROR), "go-http": replace(LATE, error=None)},
        why=GO_ERRORS,
    ),
    RuntimeCase(
        "/early-error",
        EARLY,
        {"go": replace(EARLY, error=GO_ERROR), "go-http": OWN_ERROR_PAGE},
        why=GO_ERRORS,
    ),
    RuntimeCase("/nowhere", Answer(404, body=b"no such case")),
]
"""On a RESPONSE_STREAM URL."""

BUFFERED = [
    RuntimeCase(
        "/json",
        Answer(
            201,
            {"content-type": "application/json", "x-color": "red"},
            COOKIES,
            json.dumps({"made": True}, separators=(",", ":")).encode(),
        ),
    ),
    RuntimeCase("/empty", Answer(202, {"x-empty": "kept", "content-type": "application/json"})),
    RuntimeCase("/binary", typed(OCTETS, bytes(range(256)))),
    RuntimeCase("/large", typed(TEXT, b"a" * 5 * MIB)),
    RuntimeCase(
        "/value",
        typed("application/json", b'[1,"two",null]'),
        dict.fromkeys(("in-process", "python", "awslambdaric"), typed("application/json", b'[1, "two", null]')),
        why="`json.dumps` of Python, which AWS's client uses, puts spaces",
    ),
    RuntimeCase("/early-error", EARLY, {"go": replace(EARLY, error=GO_ERROR)}, why=GO_ERRORS),
]
"""On a BUFFERED URL, by handlers that return a value."""

RULES = {
    "go-reader": Rule(
        "200, `application/octet-stream`, no cookies; body and errors as of `go`",
        without_head,
        "a plain `io.Reader` is a body without a head",
    ),
    "awslambdaric": Rule(
        "502, `Internal Server Error`, error `Runtime.MarshalError`",
        lambda _: NO_STREAM,
        "the official Python client cannot stream",
    ),
}
"""Of runtimes that answer every streamed case in a way of their own."""


def answer_of(case: RuntimeCase, runtime: str) -> Answer:
    """What this runtime answers."""
    return case.others.get(runtime, case.answer)


def streamed_answer_of(case: RuntimeCase, runtime: str) -> Answer:
    """What this runtime answers to a streamed case."""
    rule = RULES.get(runtime)
    return answer_of(case, runtime) if rule is None else rule.of(case.answer)


def table() -> str:
    """Render for the documents in what the runtimes differ."""
    rows = [
        f"| `{case.path}`{kind} | {tell(case.answer)} | {runtimes} | {told} | {case.why} |"
        for kind, cases in (("", STREAMED), (", buffered", BUFFERED))
        for case in cases
        for told, runtimes in _grouped(case).items()
    ]
    rows += [f"| every stream | its own | `{runtime}` | {rule.words} | {rule.why} |" for runtime, rule in RULES.items()]
    return "\n".join(("| case | answer | differs | answer | why |", "|---|---|---|---|---|", *rows))


def _grouped(case: RuntimeCase) -> dict[str, str]:
    """Give the other answers in words, each with the runtimes that answer so."""
    groups: dict[str, list[str]] = {}
    for runtime, answer in case.others.items():
        groups.setdefault(tell(answer), []).append(f"`{runtime}`")
    return {told: ", ".join(runtimes) for told, runtimes in groups.items()}


def tell(answer: Answer) -> str:
    """Say an answer in words."""
    body = f"`{answer.body.decode().strip()}`" if answer.body else "no body"
    error = f", error `{answer.error}`" if answer.error else ""
    kept = "".join(f", `{name}: {value}`" for name, value in answer.headers.items() if name == "x-empty")
    return f"{answer.status}{kept}, {body}{error}"
