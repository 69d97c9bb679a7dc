"""A handler that is an application of AppTheory for Python."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apptheory_streaming.errors import InvalidResponse, TargetError, UsageError
from apptheory_streaming.shapes import is_apptheory_response
from apptheory_streaming.target import check_target, load_object, target_name
from apptheory_streaming.wire.events.format_2 import as_format_2
from apptheory_streaming.wire.events.http_events import is_http_event
from apptheory_streaming.wire.events.request_parts import query_pairs

__all__ = ["AppRequest", "AppTheoryHandler", "apptheory"]


def apptheory(app: Any) -> "AppTheoryHandler":
    """Make a handler of an AppTheory application, or of its target such as `app.main:app`.

    An application is anything whose `serve(request)` returns a response with status, headers,
    cookies, body, body_stream and is_base64.  Raises TargetError for what is none.
    """
    return AppTheoryHandler(app)


@dataclass(slots=True)
class AppRequest:
    """What `serve` is called with; applications bring it into their own form.

    `query` and `headers` map a name to its values, `body` is as the event has it, and
    `source_provenance` says who named the client's address.
    """

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, list[str]] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_base64: bool = False
    source_provenance: dict[str, Any] = field(default_factory=dict)
    trace_id: str = ""


class AppTheoryHandler:
    """Answers events of Function URLs, APIs and load balancers by an application.

    It is a sync handler: `serve` and the stream of its response run on a thread of their own, where
    no loop runs.  `function_name` is a name for its function.
    """

    def __init__(self, app: Any) -> None:
        """Import nothing yet."""
        if isinstance(app, str):
            check_target(app)
        else:
            _check(app, repr(app))
        self._app = app
        self.function_name = target_name(app) if isinstance(app, str) else "function"

    def __call__(self, event: Any, _context: Any) -> Any:
        """Give the application's response; raises UsageError for an event that is no HTTP request."""
        response = self.load().serve(_request(event))
        if not is_apptheory_response(response):
            raise InvalidResponse(
                f"serve() of an application gives a response with status, headers, cookies, body, body_stream and "
                f"is_base64, not {type(response).__name__}"
            )
        return response

    def load(self) -> Any:
        """Import the application before the first request; raises TargetError if it cannot be had."""
        if isinstance(self._app, str):
            target, self._app = self._app, load_object(self._app)
            _check(self._app, repr(target))
        return self._app


def _check(app: Any, name: str) -> None:
    if not callable(getattr(app, "serve", None)):
        raise TargetError(f"an application of AppTheory has a method serve(request); {name} has none")


def _request(event: Any) -> AppRequest:
    if not is_http_event(event):
        raise UsageError(
            "an application of AppTheory is served HTTP requests here: this event is not one of a Function URL, "
            "an API of API Gateway or a load balancer; call the application's own entry point for it"
        )
    fields: Mapping[str, Any] = as_format_2(event)
    http: Mapping[str, Any] = fields["requestContext"]["http"]
    return AppRequest(
        method=str(http.get("method", "GET")),
        path=fields.get("rawPath") or "/",
        query=_lists(query_pairs(fields.get("rawQueryString") or "")),
        headers=_headers(fields),
        body=str(fields.get("body") or "").encode("utf-8", "surrogatepass"),
        is_base64=bool(fields.get("isBase64Encoded")),
        source_provenance=_provenance(event, http),
    )


def _headers(fields: Mapping[str, Any]) -> dict[str, list[str]]:
    """Lower-case name -> values; cookies stand beside the headers in some events."""
    headers = _lists((name.lower(), value) for name, value in (fields.get("headers") or {}).items())
    if fields.get("cookies"):
        headers["cookie"] = list(fields["cookies"])
    return headers


def _lists(pairs: Any) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists


def _provenance(event: Mapping[str, Any], http: Mapping[str, Any]) -> dict[str, Any]:
    """Who says which address the client has; a load balancer's word is a header, so it counts for nothing."""
    context = event["requestContext"]
    if "elb" in context:
        return {}
    if "httpMethod" in event:
        provider = "apigw-v1"
    elif ".execute-api." in str(context.get("domainName", "")):
        provider = "apigw-v2"
    else:
        provider = "lambda-url"
    address = http.get("sourceIp", "")
    return {"source_ip": address, "provider": provider, "source": "provider_request_context", "valid": bool(address)}
