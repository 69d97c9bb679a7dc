"""The event of a REST API of API Gateway with a Lambda proxy integration: payload format 1.0.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
and events captured from a real REST API on 2026-07-10: the path stays encoded, with its stage in the
request context only; `headers` has the last value of each name, `multiValueHeaders` all of them;
parameters are decoded; `content-length` is not handed on.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apptheory_streaming.wire.events.request_parts import end_to_end_headers, query_pairs, request_time
from apptheory_streaming.wire.events.resource import ResourceMatch, find_resource
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["RestApi", "RestRoute", "is_binary", "rest_api_event"]

# API Gateway writes these in its own case; every other name stays as the client wrote it.
_TITLE_CASE = {
    name.lower(): name
    for name in ("Host", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto")
}
_NO_IDENTITY = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRoute:
    """Where in an API a request goes: the path without its stage, and the resource it belongs to."""

    path: str
    match: ResourceMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class RestApi:
    """A deployed REST API: where it is reached, its stage and its resources.

    With `stage_in_path`, as at `execute-api` addresses, a path begins with the stage; a custom domain
    has none there.  `binary_media_types` are those whose bodies come as base64; `*/*` means all.
    """

    api_id: str
    domain: str
    stage: str = "prod"
    stage_in_path: bool = True
    resources: tuple[str, ...] = ("/", "/{proxy+}")
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    binary_media_types: tuple[str, ...] = ()
    account_id: str = "123456789012"
    resource_id: str = "a1b2c3"
    scheme: str = "https"
    port: int = 443

    def knows_stage(self, path: str) -> bool:
        """Whether a path as the client sent it is one of this stage."""
        return not self.stage_in_path or path == f"/{self.stage}" or path.startswith(f"/{self.stage}/")

    def route(self, path: str) -> RestRoute | None:
        """Give where a path as the client sent it leads, None where the API has nothing."""
        if not self.knows_stage(path):
            return None
        inner = (path[len(self.stage) + 1 :] or "/") if self.stage_in_path else path
        match = find_resource(inner, self.resources)
        return None if match is None else RestRoute(path=inner, match=match)


def rest_api_event(
    request: HttpRequest,
    api: RestApi,
    route: RestRoute,
    *,
    request_id: str,
    extended_request_id: str,
    epoch_ms: int,
    trace_id: str,
) -> dict[str, object]:
    """Give the event for a request; `epoch_ms` is when it came, in milliseconds since 1970."""
    headers = _headers(request, api, trace_id)
    query = _collected(query_pairs(request.query))
    return {
        "resource": route.match.resource,
        "path": route.path,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": headers or None,
        "queryStringParameters": _last(query),
        "multiValueQueryStringParameters": query or None,
        "pathParameters": route.match.parameters or None,
        "stageVariables": dict(api.stage_variables) or None,
        "requestContext": _context(request, api, route)
        | {
            "requestId": request_id,
            "extendedRequestId": extended_request_id,
            "requestTime": request_time(epoch_ms),
            "requestTimeEpoch": epoch_ms,
        },
        **_body(request, api),
    }


def is_binary(media_type: str, binary_media_types: Iterable[str]) -> bool:
    """Whether a media type is one of those that an API treats as bytes; a type that is missing is none."""
    kind = media_type.partition(";")[0].strip().lower()
    known = {each.lower() for each in binary_media_types}
    return "*/*" in known or (kind != "" and kind in known)


def _headers(request: HttpRequest, api: RestApi, trace_id: str) -> dict[str, list[str]]:
    values = _collected(_named(request))
    came_from = ", ".join((*values.get("X-Forwarded-For", ()), request.source_ip))
    values |= {
        "X-Forwarded-For": [came_from],
        "X-Forwarded-Port": [str(api.port)],
        "X-Forwarded-Proto": [api.scheme],
    }
    values.setdefault("X-Amzn-Trace-Id", [trace_id])
    return values


def _named(request: HttpRequest) -> Iterable[tuple[str, str]]:
    """Each header under the first spelling that its name came in (inferred for names in several)."""
    spellings = dict(_TITLE_CASE)
    for name, value in end_to_end_headers(request):
        if name.lower() != "content-length":
            yield spellings.setdefault(name.lower(), name), value


def _collected(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    collected: dict[str, list[str]] = {}
    for name, value in pairs:
        collected.setdefault(name, []).append(value)
    return collected


def _last(values: Mapping[str, list[str]]) -> dict[str, str] | None:
    return {name: each[-1] for name, each in values.items()} or None


def _context(request: HttpRequest, api: RestApi, route: RestRoute) -> dict[str, object]:
    return {
        "accountId": api.account_id,
        "apiId": api.api_id,
        "domainName": api.domain,
        "domainPrefix": api.domain.partition(".")[0],
        "httpMethod": request.method,
        "identity": dict.fromkeys(_NO_IDENTITY)
        | {
            "sourceIp": request.source_ip,
            "user": None,
            "userAgent": request.first("user-agent") or None,
            "userArn": None,
        },
        "path": request.path,
        "protocol": request.protocol,
        "resourceId": api.resource_id,
        "resourcePath": route.match.resource,
        "stage": api.stage,
    }


def _body(request: HttpRequest, api: RestApi) -> dict[str, object]:
    """Base64 for binary media types; any other body is text, and what is not UTF-8 in it is lost (inferred)."""
    if not request.body:
        return {"body": None, "isBase64Encoded": False}
    if is_binary(request.first("content-type"), api.binary_media_types):
        return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
    return {"body": request.body.decode("utf-8", "replace"), "isBase64Encoded": False}
