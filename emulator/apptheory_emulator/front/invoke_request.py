"""A request to invoke a function, read from HTTP."""

import base64
import binascii
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from aiohttp import web
from aiohttp.http import HttpProcessingError

from apptheory_emulator.front.function_name import FunctionName
from apptheory_emulator.front.invoke_error import InvokeError, invalid_content, invalid_parameter, too_large
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["InvocationType", "InvokeRequest", "read_invoke_request"]

MAX_EVENT_BYTES = AWS_NUMBERS["buffered request"].value
MAX_ASYNC_EVENT_BYTES = AWS_NUMBERS["asynchronous request"].value
MAX_CLIENT_CONTEXT_CHARACTERS = 3583
"""Of base64 (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html)."""

_OTHER_CONTENT_TYPES = frozenset(
    {"", "application/octet-stream", "application/x-www-form-urlencoded", "binary/octet-stream", "text/plain"}
)
"""What clients send that say nothing about their JSON: an SDK nothing at all, curl a form."""


class InvocationType(StrEnum):
    """What a caller waits for."""

    REQUEST_RESPONSE = "RequestResponse"
    EVENT = "Event"
    DRY_RUN = "DryRun"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeRequest:
    """A function to be run, its event, and what else its caller says.

    `client_context` is the JSON object of the caller, None for none; `http` is what the log shows.
    """

    function: FunctionName
    event: Any
    http: HttpRequest
    invocation_type: InvocationType = InvocationType.REQUEST_RESPONSE
    log_tail: bool = False
    client_context: dict[str, Any] | None = None

    @property
    def client_context_text(self) -> str:
        """The client context as JSON, empty for none."""
        return "" if self.client_context is None else json.dumps(self.client_context)


async def read_invoke_request(http: web.Request, function: FunctionName, *, streaming: bool) -> InvokeRequest:
    """Read headers, qualifier and event; raises InvokeError for what AWS refuses."""
    _check_content(http)
    kind = _choice(http, "X-Amz-Invocation-Type", tuple(InvocationType), InvocationType.REQUEST_RESPONSE)
    if streaming and kind == InvocationType.EVENT:
        raise invalid_parameter("InvokeWithResponseStream takes the invocation types RequestResponse and DryRun")
    operation = "InvokeWithResponseStream" if streaming else "InvokeFunction"
    limit = MAX_ASYNC_EVENT_BYTES if kind == InvocationType.EVENT else MAX_EVENT_BYTES
    body = await _read_body(http, limit, operation)
    return InvokeRequest(
        function=FunctionName(function.name, _qualifier(http, function)),
        event=_read_event(body),
        http=HttpRequest(
            method=http.method,
            path=http.raw_path.partition("?")[0],
            query=http.query_string,
            body=body,
            source_ip=http.remote or "127.0.0.1",
        ),
        invocation_type=InvocationType(kind),
        log_tail=_choice(http, "X-Amz-Log-Type", ("None", "Tail"), "None") == "Tail",
        client_context=_client_context(http.headers.get("X-Amz-Client-Context", "")),
    )


def _check_content(http: web.Request) -> None:
    given = http.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if given not in _OTHER_CONTENT_TYPES and not given.endswith(("/json", "+json")) and "amz-json" not in given:
        message = f"The content type of the Invoke request body is not JSON: {given[:80]!r}"
        raise InvokeError(415, "UnsupportedMediaTypeException", message, Type="User")


def _choice(http: web.Request, name: str, choices: tuple[str, ...], default: str) -> str:
    value = http.headers.get(name, default)
    if value in choices:
        return value
    raise invalid_parameter(f"{name} is one of {', '.join(choices)}, not {value[:80]!r}")


def _qualifier(http: web.Request, function: FunctionName) -> str:
    given = http.query.get("Qualifier", "")
    if given and function.qualifier and given != function.qualifier:
        raise invalid_parameter(
            "The derived qualifier from the function name does not match the specified qualifier: "
            f"{function.qualifier!r} and {given[:128]!r}"
        )
    return given or function.qualifier


async def _read_body(http: web.Request, limit: int, operation: str) -> bytes:
    body = bytearray()
    try:
        async for piece in http.content.iter_any():
            body += piece
            if len(body) > limit:
                raise too_large(limit, operation)
    except (web.RequestPayloadError, HttpProcessingError) as error:
        raise invalid_content("Could not read the request body") from error
    return bytes(body)


def _read_event(body: bytes) -> Any:
    """Give the event; none is an empty object, as on AWS."""
    try:
        return json.loads(body.decode(), parse_constant=_no_constant) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise invalid_content(f"Could not parse request body into json: {error}") from error


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _client_context(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    if len(text) > MAX_CLIENT_CONTEXT_CHARACTERS:
        raise invalid_content(f"Client context is longer than {MAX_CLIENT_CONTEXT_CHARACTERS} characters of base64")
    try:
        value = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise invalid_content(f"Client context must be a valid Base64-encoded JSON object: {error}") from error
    if not isinstance(value, dict):
        raise invalid_content("Client context must be a valid Base64-encoded JSON object")
    return value
