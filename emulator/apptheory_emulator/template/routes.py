"""The routes of a template: which requests of which API lead to which function."""

from collections.abc import Iterator
from dataclasses import replace

from apptheory_emulator.check.parts import Route, number
from apptheory_emulator.check.stack import Stack, referred
from apptheory_emulator.gateways import ANY_METHOD, DEFAULT_ROUTE, IDLE_SECONDS, FrontKind, Gateway
from apptheory_emulator.template.apis import TemplateApi
from apptheory_emulator.template.intrinsics import as_mapping
from apptheory_streaming.wire.fronts.rest_api import TransferMode

__all__ = ["gateway_of", "merged", "notes_on", "routes_to"]

_ANY = ("any", "*", "x-amazon-apigateway-any-method")
_DEEPEST = 100


def routes_to(stack: Stack, function: str) -> Iterator[tuple[str, Route]]:
    """Give the routes that lead to a function, each with its key, such as `GET /items/{id}`."""
    for route in stack.routes:
        if route.function == function:
            yield from _keys(stack, route)


def merged(gateways: list[Gateway]) -> tuple[Gateway, ...]:
    """Join those that differ in nothing but their routes."""
    joined: list[Gateway] = []
    for gateway in gateways:
        alike = (index for index, each in enumerate(joined) if replace(each, routes=()) == replace(gateway, routes=()))
        index = next(alike, None)
        if index is None:
            joined.append(gateway)
        else:
            routes = dict.fromkeys((*joined[index].routes, *gateway.routes))
            joined[index] = replace(gateway, routes=tuple(routes))
    return tuple(joined)


def gateway_of(api: TemplateApi, key: str, route: Route) -> Gateway:
    """Give what stands in front of a function for one route; raises UsageError for what it cannot have."""
    millis = number(route.get("timeoutInMillis"))
    streams = not route.http_api and route.get("responseTransferMode") == TransferMode.STREAM
    own = replace(api, settings={"DefaultRouteSettings": route.get("routeSettings")})
    return Gateway(
        kind=api.kind,
        api=api.name,
        routes=(key,),
        stage=api.stage,
        stage_variables=api.variables,
        transfer_mode=TransferMode.STREAM if streams else TransferMode.BUFFERED,
        binary_media_types=() if route.http_api else api.binary_media_types,
        throttle=own.throttle(key) or api.throttle(key),
        timeout=None if millis is None else millis / 1000,
        idle_seconds=api.idle_seconds if streams else IDLE_SECONDS,
    )


def notes_on(api: TemplateApi, route: Route) -> Iterator[str]:
    """Say what an API would do with a route, and the emulator does not."""
    if api.stage is None and api.kind is FrontKind.REST_API:
        yield f"the stage of {api.name} is not known here: prod instead"
    if "Cors" in api.properties or "CorsConfiguration" in api.properties:
        yield f"{api.name} has CORS, which is not emulated: its preflights are no route here"
    if "Auth" in api.properties or "Auth" in route.properties:
        yield f"{api.name} asks who calls, which is not emulated: everybody may"
    if route.http_api and str(route.get("payloadFormatVersion")) == "1.0":
        yield "an HTTP API hands on payload format 2.0 here, and this route asks for 1.0"
    if str(route.properties.get("type", route.properties.get("Type"))).upper() == "AWS":
        yield "its mapping templates are not emulated: it gets the event of a proxy integration"


def _keys(stack: Stack, route: Route) -> Iterator[tuple[str, Route]]:
    """The keys of a route, such as `GET /items/{id}`, wherever they are written."""
    name = str(route.path[1])
    if route.made_by_sam:
        yield _sam_key(route), route
    elif "paths" in route.path:
        yield _key(route.path[-2], route.path[-3]), route
    elif route.http_api:
        for _, properties, _ in stack.of_type("AWS::ApiGatewayV2::Route"):
            if referred(properties.get("Target")) == name:
                yield str(properties.get("RouteKey")), replace(route, api=referred(properties.get("ApiId")))
    else:
        method = as_mapping(stack.resources[name].get("Properties"))
        yield _key(method.get("HttpMethod"), _resource_path(stack, method.get("ResourceId"))), route


def _sam_key(route: Route) -> str:
    method, path = route.properties.get("Method"), route.properties.get("Path")
    if route.http_api and method is None and path in (None, DEFAULT_ROUTE, f"/{DEFAULT_ROUTE}"):
        return DEFAULT_ROUTE
    return _key(method or ANY_METHOD, path or "/")


def _key(method: object, path: object) -> str:
    if str(path) == f"/{DEFAULT_ROUTE}":
        return DEFAULT_ROUTE
    return f"{ANY_METHOD if str(method).lower() in _ANY else str(method).upper()} {path}"


def _resource_path(stack: Stack, reference: object) -> str:
    """The path of a resource: its parts, from the root of its API."""
    parts: list[str] = []
    for _ in range(_DEEPEST):
        resource = stack.resources.get(referred(reference) or "", {})
        if resource.get("Type") != "AWS::ApiGateway::Resource":
            break
        properties = as_mapping(resource.get("Properties"))
        parts.append(str(properties.get("PathPart")))
        reference = properties.get("ParentId")
    return "/" + "/".join(reversed(parts))
