"""What a request to the Lambda Runtime API is for, read from its request line and headers.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from urllib.parse import unquote

from apptheory_streaming.wire.runtime_api import (
    ERROR_TYPE_HEADER,
    INVOCATION_ID_HEADER,
    RESPONSE_MODE_HEADER,
    STREAMING_MODE,
)

__all__ = ["RUNTIME_ROUTES", "Route", "RuntimeCall", "read_call"]


class Route(Enum):
    """Where a request goes."""

    PING = "ping"
    NEXT = "next"
    RESPONSE = "response"
    ERROR = "error"
    INIT_ERROR = "init error"
    NOT_EMULATED = "not emulated"
    """A route that Lambda has, for SnapStart, extensions, logs or telemetry."""
    WRONG_METHOD = "wrong method"
    UNKNOWN = "unknown"


RUNTIME_ROUTES = MappingProxyType(
    {
        Route.PING: ("GET", "/2018-06-01/ping"),
        Route.NEXT: ("GET", "/2018-06-01/runtime/invocation/next"),
        Route.RESPONSE: ("POST", "/2018-06-01/runtime/invocation/{request id}/response"),
        Route.ERROR: ("POST", "/2018-06-01/runtime/invocation/{request id}/error"),
        Route.INIT_ERROR: ("POST", "/2018-06-01/runtime/init/error"),
    }
)
"""Method and path of each route that is served."""


@dataclass(frozen=True, slots=True)
class RuntimeCall:
    """One request of a runtime without its body; header names are in lower case."""

    route: Route
    request_id: str
    headers: Mapping[str, str]

    @property
    def response_mode(self) -> str:
        """What RESPONSE_MODE_HEADER says, empty without one; the only known mode is `streaming`."""
        return self.headers.get(RESPONSE_MODE_HEADER.lower(), "")

    @property
    def streaming(self) -> bool:
        """Whether the body is streamed: by its mode, or by chunks, for aws-lambda-go sends no mode."""
        return self.response_mode == STREAMING_MODE or "transfer-encoding" in self.headers

    @property
    def content_length(self) -> int:
        """The length that the request promises, 0 where it promises none."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdigit() else 0

    @property
    def has_body(self) -> bool:
        """Whether bytes follow the head."""
        return self.content_length > 0 or "transfer-encoding" in self.headers

    @property
    def content_type(self) -> str:
        """The content type of an answer."""
        return self.headers.get("content-type", "")

    @property
    def invocation_id(self) -> str:
        """The INVOCATION_ID_HEADER that the runtime echoes, empty where it does not."""
        return self.headers.get(INVOCATION_ID_HEADER.lower(), "")

    @property
    def error_type(self) -> str:
        """The ERROR_TYPE_HEADER of a reported error."""
        return self.headers.get(ERROR_TYPE_HEADER.lower(), "")


_FIXED = {RUNTIME_ROUTES[route][1]: route for route in (Route.PING, Route.NEXT, Route.INIT_ERROR)}
_OF_AN_INVOCATION = re.compile(r"/2018-06-01/runtime/invocation/(.+)/(response|error)")
_NOT_EMULATED = re.compile(
    r"/2018-06-01/runtime/restore/(next|error)"
    r"|/2020-01-01/extension/(register|event/next|init/error|exit/error)"
    r"|/2020-08-15/logs|/2022-07-01/telemetry|/2021-04-23/credentials"
)
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)


def read_call(method: str, target: str, headers: Mapping[str, str]) -> RuntimeCall:
    """Read a request; `target` is what the request line has, a path or a whole URL."""
    origin = _ORIGIN.match(target)
    path = re.split(r"[?#]", target[origin.end() if origin else 0 :], maxsplit=1)[0]
    route, request_id = _find(path)
    if route in RUNTIME_ROUTES and method != RUNTIME_ROUTES[route][0]:
        route = Route.WRONG_METHOD
    return RuntimeCall(route, request_id, headers)


def _find(path: str) -> tuple[Route, str]:
    if found := _FIXED.get(path):
        return found, ""
    if match := _OF_AN_INVOCATION.fullmatch(path):
        return (Route.RESPONSE if match[2] == "response" else Route.ERROR), unquote(match[1])
    return (Route.NOT_EMULATED if _NOT_EMULATED.fullmatch(path) else Route.UNKNOWN), ""
