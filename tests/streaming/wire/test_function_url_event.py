"""The event of a Function URL: golden cases, and the rules for path, body type and size (L1)."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_fixtures import load
from apptheory_streaming.wire.events.function_url import (
    FunctionUrl,
    decode_path,
    decoded_size,
    function_url_event,
    is_text,
)
from apptheory_streaming.wire.request import HttpRequest

CASES: list[dict[str, Any]] = load("events/function_url.json")
URL = FunctionUrl(
    url_id="q7fexampleid2u4", domain="q7fexampleid2u4.lambda-url.eu-north-1.on.aws", scheme="https", port=443
)


def make_event(request: HttpRequest, *, epoch_ms: int = 1767225599123) -> dict[str, Any]:
    return function_url_event(
        request,
        URL,
        request_id="0b6f1c1e-5d0a-4a52-9a4e-3c1f2b7d9e10",
        epoch_ms=epoch_ms,
        trace_id="Root=1-6955b8ff-0123456789abcdef01234567",
    )


def read_request(fields: dict[str, Any]) -> HttpRequest:
    text = fields["body"]["value"]
    return HttpRequest(
        method=fields["method"],
        path=fields["path"],
        query=fields["query"],
        headers=tuple((name, value) for name, value in fields["headers"]),
        body=base64.b64decode(text) if fields["body"]["encoding"] == "base64" else text.encode(),
        source_ip="203.0.113.7",
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_golden_events(case: dict[str, Any]) -> None:
    """Payload format 2.0: the whole event of each golden request, with its keys in the order of AWS."""
    event = make_event(read_request(case["request"]))
    assert event == case["event"]
    assert list(event) == list(case["event"])
    assert list(event["requestContext"]) == list(case["event"]["requestContext"])


def test_the_golden_cases_have_names_of_their_own() -> None:
    """Payload format 2.0: a failing case is found by its name."""
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names)
    assert {case["request"]["method"] for case in CASES} == {"GET", "POST", "PUT", "PATCH", "HEAD", "OPTIONS", "DELETE"}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_size_of_a_golden_body(case: dict[str, Any]) -> None:
    """L1: the decoded size of an event is that of the request body, whether it stands as text or base64."""
    assert decoded_size(case["event"]) == len(read_request(case["request"]).body)


@given(body=st.binary(max_size=50), content_type=st.sampled_from(["text/plain", "application/json", "image/png", ""]))
@settings(deadline=None)
def test_every_body_comes_back_from_its_event(body: bytes, content_type: str) -> None:
    """L1: no byte of a body is lost, and its decoded size is exact."""
    event = make_event(HttpRequest(method="POST", headers=(("content-type", content_type),), body=body))
    text = event.get("body", "")
    assert (base64.b64decode(text, validate=True) if event["isBase64Encoded"] else text.encode()) == body
    assert decoded_size(event) == len(body)
    assert ("body" in event) is bool(body)


@pytest.mark.parametrize(
    ("event", "size"), [({}, 0), ({"body": None}, 0), ({"body": 5}, 0), ([], 0), (None, 0), ({"body": "é"}, 2)]
)
def test_the_size_of_an_event_that_somebody_made(event: object, size: int) -> None:
    """L1: an event without a text body counts as empty, text counts in UTF-8."""
    assert decoded_size(event) == size


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("application/json", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("text/plain", True),
        ("text/anything", True),
        ("TEXT/HTML", True),
        ("Application/Json ; charset=utf-8", True),
        ("", False),
        ("text", False),
        ("application/jsonx", False),
        ("application/problem+json", False),
        ("application/octet-stream", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=text/plain", False),
        ("image/svg+xml", False),
    ],
)
def test_which_types_stand_as_text(content_type: str, text: bool) -> None:
    """Payload format 2.0: text/*, JSON, XML and JavaScript stand as text, everything else as base64."""
    assert is_text(content_type) is text


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        ("/", "/"),
        ("/a%20b", "/a b"),
        ("/a+b", "/a+b"),
        ("/%2F%2f", "///"),
        ("/%C3%A9", "/é"),
        ("/%F0%9F%98%80", "/😀"),
        ("/%00", "/\0"),
        ("/%", "/%"),
        ("/%4", "/%4"),
        ("/%zz", "/%zz"),
        ("/%%41", "/%A"),
        ("/%25%34%31", "/%41"),
        ("/%ff%41", "/%ffA"),
        ("/%41%fF%C3", "/A%fF%C3"),
        ("/%C3%41", "/%C3A"),
        ("/%ED%A0%80", "/%ED%A0%80"),
        ("/%E2%82%E2%82%AC", "/%E2%82€"),
        ("/é", "/é"),
    ],
)
def test_decoding_a_path(path: str, decoded: str) -> None:
    """Payload format 2.0: valid escapes are decoded once, as UTF-8; what is no valid escape stays to the letter."""
    assert decode_path(path) == decoded


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(deadline=None)
def test_every_quoted_path_is_decoded(text: str) -> None:
    """Payload format 2.0: decoding undoes quoting."""
    assert decode_path(quote(text, safe="/")) == text


@pytest.mark.parametrize(
    ("epoch_ms", "text"),
    [
        (0, "01/Jan/1970:00:00:00 +0000"),
        (999, "01/Jan/1970:00:00:00 +0000"),
        (951782399999, "28/Feb/2000:23:59:59 +0000"),
        (951782400000, "29/Feb/2000:00:00:00 +0000"),
        (1791331200000, "07/Oct/2026:00:00:00 +0000"),
    ],
)
def test_the_time_of_a_request(epoch_ms: int, text: str) -> None:
    """D1: time and timeEpoch are the given moment, in UTC; milliseconds never round up."""
    context = make_event(HttpRequest(method="GET"), epoch_ms=epoch_ms)["requestContext"]
    assert (context["time"], context["timeEpoch"]) == (text, epoch_ms)


def test_months_are_english() -> None:
    """Payload format 2.0: the names of the months are those of HTTP dates."""
    middles = [
        make_event(HttpRequest(method="GET"), epoch_ms=(14 + 365 * month // 12) * 86_400_000) for month in range(12)
    ]
    months = [event["requestContext"]["time"].split("/")[1] for event in middles]
    assert months == ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def test_the_scheme_and_port_that_the_client_used() -> None:
    """Payload format 2.0: the forwarding headers speak of the URL itself."""
    local = FunctionUrl(url_id="app", domain="localhost", scheme="http", port=3000)
    event: dict[str, Any] = function_url_event(
        HttpRequest(method="GET", headers=(("X-Forwarded-Proto", "gopher"), ("x-forwarded-port", "1"))),
        local,
        request_id="r",
        epoch_ms=0,
        trace_id="t",
    )
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["headers"]["x-forwarded-port"] == "3000"
    assert event["requestContext"]["domainName"] == "localhost"


def test_a_request_without_a_user_agent() -> None:
    """Payload format 2.0: the key stays, with empty text."""
    assert make_event(HttpRequest(method="GET"))["requestContext"]["http"]["userAgent"] == ""


@pytest.mark.parametrize("value", [";", " ", "; ;"])
def test_a_cookie_header_without_cookies(value: str) -> None:
    """Payload format 2.0: an event has a `cookies` key only where there is a cookie."""
    event = make_event(HttpRequest(method="GET", headers=(("cookie", value),)))
    assert "cookies" not in event
    assert event["headers"]["cookie"] == value


@pytest.mark.parametrize("query", ["", "&", "&&"])
def test_a_query_without_parameters(query: str) -> None:
    """Payload format 2.0: the raw query stays, and there is no key for parameters where there are none."""
    event = make_event(HttpRequest(method="GET", query=query))
    assert event["rawQueryString"] == query
    assert "queryStringParameters" not in event


def test_loading_a_file_that_is_not_there() -> None:
    """The loader names the file that is missing."""
    with pytest.raises(FileNotFoundError, match="no_such_file"):
        load("events/no_such_file.json")
