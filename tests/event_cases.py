"""Reads the recorded events: requests on the left, the events that a front makes of them on the right."""

import base64
from typing import Any

from apptheory_fixtures import load
from apptheory_streaming.wire.events.alb import TargetGroup, alb_event
from apptheory_streaming.wire.events.http_api import HttpApi, http_api_event
from apptheory_streaming.wire.events.rest_api import RestApi, rest_api_event
from apptheory_streaming.wire.request import HttpRequest

__all__ = [
    "ALB",
    "HTTP_API",
    "REST_API",
    "alb_of",
    "http_api_of",
    "http_event",
    "load_balancer_event",
    "read_request",
    "rest_api_of",
    "rest_event",
]

REST_API: list[dict[str, Any]] = load("events/rest_api.json")
HTTP_API: list[dict[str, Any]] = load("events/http_api.json")
ALB: list[dict[str, Any]] = load("events/alb.json")

EPOCH_MS = 1767225599123
TRACE_ID = "Root=1-6955b8ff-0123456789abcdef01234567"
ACCOUNT = "210987654321"


def read_request(fields: dict[str, Any]) -> HttpRequest:
    """The request of a case."""
    text = fields["body"]["value"]
    return HttpRequest(
        method=fields["method"],
        path=fields["path"],
        query=fields["query"],
        headers=tuple((name, value) for name, value in fields["headers"]),
        body=base64.b64decode(text) if fields["body"]["encoding"] == "base64" else text.encode(),
        source_ip="203.0.113.7",
    )


def rest_api_of(**fields: Any) -> RestApi:
    """The API of the recorded events, with what a case has of its own."""
    known: dict[str, Any] = {
        "api_id": "r3stexample",
        "domain": "r3stexample.execute-api.eu-north-1.amazonaws.com",
        "stage": "live",
        "account_id": ACCOUNT,
        "resource_id": "x9y8z7",
    }
    return RestApi(**_with_tuples(known | fields))


def rest_event(request: HttpRequest, api: RestApi) -> dict[str, Any]:
    """The event of a request that the API has a resource for."""
    route = api.route(request.path)
    assert route is not None
    return rest_api_event(
        request,
        api,
        route,
        request_id="0b6f1c1e-5d0a-4a52-9a4e-3c1f2b7d9e10",
        extended_request_id="Kq3vGhW0oAMEBdA=",
        epoch_ms=EPOCH_MS,
        trace_id=TRACE_ID,
    )


def http_api_of(**fields: Any) -> HttpApi:
    """The API of the recorded events, with what a case has of its own."""
    known: dict[str, Any] = {
        "api_id": "h77pexample",
        "domain": "h77pexample.execute-api.eu-north-1.amazonaws.com",
        "account_id": ACCOUNT,
    }
    return HttpApi(**_with_tuples(known | fields))


def http_event(request: HttpRequest, api: HttpApi) -> dict[str, Any]:
    """The event of a request that the API has a route for."""
    route = api.route(request.method, request.path)
    assert route is not None
    return http_api_event(request, api, route, request_id="JKJaXmPLvHcESHA=", epoch_ms=EPOCH_MS, trace_id=TRACE_ID)


def alb_of(*, multi_value: bool = False) -> TargetGroup:
    """The target group of the recorded events."""
    arn = f"arn:aws:elasticloadbalancing:eu-north-1:{ACCOUNT}:targetgroup/golden/0123456789abcdef"
    return TargetGroup(arn=arn, multi_value=multi_value)


def load_balancer_event(request: HttpRequest, group: TargetGroup) -> dict[str, Any]:
    """The event of a request."""
    return alb_event(request, group, trace_id=TRACE_ID)


def _with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where the dataclasses have tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
