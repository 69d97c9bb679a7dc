"""The doors of API Gateway: a REST API with a Lambda proxy integration, and an HTTP API."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace

from apptheory_emulator.front.door import Admission, Arrival, Refusal
from apptheory_emulator.front.routes import Destination, Routes, Way
from apptheory_emulator.gateways import DEFAULT_ROUTE
from apptheory_streaming.invocation import InvocationPolicy
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.events.http_api import HttpApi, http_api_event
from apptheory_streaming.wire.events.rest_api import RestApi, rest_api_event
from apptheory_streaming.wire.fronts.http_api import (
    HttpApiFront,
    http_bad_path,
    http_no_route,
    http_throttled,
    http_too_large,
)
from apptheory_streaming.wire.fronts.proxy import message
from apptheory_streaming.wire.fronts.rest_api import (
    RestApiFront,
    TransferMode,
    rest_failed,
    rest_no_resource,
    rest_no_stage,
    rest_throttled,
    rest_too_large,
)
from apptheory_streaming.wire.limits import AWS_NUMBERS

__all__ = ["HttpApiDoor", "RestApiDoor"]

_EVERYTHING = ("ANY /", "ANY /{proxy+}")


class RestApiDoor:
    """Lets the requests of one stage of a REST API pass."""

    def __init__(self, destinations: Sequence[Destination]) -> None:
        """Begin with a full burst; raises UsageError for routes that cannot be those of one API."""
        self.max_request_bytes = AWS_NUMBERS["REST API payload"].value
        self._routes = Routes(destinations, otherwise=_EVERYTHING)
        first = self._routes.by_key(self._routes.keys[0]).gateway
        self._stage = first.stage or "prod"
        self._variables = first.stage_variables
        self.path = f"/{self._stage}/"

    def admit(self, arrival: Arrival) -> Admission | Refusal:
        """Answer what leads nowhere or is too much; let the rest pass."""
        api, extended_id = self._api(arrival), _short_id(arrival.request_id)
        headers = {"x-amzn-RequestId": arrival.request_id, "x-amz-apigw-id": extended_id}
        if not api.knows_stage(arrival.request.path):
            return Refusal(rest_no_stage(), headers)
        route = api.route(arrival.request.path)
        way = None if route is None else self._routes.by_resource(arrival.request.method, route.match.resource)
        if route is None or way is None:
            return Refusal(rest_no_resource(), headers)
        refused = self._refusal(arrival, way)
        if refused is not None:
            return Refusal(refused, headers)
        api = replace(api, binary_media_types=way.gateway.binary_media_types)
        return Admission(
            function=way.function,
            event=rest_api_event(
                arrival.request,
                api,
                route,
                request_id=arrival.request_id,
                extended_request_id=extended_id,
                epoch_ms=arrival.epoch_ms,
                trace_id=arrival.trace_id,
            ),
            front=_rest_front(arrival, way),
            policy=_policy(way),
            platform_headers=headers | {"X-Amzn-Trace-Id": f"{arrival.trace_id};Sampled=0"},
            pace=way.function.config.pace,
            idle_seconds=way.gateway.idle_seconds if way.gateway.transfer_mode is TransferMode.STREAM else None,
        )

    def _refusal(self, arrival: Arrival, way: Way) -> Answer | None:
        if not way.takes(arrival.now):
            return rest_throttled()
        size = len(arrival.request.body)
        if size > self.max_request_bytes:
            return rest_too_large(self.max_request_bytes)
        too_long = way.function.config.limits.refusal(size) is not None  # for Lambda, whose refusal is an error here
        return rest_failed(500) if too_long else None

    def _api(self, arrival: Arrival) -> RestApi:
        return RestApi(
            api_id=arrival.url.url_id,
            domain=f"{arrival.url.url_id}.execute-api.localhost",
            stage=self._stage,
            resources=self._routes.resources,
            stage_variables=self._variables,
            scheme=arrival.url.scheme,
            port=arrival.url.port,
        )


class HttpApiDoor:
    """Lets the requests of one stage of an HTTP API pass."""

    def __init__(self, destinations: Sequence[Destination]) -> None:
        """Begin with a full burst; raises UsageError for routes that cannot be those of one API."""
        self.max_request_bytes = AWS_NUMBERS["HTTP API payload"].value
        self._routes = Routes(destinations, otherwise=(DEFAULT_ROUTE,))
        first = self._routes.by_key(self._routes.keys[0]).gateway
        self._stage = first.stage or DEFAULT_ROUTE
        self._variables = first.stage_variables
        self.path = "/" if self._stage == DEFAULT_ROUTE else f"/{self._stage}/"

    def admit(self, arrival: Arrival) -> Admission | Refusal:
        """Answer what leads nowhere or is too much; let the rest pass."""
        api, request_id = self._api(arrival), _short_id(arrival.request_id)
        headers = {"apigw-requestid": request_id}
        try:
            route = api.route(arrival.request.method, arrival.request.path)
        except ValueError:
            return Refusal(http_bad_path(), headers)
        if route is None:
            return Refusal(http_no_route(), headers)
        way = self._routes.by_key(route.key)
        refused = self._refusal(arrival, way)
        if refused is not None:
            return Refusal(refused, headers)
        return Admission(
            function=way.function,
            event=http_api_event(
                arrival.request,
                api,
                route,
                request_id=request_id,
                epoch_ms=arrival.epoch_ms,
                trace_id=arrival.trace_id,
            ),
            front=HttpApiFront(gives_up_first=_gives_up_first(way)),
            policy=_policy(way),
            platform_headers=headers,
            pace=way.function.config.pace,
        )

    def _refusal(self, arrival: Arrival, way: Way) -> Answer | None:
        if not way.takes(arrival.now):
            return http_throttled()
        size = len(arrival.request.body)
        if size > self.max_request_bytes:
            return http_too_large()
        too_long = way.function.config.limits.refusal(size) is not None  # for Lambda, whose refusal is an error here
        return message(500, "Internal Server Error") if too_long else None

    def _api(self, arrival: Arrival) -> HttpApi:
        return HttpApi(
            api_id=arrival.url.url_id,
            domain=f"{arrival.url.url_id}.execute-api.localhost",
            stage=self._stage,
            routes=self._routes.keys,
            stage_variables=self._variables,
            scheme=arrival.url.scheme,
            port=arrival.url.port,
        )


def _short_id(request_id: str) -> str:
    """Give the id that API Gateway has for a request beside Lambda's, such as `JKJaXmPLvHcESHA=`."""
    return base64.b64encode(hashlib.sha256(request_id.encode()).digest()[:11]).decode()


def _rest_front(arrival: Arrival, way: Way) -> RestApiFront:
    return RestApiFront(
        mode=way.gateway.transfer_mode,
        binary_media_types=way.gateway.binary_media_types,
        accept=arrival.request.first("accept"),
        gives_up_first=_gives_up_first(way),
    )


def _policy(way: Way) -> InvocationPolicy:
    config = way.function.config
    known = (each for each in (config.timeout, way.gateway.seconds) if each is not None)
    return replace(config.policy, timeout=min(known, default=None))


def _gives_up_first(way: Way) -> bool:
    seconds, timeout = way.gateway.seconds, way.function.config.timeout
    return seconds is not None and (timeout is None or seconds <= timeout)
