"""How an HTTP API of API Gateway shows the answers of a function, and what it answers by itself.

Sources, read on 2026-11-21; D is AWS's documentation, R a report of users, I is inferred:

* the answer's format and its inference, D:
  https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
* that only REST APIs stream, D: https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
* the bodies of 404, 413, 429, 500 and 503: R; the body of 400: I
"""

from dataclasses import dataclass

from apptheory_streaming.errors import FunctionTimeout, Throttled
from apptheory_streaming.wire.error_response import Answer, coded_error
from apptheory_streaming.wire.fronts.proxy import message
from apptheory_streaming.wire.inference import infer_response
from apptheory_streaming.wire.marshal import BufferedPayload

__all__ = [
    "HTTP_COLLECTED_NOTE",
    "HttpApiFront",
    "http_bad_path",
    "http_no_route",
    "http_throttled",
    "http_too_large",
    "http_unavailable",
]

HTTP_COLLECTED_NOTE = (
    "an HTTP API cannot stream: the stream of the handler was collected and sent in one piece; "
    "a Function URL with RESPONSE_STREAM or a REST API with responseTransferMode STREAM does stream"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApiFront:
    """The front of one request to an HTTP API; `gives_up_first` as for a REST API."""

    gives_up_first: bool = False

    @property
    def collects(self) -> bool:
        """An HTTP API always collects."""
        return True

    @property
    def collected_note(self) -> str:
        """Say that this adapter cannot stream."""
        return HTTP_COLLECTED_NOTE

    def coded_error(self, code: str, message: str, request_id: str) -> Answer:
        """The status of the code, and JSON with both (rule E2)."""
        return coded_error(code, message, request_id)

    def function_error(self, error: BaseException, request_id: str) -> Answer:  # noqa: ARG002 - a Front's signature
        """500, and 503 where Lambda did not run the function or the API gave up first (R)."""
        if isinstance(error, Throttled) or (isinstance(error, FunctionTimeout) and self.gives_up_first):
            return http_unavailable()
        return message(500, "Internal Server Error")

    def buffered(self, payload: BufferedPayload) -> Answer:
        """Infer the response by payload format 2.0; raises InvalidResponse for an impossible one."""
        return infer_response(payload)

    def note_on_buffered(self) -> str | None:
        """Nothing: this is what the answer was made for."""
        return None


def http_no_route() -> Answer:
    """Answer a request that no route takes."""
    return message(404, "Not Found")


def http_bad_path() -> Answer:
    """Answer a path with escapes that are broken once they are decoded."""
    return message(400, "Bad Request")


def http_throttled() -> Answer:
    """Answer one request too many."""
    return message(429, "Too Many Requests")


def http_too_large() -> Answer:
    """Answer a body that is too long."""
    return message(413, "Request Entity Too Large")


def http_unavailable() -> Answer:
    """Answer where there is no answer in time."""
    return message(503, "Service Unavailable")
