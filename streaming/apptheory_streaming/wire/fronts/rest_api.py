"""How a REST API of API Gateway shows the answers of a function, and what it answers by itself.

Sources, read on 2026-11-21; D is AWS's documentation, R a report of users, I is inferred:

* errors of a buffered integration, D: https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html
* the answer's format, D: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
* streams, D: https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
* 403, 413, 429 and 504, D for the statuses, R for the words:
  https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from dataclasses import dataclass
from enum import StrEnum

from apptheory_streaming.errors import FunctionTimeout, InvalidResponse, Throttled
from apptheory_streaming.wire.error_response import Answer, coded_error
from apptheory_streaming.wire.events.rest_api import is_binary
from apptheory_streaming.wire.fronts.proxy import message, proxy_fields
from apptheory_streaming.wire.head import Head, head_from_fields
from apptheory_streaming.wire.inference import body_of
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.marshal import BufferedPayload
from apptheory_streaming.wire.prelude import DELIMITER, PreludeDecoder, encode_prelude

__all__ = [
    "REST_COLLECTED_NOTE",
    "STREAM_PRELUDE_BYTES",
    "RestApiFront",
    "TransferMode",
    "rest_failed",
    "rest_no_resource",
    "rest_no_stage",
    "rest_prelude_decoder",
    "rest_throttled",
    "rest_timed_out",
    "rest_too_large",
]

REST_COLLECTED_NOTE = (
    "the integration is BUFFERED: the stream of the handler was collected and sent in one piece; "
    "a REST API streams with responseTransferMode STREAM"
)

STREAM_PRELUDE_BYTES = AWS_NUMBERS["API Gateway stream prelude"].value
"""The JSON head and its delimiter must stand within the first so many bytes of a stream (D)."""

_FAILED = "InternalServerErrorException"
_HEAD_FIELDS = ("statusCode", "headers", "multiValueHeaders")


class TransferMode(StrEnum):
    """`responseTransferMode` of an integration; BUFFERED is the default of API Gateway."""

    BUFFERED = "BUFFERED"
    STREAM = "STREAM"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestApiFront:
    """The front of one request to a REST API.

    `accept` is what the request says, by which API Gateway decides whether base64 becomes bytes.
    `gives_up_first` says that the time of the integration is shorter than the function's.
    """

    mode: TransferMode = TransferMode.BUFFERED
    binary_media_types: tuple[str, ...] = ()
    accept: str = ""
    gives_up_first: bool = False

    @property
    def collects(self) -> bool:
        """A BUFFERED integration collects."""
        return self.mode is TransferMode.BUFFERED

    @property
    def collected_note(self) -> str:
        """Say what would stream."""
        return REST_COLLECTED_NOTE

    def coded_error(self, code: str, message: str, request_id: str) -> Answer:
        """The status of the code, and JSON with both (rule E2)."""
        return coded_error(code, message, request_id)

    def function_error(self, error: BaseException, request_id: str) -> Answer:  # noqa: ARG002 - a Front's signature
        """502 for a function that fails or answers what cannot be, 500 for one that Lambda did not run (D).

        With STREAM it is 500 for both, and 504 in each mode where the integration gave up first.
        """
        if isinstance(error, FunctionTimeout) and self.gives_up_first:
            return rest_timed_out()
        refused = isinstance(error, Throttled) or self.mode is TransferMode.STREAM
        return rest_failed(500 if refused else 502)

    def buffered(self, payload: BufferedPayload) -> Answer:
        """Read the answer by the proxy format; with STREAM raise, for it has no head in front of its body.

        Raises InvalidResponse for what a REST API cannot take.
        """
        if self.mode is TransferMode.STREAM:
            raise InvalidResponse(
                "a REST API with responseTransferMode STREAM reads a head and 8 NUL bytes in front of the body, "
                "and this answer is one value; return a stream, or use BUFFERED"
            )
        fields = proxy_fields(payload, front="a REST API")
        known = {name: value for name, value in fields.items() if name in _HEAD_FIELDS}
        head = head_from_fields(known, default_content_type="application/json")
        kept_as_text = fields | {"isBase64Encoded": False}
        return Answer(head, body_of(fields if self._decodes(head) else kept_as_text))

    def check_head(self, head: Head) -> None:
        """Raise InvalidResponse for a head that is too long to stand in front of a stream (D)."""
        size = 0 if self.collects else len(encode_prelude(head))
        if size > STREAM_PRELUDE_BYTES:
            raise InvalidResponse(
                f"the head and its 8 NUL bytes have {size} bytes; a REST API that streams takes {STREAM_PRELUDE_BYTES}"
            )

    def note_on_buffered(self) -> str | None:
        """Nothing: this is what the answer was made for."""
        return None

    def _decodes(self, head: Head) -> bool:
        """By the first type that the client accepts (D), else by that of the answer (I)."""
        wanted = self.accept.partition(",")[0] or head.content_type
        return is_binary(wanted, self.binary_media_types)


def rest_prelude_decoder() -> PreludeDecoder:
    """Make the decoder of a stream, which raises InvalidResponse for what API Gateway answers 500."""
    return PreludeDecoder(max_bytes=STREAM_PRELUDE_BYTES - len(DELIMITER))


def rest_no_stage() -> Answer:
    """Answer a path of another stage (R)."""
    return message(403, "Forbidden", "ForbiddenException")


def rest_no_resource() -> Answer:
    """Answer a path or a method that the API does not have (D, words R)."""
    return message(403, "Missing Authentication Token", "MissingAuthenticationTokenException")


def rest_throttled() -> Answer:
    """Answer one request too many (D, words R)."""
    return message(429, "Too Many Requests", "TooManyRequestsException")


def rest_too_large(limit: int) -> Answer:
    """Answer a body of more than `limit` bytes (D, words R)."""
    return message(413, f"HTTP content length exceeded {limit} bytes.", "RequestTooLargeException")


def rest_failed(status: int) -> Answer:
    """Answer for an integration that failed; AWS writes a blank behind its colon (D)."""
    return message(status, "Internal server error", _FAILED, colon=": ")


def rest_timed_out() -> Answer:
    """Answer for an integration that did not begin to answer in time (D, words R)."""
    return message(504, "Endpoint request timed out", _FAILED, colon=": ")
