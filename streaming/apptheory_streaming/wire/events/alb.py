"""The event of an Application Load Balancer whose target is a Lambda function.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html and
events captured from a real load balancer on 2026-07-10.  Path and parameters stay encoded, names of
headers are in lower case.  The target group says whether a name has one value, the last one, or a
list of all; the event has one form or the other, never both.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from apptheory_streaming.wire.events.request_parts import body_fields, end_to_end_headers, is_text
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["TargetGroup", "alb_event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """A target group: its ARN, its switch `lambda.multi_value_headers.enabled`, and where clients come in."""

    arn: str
    multi_value: bool = False
    scheme: str = "http"
    port: int = 80


def alb_event(request: HttpRequest, group: TargetGroup, *, trace_id: str) -> dict[str, object]:
    """Give the event for a request."""
    headers = _headers(request, group, trace_id)
    query = _collected(_raw_pairs(request.query))
    several = "multiValueHeaders", "multiValueQueryStringParameters"
    single = "headers", "queryStringParameters"
    header_key, query_key = several if group.multi_value else single
    return {
        "requestContext": {"elb": {"targetGroupArn": group.arn}},
        "httpMethod": request.method,
        "path": request.path,
        query_key: query if group.multi_value else _last(query),
        header_key: headers if group.multi_value else _last(headers),
        "body": "",
        **body_fields(request.body, text=_is_text(request)),
    }


def _is_text(request: HttpRequest) -> bool:
    """What is encoded, such as by gzip, is bytes whatever its type."""
    return not request.first("content-encoding") and is_text(request.first("content-type"))


def _headers(request: HttpRequest, group: TargetGroup, trace_id: str) -> dict[str, list[str]]:
    values = _collected((name.lower(), value) for name, value in end_to_end_headers(request))
    came_from = ", ".join((*values.get("x-forwarded-for", ()), request.source_ip))
    values |= {
        "x-forwarded-for": [came_from],
        "x-forwarded-port": [str(group.port)],
        "x-forwarded-proto": [group.scheme],
    }
    values.setdefault("x-amzn-trace-id", [trace_id])
    return values


def _raw_pairs(query: str) -> Iterable[tuple[str, str]]:
    """The parameters as they stand: neither escapes nor `+` are decoded."""
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        yield name, value


def _collected(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    collected: dict[str, list[str]] = {}
    for name, value in pairs:
        collected.setdefault(name, []).append(value)
    return collected


def _last(values: dict[str, list[str]]) -> dict[str, str]:
    return {name: each[-1] for name, each in values.items()}
