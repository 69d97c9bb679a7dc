"""The scope and the body that an application gets for an event (rule R9)."""

import json
from typing import Any

import pytest

from apptheory_streaming import LambdaContext, asgi
from apptheory_streaming.asgi_apps.scope import http_scope, request_body
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.events.function_url import FunctionUrl, function_url_event
from apptheory_streaming.wire.request import HttpRequest
from asgi_apps import body, sending, start

URL = FunctionUrl(url_id="app", domain="app.lambda-url.us-east-1.on.aws", scheme="https", port=443)


def event_of(request: HttpRequest) -> dict[str, Any]:
    return function_url_event(request, URL, request_id="req_1", epoch_ms=0, trace_id="Root=1")


def scope_of(request: HttpRequest, **options: Any) -> dict[str, Any]:
    return http_scope(event_of(request), None, **{"spec_version": "2.3", "state": {}, **options})


def request(**fields: Any) -> HttpRequest:
    return HttpRequest(**{"method": "GET", "path": "/", **fields})


def test_r9_the_scope_has_every_key_of_the_specification() -> None:
    """Types and forms are those of ASGI 3; the address of the client has no port."""
    event = event_of(request(path="/a", query="q=1&q=2", headers=(("Accept", "*/*"),), source_ip="1.2.3.4"))
    scope = http_scope(event, "the context", spec_version="2.3", state={"db": 1})
    headers = dict(scope.pop("headers"))

    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/a",
        "raw_path": b"/a",
        "query_string": b"q=1&q=2",
        "root_path": "",
        "client": ("1.2.3.4", 0),
        "server": ("app.lambda-url.us-east-1.on.aws", 443),
        "state": {"db": 1},
        "extensions": {},
        "aws.event": event,
        "aws.context": "the context",
    }
    assert headers[b"accept"] == b"*/*"
    assert headers[b"x-forwarded-proto"] == b"https"


@pytest.mark.parametrize(
    ("raw", "path"),
    [("/caf%C3%A9", "/café"), ("/a%2Fb", "/a/b"), ("/a%20b%3F", "/a b?"), ("/100%", "/100%"), ("/+", "/+")],
)
def test_r9_the_path_is_decoded_and_the_raw_path_is_not(raw: str, path: str) -> None:
    scope = scope_of(request(path=raw))

    assert (scope["path"], scope["raw_path"]) == (path, raw.encode())


def test_r9_the_query_string_is_as_it_came() -> None:
    assert scope_of(request(query="a=%20+b&c=%C3%A9;d&e[]=1"))["query_string"] == b"a=%20+b&c=%C3%A9;d&e[]=1"


def test_r9_repeated_headers_came_joined() -> None:
    """That is how Lambda gives them; names are in lower case."""
    scope = scope_of(request(headers=(("X-A", "1"), ("x-a", "2"), ("cookie", "a=1"), ("cookie", "b=2"))))
    pairs = [(name, value) for name, value in scope["headers"] if name in (b"x-a", b"cookie")]

    assert pairs == [(b"x-a", b"1,2"), (b"cookie", b"a=1; b=2")]


def test_r9_cookies_that_stand_beside_the_headers_become_a_header() -> None:
    """As in events of an HTTP API."""
    event = {"requestContext": {"http": {}}, "headers": {}, "cookies": ["a=1", "b=2"]}

    assert http_scope(event, None, spec_version="2.3", state={})["headers"] == [(b"cookie", b"a=1; b=2")]


@pytest.mark.parametrize(("value", "expected"), [("Grüße", b"Gr\xfc\xdfe"), ("3 €", "3 €".encode())])
def test_r9_header_values_are_latin_1_where_they_can_be(value: str, expected: bytes) -> None:
    assert (b"x-a", expected) in scope_of(request(headers=(("x-a", value),)))["headers"]


@pytest.mark.parametrize(("protocol", "version"), [("HTTP/1.1", "1.1"), ("HTTP/1.0", "1.0"), ("HTTP/2.0", "2")])
def test_r9_the_version_of_http_is_a_bare_number(protocol: str, version: str) -> None:
    event = {"requestContext": {"http": {"protocol": protocol}}}

    assert http_scope(event, None, spec_version="2.3", state={})["http_version"] == version


def test_r9_the_state_is_a_copy_for_each_request() -> None:
    state = {"count": 0}
    scope_of(request(), state=state)["state"]["count"] = 1

    assert state == {"count": 0}


@pytest.mark.parametrize("data", [b"", b"text", "Grüße €".encode(), bytes(range(256))])
@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream"])
def test_r9_the_body_is_the_bytes_that_were_sent(data: bytes, content_type: str) -> None:
    """Text, or base64 in the event."""
    assert request_body(event_of(request(headers=(("content-type", content_type),), body=data))) == data


def test_base64_that_is_none_says_so() -> None:
    with pytest.raises(UsageError, match="its body is not base64"):
        request_body({"body": "???", "isBase64Encoded": True})


@pytest.mark.parametrize("event", [None, "text", {}, {"requestContext": {}}, {"httpMethod": "GET", "path": "/"}])
def test_an_event_of_another_kind_is_refused(event: Any) -> None:
    with pytest.raises(UsageError, match=r"payload format 2\.0"):
        http_scope(event, None, spec_version="2.3", state={})


def test_an_event_of_a_web_socket_is_refused_by_name() -> None:
    event = {"requestContext": {"eventType": "CONNECT", "connectionId": "abc"}}

    with pytest.raises(UsageError, match="WebSocket"):
        http_scope(event, None, spec_version="2.3", state={})


async def test_r9_an_application_reads_its_request_once(stream_client: Any) -> None:
    """The body comes in one piece; scope and context are those of this invocation."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        message = await receive()
        context: LambdaContext = scope["aws.context"]
        found = {
            "message": [message["type"], message["body"].decode(), message["more_body"]],
            "path": scope["path"],
            "event": scope["aws.event"]["rawPath"],
            "request": context.aws_request_id,
        }
        await send(start(200, (b"content-type", b"application/json")))
        await send(body(json.dumps(found).encode(), more=False))

    capture = await stream_client(asgi(app)).post("/caf%C3%A9", content="hello")

    assert capture.json() == {
        "message": ["http.request", "hello", False],
        "path": "/café",
        "event": "/caf%C3%A9",
        "request": "req_test_0001",
    }


async def test_the_refusal_of_an_event_is_a_function_error(stream_client: Any) -> None:
    """E2b: the message is in the capture."""
    capture = await stream_client(asgi(sending())).invoke({"detail": 1})

    assert capture.status == 502
    assert "payload format 2.0" in capture.error.message
