"""The events of REST APIs (payload 1.0), HTTP APIs (2.0) and load balancers: what each keeps, decodes and joins."""

import base64
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.wire.events.function_url import decoded_size
from apptheory_streaming.wire.events.http_api import decode_twice
from apptheory_streaming.wire.events.http_events import is_http_event
from apptheory_streaming.wire.events.resource import find_resource
from apptheory_streaming.wire.request import HttpRequest
from event_cases import (
    ALB,
    HTTP_API,
    REST_API,
    alb_of,
    http_api_of,
    http_event,
    load_balancer_event,
    read_request,
    rest_api_of,
    rest_event,
)


def ids(cases: list[dict[str, Any]]) -> list[str]:
    return [case["name"] for case in cases]


def same(event: dict[str, Any], case: dict[str, Any]) -> None:
    """Every key and value, and the keys in the order of the recording."""
    assert event == case["event"]
    assert list(event) == list(case["event"])
    assert is_http_event(event)
    assert decoded_size(event) == len(read_request(case["request"]).body)


@pytest.mark.parametrize("case", REST_API, ids=ids(REST_API))
def test_recorded_events_of_a_rest_api(case: dict[str, Any]) -> None:
    """Payload format 1.0: the whole event of each request."""
    same(rest_event(read_request(case["request"]), rest_api_of(**case["api"])), case)


@pytest.mark.parametrize("case", HTTP_API, ids=ids(HTTP_API))
def test_recorded_events_of_an_http_api(case: dict[str, Any]) -> None:
    """Payload format 2.0 as an HTTP API makes it: the whole event of each request."""
    same(http_event(read_request(case["request"]), http_api_of(**case["api"])), case)


@pytest.mark.parametrize("case", ALB, ids=ids(ALB))
def test_recorded_events_of_a_load_balancer(case: dict[str, Any]) -> None:
    """A target group: the whole event of each request, in the form that its switch says."""
    same(load_balancer_event(read_request(case["request"]), alb_of(**case["group"])), case)


@pytest.mark.parametrize("cases", [REST_API, HTTP_API, ALB], ids=["rest", "http", "alb"])
def test_a_recorded_case_is_found_by_its_name(cases: list[dict[str, Any]]) -> None:
    """A failing case is one case."""
    assert len(set(ids(cases))) == len(cases)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
TOKENS = st.sampled_from(["X-A", "x-a", "X-a", "Accept", "accept", "X-B"])
HEADERS = st.lists(st.tuples(TOKENS, TEXT), max_size=6)
QUERY = st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=5)


@given(headers=HEADERS)
@settings(deadline=None)
def test_no_value_of_a_header_is_lost(headers: list[tuple[str, str]]) -> None:
    """Multi-value maps have every value in order, maps of one value the last, joined ones a comma between them."""
    request = HttpRequest(method="GET", path="/live/a", headers=tuple(headers))
    rest = rest_event(request, rest_api_of())
    several = load_balancer_event(request, alb_of(multi_value=True))["multiValueHeaders"]
    one = load_balancer_event(request, alb_of())["headers"]
    joined = http_event(request, http_api_of())["headers"]
    for name in {name.lower() for name, _ in headers}:
        values = [value for key, value in headers if key.lower() == name]
        spelling = next(key for key, _ in headers if key.lower() == name)
        assert rest["multiValueHeaders"][spelling] == values == several[name]
        assert rest["headers"][spelling] == values[-1] == one[name]
        assert joined[name] == ",".join(values)
    assert "headers" not in load_balancer_event(request, alb_of(multi_value=True))
    assert "multiValueHeaders" not in load_balancer_event(request, alb_of())


@given(pairs=QUERY)
@settings(deadline=None)
def test_no_parameter_of_a_query_is_lost(pairs: list[tuple[str, str]]) -> None:
    """REST and HTTP APIs decode a query, a load balancer leaves it as it stood."""
    query = urlencode(pairs)
    request = HttpRequest(method="GET", path="/live/a", query=query)
    rest = rest_event(request, rest_api_of())
    http = http_event(request, http_api_of())
    several = load_balancer_event(request, alb_of(multi_value=True))["multiValueQueryStringParameters"]
    decoded: dict[str, list[str]] = {}
    for name, value in pairs:
        decoded.setdefault(name, []).append(value)

    assert (rest["multiValueQueryStringParameters"] or {}) == decoded
    assert (rest["queryStringParameters"] or {}) == {name: values[-1] for name, values in decoded.items()}
    assert http.get("queryStringParameters", {}) == {name: ",".join(values) for name, values in decoded.items()}
    assert http["rawQueryString"] == query
    assert [(name, value) for name, values in several.items() for value in values] == sorted(
        (tuple(part.split("=")) for part in query.split("&") if part),
        key=lambda pair: list(several).index(pair[0]),
    )


@given(body=st.binary(min_size=1, max_size=40), kind=st.sampled_from(["text/plain", "application/json", "image/png"]))
@settings(deadline=None)
def test_every_body_comes_back_from_its_event(body: bytes, kind: str) -> None:
    """L1: an HTTP API, a load balancer, and a REST API where all types are binary, keep each byte of a body."""
    request = HttpRequest(method="POST", path="/live/a", headers=(("content-type", kind),), body=body)
    for event in (
        http_event(request, http_api_of()),
        load_balancer_event(request, alb_of()),
        rest_event(request, rest_api_of(binary_media_types=["*/*"])),
    ):
        text = event["body"]
        assert (base64.b64decode(text) if event["isBase64Encoded"] else text.encode()) == body


