"""What a request of a runtime is for."""

import pytest

from apptheory_streaming.wire.runtime_routes import RUNTIME_ROUTES, Route, read_call


@pytest.mark.parametrize("route", RUNTIME_ROUTES, ids=lambda route: route.name)
def test_each_route_in_each_form(route: Route) -> None:
    """A path, a path with a query, and a whole URL are the same; another method is a route of its own."""
    method, path = RUNTIME_ROUTES[route]
    path = path.replace("{request id}", "req-1")
    for target in (path, f"{path}?a=/b", f"{path}#x", f"http://127.0.0.1:9001{path}", f"HTTP://host{path}?x"):
        call = read_call(method, target, {})
        assert call.route is route
        assert call.request_id == ("req-1" if "req-1" in path else "")
    other = "PUT" if method == "POST" else "POST"
    assert read_call(other, path, {}).route is Route.WRONG_METHOD


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "*",
        "http://host",
        "/2018-06-01/runtime/invocation/req-1",
        "/2018-06-01/runtime/invocation/req-1/responses",
        "/2018-06-01/runtime/invocation//response",
        "/2018-06-01/runtime/invocation/response",
        "//2018-06-01/ping",
        "/2018-06-01/ping/",
        "/2015-03-31/functions/function/invocations",
    ],
)
def test_what_is_no_route(target: str) -> None:
    """Nothing is guessed."""
    assert read_call("POST", target, {}).route is Route.UNKNOWN


@pytest.mark.parametrize(
    "path",
    [
        "/2018-06-01/runtime/restore/next",
        "/2018-06-01/runtime/restore/error",
        "/2020-01-01/extension/register",
        "/2020-01-01/extension/event/next",
        "/2020-01-01/extension/init/error",
        "/2020-01-01/extension/exit/error",
        "/2020-08-15/logs",
        "/2022-07-01/telemetry",
        "/2021-04-23/credentials",
    ],
)
def test_what_lambda_has_and_this_has_not(path: str) -> None:
    """SnapStart, extensions, logs and telemetry are known by name."""
    assert read_call("GET", path, {}).route is Route.NOT_EMULATED


@pytest.mark.parametrize("written", ["a%20b%2F%C3%A4", "a b/ä", "a%20b/%c3%a4"])
def test_a_request_id_is_decoded(written: str) -> None:
    """Some clients encode the id, some write it as they got it."""
    assert read_call("POST", f"/2018-06-01/runtime/invocation/{written}/error", {}).request_id == "a b/ä"


@pytest.mark.parametrize(
    ("headers", "streaming", "has_body"),
    [
        ({}, False, False),
        ({"content-length": "0"}, False, False),
        ({"content-length": "3"}, False, True),
        ({"transfer-encoding": "chunked"}, True, True),
        ({"lambda-runtime-function-response-mode": "streaming", "content-length": "3"}, True, True),
        ({"lambda-runtime-function-response-mode": "buffered", "content-length": "3"}, False, True),
        ({"lambda-runtime-function-response-mode": "buffered", "transfer-encoding": "chunked"}, True, True),
    ],
)
def test_what_streams(headers: dict[str, str], streaming: bool, has_body: bool) -> None:
    """The mode says it, or the framing: aws-lambda-go sends no mode."""
    call = read_call("POST", "/2018-06-01/runtime/invocation/req-1/response", headers)

    assert (call.streaming, call.has_body) == (streaming, has_body)


def test_what_else_the_headers_say() -> None:
    """Content type, the echoed id and the error type; each is empty without its header."""
    headers = {
        "content-type": "a/b",
        "lambda-runtime-invocation-id": "attempt-1",
        "lambda-runtime-function-error-type": "Function.Odd",
        "content-length": "²",
    }
    call = read_call("POST", "/2018-06-01/runtime/init/error", headers)
    assert (call.content_type, call.invocation_id, call.error_type) == ("a/b", "attempt-1", "Function.Odd")
    assert call.content_length == 0
    bare = read_call("POST", "/2018-06-01/runtime/init/error", {})
    assert (bare.content_type, bare.invocation_id, bare.error_type) == ("", "", "")
