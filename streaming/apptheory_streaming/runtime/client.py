"""The calls of the Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html)."""

import sys
from collections.abc import Iterable

from apptheory_streaming.runtime.connection import Address, Connection
from apptheory_streaming.runtime.error_report import ErrorReport
from apptheory_streaming.runtime.response_reader import HttpResponse
from apptheory_streaming.wire.marshal import BufferedPayload
from apptheory_streaming.wire.prelude import INTEGRATION_CONTENT_TYPE
from apptheory_streaming.wire.runtime_api import (
    ERROR_BODY_TRAILER,
    ERROR_TYPE_HEADER,
    INVOCATION_ID_HEADER,
    RESPONSE_MODE_HEADER,
    STREAMING_MODE,
    InvocationRequest,
)

__all__ = ["RuntimeClient"]

_BASE = "/2018-06-01/runtime"
_USER_AGENT = f"apptheory-streaming-python/{'.'.join(map(str, sys.version_info[:3]))}"
_CAUSE_HEADER = "Lambda-Runtime-Function-XRay-Error-Cause"
_STREAM_HEADERS = (
    ("Content-Type", INTEGRATION_CONTENT_TYPE),
    (RESPONSE_MODE_HEADER, STREAMING_MODE),
    ("Trailer", ERROR_TYPE_HEADER),
    ("Trailer", ERROR_BODY_TRAILER),
)


class RuntimeClient:
    """One runtime's side of the API, over one connection.

    Every call raises ConnectionError when the Runtime API cannot be reached; what it thinks of an
    answer is what the call gives.
    """

    def __init__(self, address: Address) -> None:
        """Connect to nothing yet."""
        self.connection = Connection(address, user_agent=_USER_AGENT)

    async def next(self) -> InvocationRequest:
        """Wait for the next invocation; without a limit, for the process may be frozen meanwhile."""
        response = await self.connection.request("GET", f"{_BASE}/invocation/next")
        if not response.accepted:
            raise ConnectionError(f"it answered `next` with {response}")
        request = InvocationRequest.from_headers(response.headers, response.body)
        if not request.request_id:
            raise ConnectionError("it sent an invocation without a request id")
        return request

    async def respond(self, request: InvocationRequest, payload: BufferedPayload) -> HttpResponse:
        """Send a buffered answer."""
        headers = (("Content-Type", payload.content_type), *_echo(request))
        return await self.connection.request("POST", _path(request, "response"), headers, payload.body)

    async def fail(self, request: InvocationRequest, error: ErrorReport) -> HttpResponse:
        """Report that the function failed before its response began."""
        headers = (
            ("Content-Type", "application/json"),
            (ERROR_TYPE_HEADER, error.category()),
            *(((_CAUSE_HEADER, cause),) if (cause := error.cause()) else ()),
            *_echo(request),
        )
        body = error.document(request.request_id)
        return await self.connection.request("POST", _path(request, "error"), headers, body)

    async def init_error(self, error: ErrorReport) -> HttpResponse:
        """Report that the handler cannot be loaded."""
        headers = ((ERROR_TYPE_HEADER, error.init_header()),)
        return await self.connection.request("POST", f"{_BASE}/init/error", headers, error.document())

    async def begin_stream(self, request: InvocationRequest, pieces: Iterable[bytes]) -> None:
        """Begin a streamed response with the pieces that are there; later ones are written to the connection."""
        await self.connection.begin("POST", _path(request, "response"), (*_STREAM_HEADERS, *_echo(request)), pieces)

    async def end_stream(self, error: ErrorReport | None = None) -> HttpResponse:
        """End a streamed response, with an error that came late in its trailers (rule E3)."""
        names = (ERROR_TYPE_HEADER, ERROR_BODY_TRAILER)
        trailers = () if error is None else tuple(zip(names, error.trailers(), strict=True))
        return await self.connection.finish(trailers)


def _path(request: InvocationRequest, what: str) -> str:
    return f"{_BASE}/invocation/{request.request_id}/{what}"


def _echo(request: InvocationRequest) -> tuple[tuple[str, str], ...]:
    """What lets the platform tell the late answer of an invocation that timed out."""
    return ((INVOCATION_ID_HEADER, request.invocation_id),) if request.invocation_id else ()
