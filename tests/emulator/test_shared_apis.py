"""Functions that share an API, and functions with several fronts, over HTTP: who gets which request."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from apptheory_emulator import Emulator, FunctionConfig
from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from apptheory_streaming.wire.throttle import Throttle
from raw_http import RawResponse, connect, fetch

pytestmark = pytest.mark.usefixtures("virtual_clock")


def function(name: str, *gateways: Gateway | None, **options: Any) -> FunctionConfig:
    """A function that says its name and what it was asked."""

    def handler(event: Any, context: Any) -> dict[str, Any]:
        told = {key: event.get(key) for key in ("resource", "routeKey", "pathParameters", "stageVariables")}
        told["apiId"] = event["requestContext"].get("apiId")
        return {"statusCode": 200, "body": json.dumps({"name": context.function_name, **told})}

    also = tuple(each for each in gateways[1:] if each is not None)
    return FunctionConfig(name=name, target=handler, gateway=gateways[0], also=also, **options)


def rest(*routes: str, **options: Any) -> Gateway:
    """Routes of a REST API called shop."""
    return Gateway(kind=FrontKind.REST_API, api="shop", routes=routes, **options)


def http(*routes: str, **options: Any) -> Gateway:
    """Routes of an HTTP API called shop."""
    return Gateway(kind=FrontKind.HTTP_API, api="shop", routes=routes, **options)


async def answers(url: str, *requests: str) -> list[Any]:
    """What comes of requests such as `GET /prod/x`: the name of a function, or status and message."""
    found: list[Any] = []
    for request in requests:
        method, _, target = request.partition(" ")
        response = await fetch(url, method, target)
        body = json.loads(response.body)
        found.append(body["name"] if response.status == 200 else (response.status, body["message"]))
    return found


NO_ROUTE = (403, "Missing Authentication Token")
NOT_FOUND = (404, "Not Found")


async def test_functions_of_a_rest_api_get_their_own_requests() -> None:
    """By resource, then by method; what leads to no method is answered by the API, also beside a greedy resource."""
    configs = [
        function("item", rest("GET /items/{id}", "PUT /items/{id}")),
        function("items", rest("ANY /items")),
        function("rest", rest("GET /{proxy+}")),
    ]
    async with Emulator(configs) as emulator:
        assert [(each.name, each.routes) for each in emulator.functions] == [
            ("item", ("GET /items/{id}", "PUT /items/{id}")),
            ("items", ("ANY /items",)),
            ("rest", ("GET /{proxy+}",)),
        ]
        url = emulator.functions[0].url
        assert {each.url for each in emulator.functions} == {url}
        assert url.endswith("/prod/")
        found = await answers(
            url,
            "GET /prod/items/1",
            "PUT /prod/items/1",
            "DELETE /prod/items/1",
            "PATCH /prod/items",
            "GET /prod/cats/1",
            "POST /prod/cats/1",
            "GET /prod",
            "GET /live/items",
        )
        event = json.loads((await fetch(url, target="/prod/items/a%20b")).body)
    assert found == ["item", "item", NO_ROUTE, "items", "rest", NO_ROUTE, NO_ROUTE, (403, "Forbidden")]
    assert (event["resource"], event["pathParameters"]) == ("/items/{id}", {"id": "a%20b"})
    assert event["apiId"] == "shop"


async def test_functions_of_an_http_api_get_their_own_requests() -> None:
    """A route for another method does not hide a more general one; without `$default` the rest is not found."""
    configs = [
        function("read", http("GET /items/{id}", stage="dev")),
        function("all", http("ANY /items/{proxy+}", stage="dev")),
    ]
    requests = ("GET /dev/items/1", "POST /dev/items/1", "GET /dev/items/1/2", "GET /dev/cats", "GET /items/1")
    async with Emulator(configs) as emulator:
        found = await answers(emulator.functions[0].url, *requests)
    assert found == ["read", "all", "all", NOT_FOUND, NOT_FOUND]


async def test_the_default_route_takes_the_rest() -> None:
    """`$default` is one function's; the event has the route and the stage's variables."""
    configs = [
        function("read", http("GET /items", stage_variables={"table": "items"})),
        function("other", http("$default", stage_variables={"table": "items"})),
    ]
    async with Emulator(configs) as emulator:
        url = emulator.functions[0].url
        assert await answers(url, "GET /items", "POST /items", "GET /") == ["read", "other", "other"]
        event = json.loads((await fetch(url, target="/x")).body)
    assert (event["routeKey"], event["stageVariables"]) == ("$default", {"table": "items"})
    assert event["apiId"] == "shop"


async def test_a_function_with_a_url_and_routes_has_an_address_for_each() -> None:
    """The Function URL is its own; a host name of its own leads there, also through the port of the API."""
    configs = [
        function("api", rest("GET /api")),
        function("both", None, rest("GET /both", transfer_mode=TransferMode.STREAM), http("GET /both")),
    ]
    async with Emulator(configs) as emulator:
        api, url, streamed, over_http = emulator.functions
        assert [each.front for each in emulator.functions] == ["rest-api", "function-url", "rest-api", "http-api"]
        assert api.url == streamed.url
        assert (streamed.invoke_mode, over_http.invoke_mode) == (InvokeMode.RESPONSE_STREAM, InvokeMode.BUFFERED)
        assert await answers(over_http.url, "GET /both") == ["both"]
        assert "statusCode" in json.loads((await fetch(url.url)).body)  # a URL that streams shows it as it is
        for address in (url.url, api.url):
            assert "statusCode" in json.loads((await fetch_from(address, "both.lambda-url.localhost")).body)
        assert (await fetch_from(url.url, "api.lambda-url.localhost")).status == 403  # `/` is no route of the API


async def fetch_from(url: str, host: str) -> RawResponse:
    """Ask the port of a URL for a host."""
    async with connect(url) as client:
        await client.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return await client.read_response()


async def test_each_route_has_a_bucket_timeouts_and_limits_of_its_own() -> None:
    """C40: one that is used up leaves the others as they are."""
    configs = [
        function("one", rest("GET /a", "GET /b", throttle=Throttle(1, 0.001))),
        function("two", rest("GET /c")),
    ]
    requests = ("GET /prod/a", "GET /prod/a", "GET /prod/b", "GET /prod/b", "GET /prod/c", "GET /prod/c")
    async with Emulator(configs) as emulator:
        found = await answers(emulator.functions[0].url, *requests)
    too_many = (429, "Too Many Requests")
    assert found == ["one", too_many, "one", too_many, "two", "two"]


def two(*gateways: Gateway, **ports: int) -> Iterator[FunctionConfig]:
    """Two functions, with ports if they are given."""
    for name, gateway in zip(("one", "two"), gateways, strict=True):
        yield function(name, gateway, port=ports.get(name))


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        (two(rest("GET /a"), rest("GET /b", "GET /a")), "one and two both have the route GET /a of one API"),
        (two(rest(), rest()), "both have the route ANY / of one API"),
        (two(rest("GET /a", stage="x"), rest("GET /b")), "one API has one stage here"),
        (two(rest("GET /a"), rest("GET /b"), one=1, two=2), "these name several: one 1 and two 2"),
    ],
    ids=["route", "everything", "stage", "port"],
)
async def test_what_two_functions_cannot_share(configs: Iterator[FunctionConfig], said: str) -> None:
    """Before anything listens."""
    with pytest.raises(UsageError, match=said):
        async with Emulator(list(configs)):
            pass


@pytest.mark.parametrize(
    ("kind", "options", "word"),
    [
        (FrontKind.REST_API, {"routes": ("$default",)}, "not '\\$default'"),
        (FrontKind.HTTP_API, {"routes": ("FETCH /",)}, "not 'FETCH /'"),
        (FrontKind.REST_API, {"routes": ("GET items",)}, "not 'GET items'"),
        (FrontKind.ALB, {"routes": ("GET /",)}, "routes"),
        (FrontKind.ALB, {"api": "shop"}, "an API with a name"),
        (FrontKind.ALB, {"stage_variables": {"a": "b"}}, "stage variables"),
    ],
)
def test_what_is_no_route_is_refused(kind: FrontKind, options: dict[str, Any], word: str) -> None:
    """By the name of what is wrong."""
    with pytest.raises(UsageError, match=word):
        Gateway(kind=kind, **options)
