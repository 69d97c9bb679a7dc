"""Rules on API Gateway: its kind, the integration, and what a streamed route cannot have."""

import re
from collections.abc import Iterator
from typing import ClassVar

from apptheory_emulator.check import base
from apptheory_emulator.check.parts import Api, Path, Route, number
from apptheory_emulator.check.stack import Stack
from apptheory_emulator.template.intrinsics import as_list, as_mapping

__all__ = [
    "ApiCaching",
    "ApiCompression",
    "ApiWithoutCors",
    "EdgeIdle",
    "HttpApiCannotStream",
    "IntegrationBuffers",
    "WrongInvocationPath",
]

_PAGE = f"{base.API_GATEWAY}response-transfer-mode.html"
_URI = re.compile(r":lambda:path/2021-11-15/functions/.+/response-streaming-invocations$")
_IMPLICIT_API = "ServerlessRestApi"
_EDGE_SECONDS = 30
_OTHER_SECONDS = 300


class HttpApiCannotStream(base.StreamingRule):
    """Only REST APIs stream."""

    id = "E9501"
    shortdesc = "A streaming function behind an HTTP API"
    description = "HTTP APIs collect the whole response before they send it: only REST APIs have a transfer mode."
    fix: ClassVar[str] = "Use a REST API (AWS::Serverless::Api, an event of type Api) or a Function URL"
    source_url = _PAGE

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the routes of HTTP APIs that lead to streaming functions."""
        for route in stack.routes:
            why = stack.why_streaming(route.function)
            if route.http_api and route.streams:
                yield base.Problem("An HTTP API cannot stream, and this integration wants to", route.path)
            elif route.http_api and why:
                yield base.Problem(f"{route.function} streams ({why}), but an HTTP API buffers it", route.path)


class IntegrationBuffers(base.StreamingRule):
    """Streaming is asked for by the integration."""

    id = "E9502"
    shortdesc = "An integration that should stream and buffers"
    description = "Without responseTransferMode: STREAM API Gateway collects the response and sends it at the end."
    fix: ClassVar[str] = "Set responseTransferMode: STREAM on the integration (ResponseTransferMode in CloudFormation)"
    source_url = _PAGE

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the integrations with another mode, or none."""
        for route in _rest(stack):
            mode = route.get("responseTransferMode")
            if mode == "STREAM" or "$" in str(mode):
                continue
            why = stack.why_streaming(route.function)
            if route.streams or why:
                said = f"it says {mode}" if mode else "it does not say so, and BUFFERED is the default"
                what = "The URI asks for a stream" if route.streams else f"{route.function} streams ({why})"
                yield base.Problem(f"{what}, but this integration buffers: {said}", route.at("responseTransferMode"))


class WrongInvocationPath(base.StreamingRule):
    """A streamed invocation has a path and a date of its own."""

    id = "E9503"
    shortdesc = "A streaming integration with the URI of another invocation"
    description = (
        "API Gateway asks Lambda for a stream by the path 2021-11-15/functions/…/response-streaming-invocations; "
        "with that of 2015-03-31 the function answers at once, and the request fails."
    )
    fix: ClassVar[str] = (
        "Write arn:aws:apigateway:${AWS::Region}:lambda:path/2021-11-15/functions/${Function.Arn}"
        "/response-streaming-invocations"
    )
    source_url = f"{base.API_GATEWAY}response-streaming-lambda-configure.html"

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the URIs of Lambda that are not of that form."""
        for route in _rest(stack):
            if route.streams and ":lambda:path" in route.uri and not _URI.search(route.uri):
                path = route.uri.partition(":lambda:path/")[2]
                yield base.Problem(f"{path!r} is not how a streamed invocation is asked for", route.at("uri"))


class EdgeIdle(base.StreamingRule):
    """A silent stream is ended by the endpoint."""

    id = "W9509"
    shortdesc = "A stream that may be silent for longer than its endpoint waits"
    description = (
        "An edge-optimised endpoint ends a stream after 30 seconds without a byte, a regional or private one after 5 "
        "minutes. Metadata apptheory: {longest_silence: SECONDS} of the function says how long it may be silent."
    )
    fix: ClassVar[str] = (
        "Make the endpoint REGIONAL, send something meanwhile (a heartbeat), or say the longest silence"
    )
    source_url = _PAGE

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give endpoints that are edge-optimised on purpose, and those that are too impatient for what is declared."""
        for api, routes in _streamed(stack):
            limit = _EDGE_SECONDS if api.endpoint in (None, "EDGE") else _OTHER_SECONDS
            declared = [stack.functions[route.function].declared for route in routes if route.function]
            silences = [number(each.get("longest_silence")) for each in declared]
            known = [silence for silence in silences if silence is not None]
            path = (*api.path, "EndpointConfiguration")
            if known and max(known) > limit:
                yield base.Problem(
                    f"{api.name} ends a stream after {limit} seconds of silence; up to {max(known):g} are declared",
                    path,
                )
            elif api.endpoint == "EDGE" and not known:
                yield base.Problem(f"{api.name} is edge-optimised and ends a stream after 30 seconds of silence", path)


