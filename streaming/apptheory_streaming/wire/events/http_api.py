"""The event of an HTTP API of API Gateway: payload format 2.0.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
and events captured from a real HTTP API on 2026-07-10.  It differs from that of a Function URL: the
path is decoded in both places, twice, and a `?` that shows after the first time ends it; cookies are
not among the headers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from apptheory_streaming.wire.events.function_url import decode_path
from apptheory_streaming.wire.events.request_parts import (
    body_fields,
    cookies_of,
    is_text,
    joined_headers,
    joined_parameters,
    request_time,
)
from apptheory_streaming.wire.events.resource import ResourceMatch, find_resource
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["HttpApi", "HttpRoute", "decode_twice", "http_api_event"]

DEFAULT = "$default"
"""The route and the stage that take what no other does."""

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRoute:
    """Where in an API a request goes: its decoded path, the route, and the parameters of that."""

    path: str
    key: str = DEFAULT
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi:
    """An HTTP API: where it is reached, its stage and its routes, such as `GET /users/{id}` or `$default`.

    A stage with a name stands at the beginning of each path, also of the one in the event.
    """

    api_id: str
    domain: str
    stage: str = DEFAULT
    routes: tuple[str, ...] = (DEFAULT,)
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    account_id: str = "123456789012"
    scheme: str = "https"
    port: int = 443

    def route(self, method: str, path: str) -> HttpRoute | None:
        """Give where a request leads, None where the API has nothing or its stage is another.

        Raises ValueError for a path that decode_twice refuses.
        """
        decoded = decode_twice(path)
        prefix = "" if self.stage == DEFAULT else f"/{self.stage}"
        if prefix and decoded != prefix and not decoded.startswith(f"{prefix}/"):
            return None
        found = self._find(method, decoded[len(prefix) :] or "/")
        if found is not None:
            return HttpRoute(path=decoded, key=found[0], parameters=found[1].parameters)
        return HttpRoute(path=decoded) if DEFAULT in self.routes else None

    def _find(self, method: str, path: str) -> tuple[str, ResourceMatch] | None:
        """The route for the method itself comes before the one for any."""
        for verb in (method, "ANY"):
            resources = {key.partition(" ")[2]: key for key in self.routes if key.partition(" ")[0] == verb}
            match = find_resource(path, resources)
            if match is not None:
                return resources[match.resource], match
        return None


def http_api_event(
    request: HttpRequest, api: HttpApi, route: HttpRoute, *, request_id: str, epoch_ms: int, trace_id: str
) -> dict[str, object]:
    """Give the event for a request; `epoch_ms` is when it came, in milliseconds since 1970."""
    headers = _headers(request, api, trace_id)
    optional: dict[str, object] = {
        "cookies": cookies_of(headers.pop("cookie", "")),
        "queryStringParameters": joined_parameters(request.query),
        "pathParameters": dict(route.parameters),
        "stageVariables": dict(api.stage_variables),
    }
    event: dict[str, object] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": route.path,
        "rawQueryString": request.query,
        "cookies": optional["cookies"],
        "headers": headers,
        "queryStringParameters": optional["queryStringParameters"],
        "requestContext": _context(request, api, route, request_id, epoch_ms),
        "pathParameters": optional["pathParameters"],
        "stageVariables": optional["stageVariables"],
    }
    absent = {name for name, value in optional.items() if not value}
    body = body_fields(request.body, text=is_text(request.first("content-type")))
    return {name: value for name, value in event.items() if name not in absent} | body


def decode_twice(path: str) -> str:
    """Decode a path as HTTP APIs do, as captured: once, up to a `?` that shows then, and once more.

    Raises ValueError for escapes that are broken the second time; AWS answers such a path with 400.
    """
    once = decode_path(path).partition("?")[0]
    if _BAD_ESCAPE.search(once):
        raise ValueError(f"the path {path!r} has a broken escape once it is decoded; an HTTP API refuses it")
    return decode_path(once)


def _headers(request: HttpRequest, api: HttpApi, trace_id: str) -> dict[str, str]:
    joined = joined_headers(request)
    joined["x-forwarded-for"] = ", ".join(filter(None, (joined.get("x-forwarded-for"), request.source_ip)))
    joined["x-forwarded-port"] = str(api.port)
    joined["x-forwarded-proto"] = api.scheme
    joined.setdefault("x-amzn-trace-id", trace_id)
    return joined


def _context(request: HttpRequest, api: HttpApi, route: HttpRoute, request_id: str, epoch_ms: int) -> dict[str, object]:
    return {
        "accountId": api.account_id,
        "apiId": api.api_id,
        "domainName": api.domain,
        "domainPrefix": api.domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": route.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.first("user-agent"),
        },
        "requestId": request_id,
        "routeKey": route.key,
        "stage": api.stage,
        "time": request_time(epoch_ms),
        "timeEpoch": epoch_ms,
    }
