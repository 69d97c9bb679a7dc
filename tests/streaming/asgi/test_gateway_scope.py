"""An application behind a REST API or a load balancer gets the scope that it gets behind a Function URL (rule R9)."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from apptheory_streaming import asgi
from apptheory_streaming.asgi_apps.scope import http_scope, request_body
from apptheory_streaming.wire.events.format_2 import as_format_2
from apptheory_streaming.wire.events.function_url import FunctionUrl, function_url_event
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit import stream_client
from asgi_apps import sending, start
from event_cases import alb_of, http_api_of, http_event, load_balancer_event, rest_api_of, rest_event

REQUEST = HttpRequest(
    method="POST",
    path="/caf%C3%A9/x",
    query="q=a%20b&q=c%2Bd&e=",
    headers=(
        ("Host", "example.org"),
        ("X-Tag", "one"),
        ("x-tag", "two"),
        ("Cookie", "a=1"),
        ("cookie", "b=2"),
        ("Accept", "*/*"),
    ),
    body=b'{"n": 1}',
    source_ip="203.0.113.7",
)
EVENTS: dict[str, dict[str, Any]] = {
    "rest": rest_event(REQUEST, rest_api_of(stage_in_path=False)),
    "rest, binary": rest_event(REQUEST, rest_api_of(stage_in_path=False, binary_media_types=["*/*"])),
    "http": http_event(REQUEST, http_api_of()),
    "alb multi-value": load_balancer_event(REQUEST, alb_of(multi_value=True)),
}
URL = FunctionUrl(url_id="app", domain="app.lambda-url.eu-north-1.on.aws", scheme="https", port=443)
EXPECTED: dict[str, Any] = function_url_event(REQUEST, URL, request_id="r", epoch_ms=0, trace_id="t")


def scope_of(event: Any) -> dict[str, Any]:
    return http_scope(event, None, spec_version="2.3", state={})


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_r9_one_request_has_one_scope(event: dict[str, Any]) -> None:
    """Method, path, parameters, headers, cookies, client and body; the event itself stays what it was."""
    scope, expected = scope_of(event), scope_of(EXPECTED)
    for key in ("type", "method", "path", "client", "http_version"):
        assert scope[key] == expected[key], key
    assert parse_qsl(scope["query_string"].decode(), keep_blank_values=True) == [("q", "a b"), ("q", "c+d"), ("e", "")]
    headers, known = dict(scope["headers"]), dict(expected["headers"])
    for name in (b"host", b"x-tag", b"cookie", b"accept"):
        assert headers[name] == known[name], name
    assert request_body(event) == REQUEST.body
    assert scope["aws.event"] is event


def test_r9_a_load_balancer_of_single_values_has_the_last_of_each() -> None:
    """What it does not hand on, nobody can have."""
    scope = scope_of(load_balancer_event(REQUEST, alb_of()))
    assert scope["query_string"] == b"q=c%2Bd&e="
    assert dict(scope["headers"])[b"x-tag"] == b"two"
    assert scope["client"] == ("203.0.113.7", 0)
    assert scope["server"] == ("example.org", 80)


def test_r9_what_is_no_such_event_stays_as_it_is() -> None:
    """A Function URL's, and what no front made."""
    events: list[Any] = [EXPECTED, {}, None, [], {"httpMethod": "GET"}, {"requestContext": {}}]
    for event in events:
        assert as_format_2(event) is event


def test_r9_an_event_that_somebody_made_by_hand() -> None:
    """Maps may be null or missing."""
    event: dict[str, Any] = {"httpMethod": "GET", "path": None, "headers": None, "requestContext": {"elb": {}}}
    assert as_format_2(event)["rawPath"] == as_format_2(event)["requestContext"]["http"]["path"] == "/"
    scope = scope_of(event)
    assert (scope["method"], scope["path"], scope["query_string"], scope["headers"]) == ("GET", "/", b"", [])


def test_r9_the_health_check_of_a_load_balancer_is_a_request() -> None:
    """It has no host and no address; as AWS's page on Lambda targets shows it."""
    health: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-north-1:1:targetgroup/a/b"}},
        "httpMethod": "GET",
        "path": "/",
        "queryStringParameters": {},
        "headers": {"user-agent": "ELB-HealthChecker/2.0"},
        "body": "",
        "isBase64Encoded": False,
    }
    scope = scope_of(health)
    assert (scope["method"], scope["path"], scope["query_string"]) == ("GET", "/", b"")
    assert scope["headers"] == [(b"user-agent", b"ELB-HealthChecker/2.0")]
    assert (scope["client"], request_body(health)) == (("", 0), b"")


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
async def test_r9_an_application_answers_it(event: dict[str, Any]) -> None:
    """Through the handler that `asgi` makes."""
    app = sending(start(), {"type": "http.response.body", "body": b"hej"})
    capture = await stream_client(asgi(app)).invoke(event)
    assert (capture.status, capture.body) == (200, b"hej")
