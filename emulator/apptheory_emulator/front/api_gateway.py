"""The doors of API Gateway: a REST API with a Lambda proxy integration, and an HTTP API."""

import base64
import hashlib
from dataclasses import replace

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.front.door import Admission, Arrival, Refusal
from apptheory_emulator.gateways import Gateway
from apptheory_streaming.invocation import InvocationPolicy
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.events.http_api import DEFAULT, HttpApi, http_api_event
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
from apptheory_streaming.wire.throttle import TokenBucket

__all__ = ["HttpApiDoor", "RestApiDoor"]


class RestApiDoor:
    """Lets the requests of one stage of a REST API pass."""

    def __init__(self, config: FunctionConfig, gateway: Gateway) -> None:
        """Begin with a full burst."""
        self.max_request_bytes = AWS_NUMBERS["REST API payload"].value
        self.path = f"/{gateway.stage or 'prod'}/"
        self._config = config
        self._gateway = gateway
        self._bucket = None if gateway.throttle is None else TokenBucket(gateway.throttle)

    def admit(self, arrival: Arrival) -> Admission | Refusal:
        """Answer what leads nowhere or is too much; let the rest pass."""
        api, extended_id = self._api(arrival), _short_id(arrival.request_id)
        headers = {"x-amzn-RequestId": arrival.request_id, "x-amz-apigw-id": extended_id}
        route = api.route(arrival.request.path)
        if route is None:
            known = api.knows_stage(arrival.request.path)
            return Refusal(rest_no_resource() if known else rest_no_stage(), headers)
        refused = self._refusal(arrival)
        if refused is not None:
            return Refusal(refused, headers)
        return Admission(
            event=rest_api_event(
                arrival.request,
                api,
                route,
                request_id=arrival.request_id,
                extended_request_id=extended_id,
                epoch_ms=arrival.epoch_ms,
                trace_id=arrival.trace_id,
            ),
            front=self._front(arrival),
            policy=_policy(self._config, self._gateway),
            platform_headers=headers | {"X-Amzn-Trace-Id": f"{arrival.trace_id};Sampled=0"},
            pace=self._config.pace,
            idle_seconds=self._gateway.idle_seconds if self._gateway.transfer_mode is TransferMode.STREAM else None,
        )

    def _refusal(self, arrival: Arrival) -> Answer | None:
        if self._bucket is not None and not self._bucket.take(arrival.now):
            return rest_throttled()
        size = len(arrival.request.body)
        if size > self.max_request_bytes:
            return rest_too_large(self.max_request_bytes)
        too_long = self._config.limits.refusal(size) is not None  # for Lambda, whose refusal is an error here
        return rest_failed(500) if too_long else None

    def _front(self, arrival: Arrival) -> RestApiFront:
        return RestApiFront(
            mode=self._gateway.transfer_mode,
            binary_media_types=self._gateway.binary_media_types,
            accept=arrival.request.first("accept"),
            gives_up_first=_gives_up_first(self._config, self._gateway),
        )

    def _api(self, arrival: Arrival) -> RestApi:
        return RestApi(
            api_id=arrival.url.url_id,
            domain=f"{arrival.url.url_id}.execute-api.localhost",
            stage=self._gateway.stage or "prod",
            binary_media_types=self._gateway.binary_media_types,
            scheme=arrival.url.scheme,
            port=arrival.url.port,
        )


class HttpApiDoor:
    """Lets the requests of one stage of an HTTP API pass."""

    def __init__(self, config: FunctionConfig, gateway: Gateway) -> None:
        """Begin with a full burst."""
        self.max_request_bytes = AWS_NUMBERS["HTTP API payload"].value
        self.path = "/" if gateway.stage in (None, DEFAULT) else f"/{gateway.stage}/"
        self._config = config
        self._gateway = gateway
        self._bucket = None if gateway.throttle is None else TokenBucket(gateway.throttle)

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
        refused = self._refusal(arrival)
        if refused is not None:
            return Refusal(refused, headers)
        return Admission(
            event=http_api_event(
                arrival.request,
                api,
                route,
                request_id=request_id,
                epoch_ms=arrival.epoch_ms,
                trace_id=arrival.trace_id,
            ),
            front=HttpApiFront(gives_up_first=_gives_up_first(self._config, self._gateway)),
            policy=_policy(self._config, self._gateway),
            platform_headers=headers,
            pace=self._config.pace,
        )

    def _refusal(self, arrival: Arrival) -> Answer | None:
        if self._bucket is not None and not self._bucket.take(arrival.now):
            return http_throttled()
        size = len(arrival.request.body)
        if size > self.max_request_bytes:
            return http_too_large()
        too_long = self._config.limits.refusal(size) is not None  # for Lambda, whose refusal is an error here
        return message(500, "Internal Server Error") if too_long else None

    def _api(self, arrival: Arrival) -> HttpApi:
        return HttpApi(
            api_id=arrival.url.url_id,
            domain=f"{arrival.url.url_id}.execute-api.localhost",
            stage=self._gateway.stage or DEFAULT,
            scheme=arrival.url.scheme,
            port=arrival.url.port,
        )


def _short_id(request_id: str) -> str:
    """Give the id that API Gateway has for a request beside Lambda's, such as `JKJaXmPLvHcESHA=`."""
    return base64.b64encode(hashlib.sha256(request_id.encode()).digest()[:11]).decode()


def _policy(config: FunctionConfig, gateway: Gateway) -> InvocationPolicy:
    known = (each for each in (config.timeout, gateway.seconds) if each is not None)
    return replace(config.policy, timeout=min(known, default=None))


def _gives_up_first(config: FunctionConfig, gateway: Gateway) -> bool:
    return gateway.seconds is not None and (config.timeout is None or gateway.seconds <= config.timeout)