def test_a_rest_api_without_binary_media_types_loses_what_is_no_text() -> None:
    """Payload format 1.0: bytes that are no UTF-8 become the sign for that, and nothing says so."""
    request = HttpRequest(method="POST", path="/live/a", headers=(("content-type", "image/png"),), body=b"\x89PNG")
    event = rest_event(request, rest_api_of())
    assert (event["body"], event["isBase64Encoded"]) == ("\ufffdPNG", False)


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("/plain", "/plain"),
        ("/space%20value", "/space value"),
        ("/question%3Fvalue", "/question"),
        ("/hash%23value", "/hash#value"),
        ("/slash%2Fvalue", "/slash/value"),
        ("/unicode-%CE%BB", "/unicode-λ"),
        ("/literal%252Fvalue", "/literal/value"),
        ("/literal%253Fvalue", "/literal?value"),
        ("/literal%2525value", "/literal%value"),
        ("/plus+value", "/plus+value"),
    ],
)
def test_the_paths_of_an_http_api(sent: str, seen: str) -> None:
    """Payload format 2.0: as measured on AWS, a path is decoded twice, and a `?` of the first time ends it."""
    assert decode_twice(sent) == seen
    event = http_event(HttpRequest(method="GET", path=sent), http_api_of())
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == seen


@pytest.mark.parametrize("path", ["/percent%25done", "/%25", "/a%252", "/%zz", "/%"])
def test_a_path_that_an_http_api_refuses(path: str) -> None:
    """Payload format 2.0: escapes that are broken once a path is decoded are refused, as measured on AWS."""
    with pytest.raises(ValueError, match="broken escape"):
        http_api_of().route("GET", path)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/?%"), min_size=1))
@settings(deadline=None)
def test_paths_stay_as_they_were_sent_or_come_back_decoded(text: str) -> None:
    """REST APIs and load balancers keep a path encoded; an HTTP API gives what was quoted."""
    path = f"/{quote(text, safe='')}"
    rest = rest_event(HttpRequest(method="GET", path=f"/live{path}"), rest_api_of())
    assert (rest["path"], rest["pathParameters"]["proxy"]) == (path, path[1:])
    assert load_balancer_event(HttpRequest(method="GET", path=path), alb_of())["path"] == path
    assert http_event(HttpRequest(method="GET", path=path), http_api_of())["rawPath"] == f"/{text}"


@pytest.mark.parametrize("path", ["/", "/a", "/live2/a", "/liv", "/LIVE/a", ""])
def test_a_path_of_another_stage(path: str) -> None:
    """Payload format 1.0: a path that does not begin with the stage leads nowhere."""
    assert not rest_api_of().knows_stage(path)
    assert rest_api_of().route(path) is None


def test_a_path_that_an_api_does_not_have() -> None:
    """Payload format 1.0: `/{proxy+}` alone does not take the root, and a stage is not enough."""
    assert rest_api_of(resources=["/{proxy+}"]).knows_stage("/live/")
    assert rest_api_of(resources=["/{proxy+}"]).route("/live/") is None
    assert rest_api_of(resources=["/a"]).route("/live/b") is None


@pytest.mark.parametrize(("method", "path"), [("GET", "/dev"), ("GET", "/other/a"), ("POST", "/dev/a"), ("GET", "/")])
def test_a_request_that_an_http_api_has_no_route_for(method: str, path: str) -> None:
    """Payload format 2.0: without `$default` there is nothing for other methods, paths and stages."""
    assert http_api_of(stage="dev", routes=["GET /a"]).route(method, path) is None


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", {}),
        ("/users", "/users", {}),
        ("/users/", "/users", {}),
        ("/users/me", "/users/me", {}),
        ("/users/42", "/users/{id}", {"id": "42"}),
        ("/users/42/", "/users/{id}", {"id": "42"}),
        ("/users/42/posts", "/users/{id}/posts", {"id": "42"}),
        ("/users/42/pets", "/users/{id}/{rest+}", {"id": "42", "rest": "pets"}),
        ("/users/me/posts", "/users/{id}/posts", {"id": "me"}),
        ("/x", "/{proxy+}", {"proxy": "x"}),
        ("/x/y//z", "/{proxy+}", {"proxy": "x/y//z"}),
        ("/%7Busers%7D", "/{proxy+}", {"proxy": "%7Busers%7D"}),
    ],
)
def test_the_most_exact_resource_wins(path: str, resource: str, parameters: dict[str, str]) -> None:
    """Resources: text before a parameter before the rest of a path, whatever the order they are given in."""
    resources = ["/{proxy+}", "/users/{id}", "/users/{id}/{rest+}", "/users/me", "/", "/users", "/users/{id}/posts"]
    for order in (resources, resources[::-1]):
        found = find_resource(path, order)
        assert found is not None
        assert (found.resource, found.parameters) == (resource, parameters)


@pytest.mark.parametrize("path", ["/b", "/a/b", "/", "//"])
def test_no_resource(path: str) -> None:
    """Resources: what none takes is nothing."""
    assert find_resource(path, ["/a", "/c/{id}"]) is None
