"""Whether the function gets the event of a Function URL, format 2.0, and a context that is true."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apptheory_emulator.score import sources
from apptheory_emulator.score.case import Case, Finding, Grade, Group, Source
from apptheory_emulator.score.endpoint import Endpoint, Expect
from apptheory_emulator.score.exchange import Exchange, shown_bytes
from apptheory_emulator.score.wanted import Check, Wanted

__all__ = ["REQUESTS"]

MIB = 1024 * 1024
TEXT_LIMIT = 6 * MIB
LONGEST_MS = 900_000
MISSING = object()
EVENT_KEY = "requestContext"

Rule = tuple[str, Callable[[Any], bool]]
"""What a value has to be, in words and as a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A request for the event."""

    behind: str = ""
    query: str = ""
    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


def _is(value: object) -> Rule:
    return json.dumps(value), lambda came: type(came) is type(value) and bool(came == value)


def _like(pattern: str) -> Rule:
    return f"like {pattern}", lambda came: isinstance(came, str) and re.fullmatch(pattern, came) is not None


ABSENT: Rule = ("missing", lambda came: came is MISSING)
MILLISECONDS: Rule = ("milliseconds since 1970", lambda came: type(came) is int and 1.6e12 < came < 1e13)
NO_NULLS: Rule = ("no null in it", lambda came: not _has_null(came))


def _event_has(sent: _Sent, rules: Mapping[str, Rule]) -> Check:
    """Send a request, and look at the parts of the event that the rules name by their keys with dots between."""

    async def check(endpoint: Endpoint) -> Finding:
        exchange = await endpoint.http.fetch(
            f"event{sent.behind}", sent.query, method=sent.method, headers=sent.headers, body=sent.body
        )
        return _judged(_document(exchange), exchange, rules)

    return check


def _judged(document: Any, exchange: Exchange, rules: Mapping[str, Rule]) -> Finding:
    expected = ", ".join(f"{key or 'event'} {words}" for key, (words, _) in rules.items())
    if document is None:
        return Finding(holds=False, expected=expected, came=str(exchange))
    values = {key: _at(document, key) for key in rules}
    wrong = [f"{key or 'event'} {_shown(values[key])}" for key, (_, right) in rules.items() if not right(values[key])]
    return Finding(holds=not wrong, expected=expected, came=", ".join(wrong) or expected)


def _document(exchange: Exchange, key: str = EVENT_KEY) -> Any:
    """Give the object that came, None for one without this key: that of an error, for instance."""
    try:
        document = json.loads(exchange.body) if exchange.status == 200 else None
    except ValueError:
        return None
    return document if isinstance(document, dict) and key in document else None


def _at(document: Any, key: str) -> Any:
    for name in key.split(".") if key else ():
        if not isinstance(document, dict) or name not in document:
            return MISSING
        document = document[name]
    return document


def _shown(value: object) -> str:
    if value is MISSING:
        return "missing"
    text = ", ".join(_nulls(value)) + " null" if isinstance(value, dict) else json.dumps(value)
    return shown_bytes(text.encode())[2:-1] if len(text) > 120 else text


def _nulls(value: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, each in value.items():
        if each is None:
            yield f"{path}{key}"
        elif isinstance(each, dict):
            yield from _nulls(each, f"{path}{key}.")


def _has_null(value: object) -> bool:
    return not isinstance(value, dict) or any(True for _ in _nulls(value))


async def _paths(endpoint: Endpoint) -> Finding:
    """The path as it stood on the wire, below the path of the URL itself."""
    behind, decoded = "/a%20b/c%2Fd/%C3%A9", "/a b/c/d/é"
    exchange = await endpoint.http.fetch(f"event{behind}")
    start = re.escape("/score/event")
    rules = {
        "rawPath": _like(f"{start}{re.escape(behind)}"),
        "requestContext.http.path": _like(f"{start}{re.escape(decoded)}"),
    }
    return _judged(_document(exchange), exchange, rules)


async def _domain(endpoint: Endpoint) -> Finding:
    """An emulator asked by an address has no domain of that name, and makes one up."""
    exchange = await endpoint.http.fetch("event")
    parts, document = endpoint.http.parts, _document(exchange)
    domain = _at(document, "requestContext.domainName")
    label = domain.partition(".")[0] if isinstance(domain, str) else None
    deployed = endpoint.expect is Expect.DEPLOYED
    rules = {
        "requestContext.domainName": _is(parts.hostname or "") if deployed else _like("[^:/]+"),
        "requestContext.domainPrefix": ("the first label of domainName", lambda came: came == label),
        "headers.x-forwarded-proto": _like("https" if deployed else "https?"),
        "headers.x-forwarded-for": _like(r"[0-9a-f.:]+"),
        "requestContext.http.sourceIp": _like(r"[0-9a-f.:]+"),
    }
    return _judged(document, exchange, rules)


async def _request_id(endpoint: Endpoint) -> Finding:
    """One id in the event and in the response."""
    exchange = await endpoint.http.fetch("event")
    told = exchange.header("x-amzn-requestid")
    rule = ("that of the header x-amzn-requestid", lambda came: told is not None and came == told)
    return _judged(_document(exchange), exchange, {"requestContext.requestId": rule})


async def _context(endpoint: Endpoint) -> Finding:
    exchange = await endpoint.http.fetch("context")
    rules: dict[str, Rule] = {
        "request_id": _like(".+"),
        "arn": _like(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:.+"),
        "remaining_ms": (
            f"between 1 and {LONGEST_MS}",
            lambda came: type(came) in (int, float) and 0 < came <= LONGEST_MS,
        ),
    }
    return _judged(_document(exchange, "request_id"), exchange, rules)


def _takes(size: int, wanted: Wanted) -> Check:
    """Send a body of so many bytes of text."""

    async def check(endpoint: Endpoint) -> Finding:
        headers = (("content-type", "text/plain"),)
        return wanted.found(await endpoint.http.fetch("size", method="POST", headers=headers, body=b"x" * size))

    return check


def _case(
    name: str,
    sentence: str,
    check: Check,
    *,
    handler: str = "event",
    source: Source = sources.EVENT_CAPTURED,
    grade: Grade = Grade.PROVEN,
) -> Case:
    return Case(
        id=name, group=Group.REQUEST, sentence=sentence, source=source, grade=grade, handler=handler, check=check
    )


_HTTP = "requestContext.http"
REQUESTS = (
    _case(
        "event-shape",
        "The event is that of format 2.0: version, route, method, protocol.",
        _event_has(
            _Sent(method="POST", headers=(("user-agent", "score/1"),)),
            {
                "version": _is("2.0"),
                "routeKey": _is("$default"),
                "requestContext.routeKey": _is("$default"),
                "requestContext.stage": _is("$default"),
                "requestContext.accountId": _like(r"anonymous|\d{12}"),
                "requestContext.apiId": _like(".+"),
                f"{_HTTP}.method": _is("POST"),
                f"{_HTTP}.protocol": _is("HTTP/1.1"),
                f"{_HTTP}.userAgent": _is("score/1"),
            },
        ),
    ),
    _case(
        "event-absent",
        "What a request has not is absent: cookies, query and body are no null.",
        _event_has(
            _Sent(),
            {
                "cookies": ABSENT,
                "queryStringParameters": ABSENT,
                "body": ABSENT,
                "rawQueryString": _is(""),
                "isBase64Encoded": _is(value=False),
            },
        ),
    ),
    _case(
        "event-no-nulls",
        "No key of the event is null.",
        _event_has(_Sent(), {"": NO_NULLS}),
        grade=Grade.INFERRED,
    ),
    _case("event-path", "The path stays encoded in rawPath and is decoded in requestContext.http.path.", _paths),
    _case(
        "event-query",
        "The query stays as it is in rawQueryString, and is decoded and joined in queryStringParameters.",
        _event_has(
            _Sent(query="a=one&a=two&b=x%20y+z&e="),
            {
                "rawQueryString": _is("a=one&a=two&b=x%20y+z&e="),
                "queryStringParameters": _is({"a": "one,two", "b": "x y z", "e": ""}),
            },
        ),
    ),
    _case(
        "event-headers",
        "Names of headers are in lower case, and repeated ones are joined.",
        _event_has(
            _Sent(headers=(("X-Twice", "one"), ("X-Twice", "two"))),
            {"headers.x-twice": _is("one,two"), "headers.X-Twice": ABSENT},
        ),
    ),
    _case(
        "event-cookies",
        "Cookies are a list, and stay in the header too.",
        _event_has(
            _Sent(headers=(("cookie", "a=1; b=2"),)),
            {"cookies": _is(["a=1", "b=2"]), "headers.cookie": _is("a=1; b=2")},
        ),
    ),
    _case(
        "event-text-body",
        "A body of JSON is text.",
        _event_has(
            _Sent(method="POST", headers=(("content-type", "application/json"),), body='{"é":1}'.encode()),
            {"body": _is('{"é":1}'), "isBase64Encoded": _is(value=False)},
        ),
    ),
    _case(
        "event-binary-body",
        "A body of bytes is base64.",
        _event_has(
            _Sent(method="POST", headers=(("content-type", "application/octet-stream"),), body=bytes(range(256))),
            {"body": _is(base64.b64encode(bytes(range(256))).decode()), "isBase64Encoded": _is(value=True)},
        ),
    ),
    _case(
        "event-time",
        "The time is there twice: as text, and in milliseconds.",
        _event_has(
            _Sent(),
            {
                "requestContext.timeEpoch": MILLISECONDS,
                "requestContext.time": _like(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000"),
            },
        ),
    ),
    _case(
        "event-domain",
        "The event has a domain (deployed: the host that was asked), the scheme, and where the request came from.",
        _domain,
    ),
    _case(
        "request-id",
        "The id of the request is that in the response's header.",
        _request_id,
        source=sources.REQUEST_ID,
    ),
    _case(
        "context",
        "The context has an id, an ARN, and a time that remains.",
        _context,
        handler="context",
        source=sources.CUSTOM_RUNTIME,
    ),
    _case(
        "request-4mb",
        "A request of 4 MiB of text is taken.",
        _takes(4 * MIB, Wanted(body=b"%d bytes" % (4 * MIB))),
        handler="size",
        source=sources.LIMITS,
    ),
    _case(
        "request-too-large",
        "A request of more than 6 MiB is refused with 413.",
        _takes(TEXT_LIMIT + 1024, Wanted(status=413, end=None)),
        handler="size",
        source=sources.LIMITS,
        grade=Grade.INFERRED,
    ),
)