class ApiWithoutCors(base.StreamingRule):
    """A page of another origin needs CORS."""

    id = "W9516"
    shortdesc = "No CORS on a streamed route that pages of other origins read"
    description = (
        "A browser asks an API of another origin first, by OPTIONS, and needs access-control headers in each answer. "
        "Metadata apptheory: {browser: true} of the function or of the API says that browsers read it."
    )
    fix: ClassVar[str] = "Set Cors on the API, or add an OPTIONS method that answers the preflight"
    source_url = f"{base.API_GATEWAY}how-to-cors.html"

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give APIs with streamed routes for browsers and neither Cors nor OPTIONS."""
        for api, routes in _streamed(stack):
            functions = [stack.functions[route.function].declared for route in routes if route.function]
            if not any(_true(each.get("browser")) for each in (api.declared, *functions)):
                continue
            if "Cors" not in api.properties and not _has_options(stack, api):
                yield base.Problem(f"{api.name} is read by browsers and has no CORS", api.path)


class ApiCompression(base.StreamingRule):
    """API Gateway cannot compress a stream."""

    id = "W9512"
    shortdesc = "Compression on an API with streamed routes"
    description = "Content encoding is not available for streamed responses: API Gateway sends them as they come."
    fix: ClassVar[str] = "Remove MinimumCompressionSize, or give the streamed routes an API of their own"
    source_url = _PAGE

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the sizes."""
        for api, _ in _streamed(stack):
            for key in ("MinimumCompressionSize", "DefinitionBody", "Body"):
                value = api.properties.get(key)
                inner = "x-amazon-apigateway-minimum-compression-size"
                if key == "MinimumCompressionSize" and value is not None:
                    yield base.Problem(f"{api.name} streams and compresses", (*api.path, key))
                elif inner in as_mapping(value):
                    yield base.Problem(f"{api.name} streams and compresses", (*api.path, key, inner))


class ApiCaching(base.StreamingRule):
    """API Gateway cannot cache a stream."""

    id = "W9513"
    shortdesc = "Caching on a streamed route"
    description = "Endpoint caching is not available for streamed responses; each one is made anew."
    fix: ClassVar[str] = "Switch caching off for the streamed routes"
    source_url = _PAGE

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give cache settings of integrations, and the method settings of stages that switch caching on."""
        for api, routes in _streamed(stack):
            for route in routes:
                if route.get("cacheKeyParameters"):
                    yield base.Problem("A streamed integration has cache keys", route.at("cacheKeyParameters"))
            yield from _cached_settings(api.name, api.properties.get("MethodSettings"), api.path)
            for _, stage, path in stack.of_type("AWS::ApiGateway::Stage"):
                if f"${{{api.name}}}" == stage.get("RestApiId"):
                    yield from _cached_settings(api.name, stage.get("MethodSettings"), path)


def _cached_settings(name: str, settings: object, path: Path) -> Iterator[base.Problem]:
    for index, each in enumerate(as_list(settings)):
        if _true(as_mapping(each).get("CachingEnabled")):
            where = (*path, "MethodSettings", index, "CachingEnabled")
            yield base.Problem(f"{name} streams, and these settings switch caching on", where)


def _rest(stack: Stack) -> Iterator[Route]:
    return (route for route in stack.routes if not route.http_api)


def _streamed(stack: Stack) -> Iterator[tuple[Api, list[Route]]]:
    """The REST APIs that have streamed routes, with those."""
    streamed = [route for route in _rest(stack) if route.get("responseTransferMode") == "STREAM"]
    for name, api in stack.apis.items():
        routes = [route for route in streamed if route.api == name]
        if routes:
            yield api, routes


def _has_options(stack: Stack, api: Api) -> bool:
    bodies = (as_mapping(api.properties.get(key)) for key in ("DefinitionBody", "Body"))
    methods = (methods for body in bodies for methods in as_mapping(body.get("paths")).values())
    if any(str(each).lower() == "options" for methods in methods for each in as_mapping(methods)):
        return True
    return any(
        each.get("HttpMethod") == "OPTIONS" and f"${{{api.name}}}" == each.get("RestApiId")
        for _, each, _ in stack.of_type("AWS::ApiGateway::Method")
    )


def _true(value: object) -> bool:
    return str(value).lower() == "true"
