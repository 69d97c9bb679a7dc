"""What the Lambda Runtime API and a runtime say to each other: an invocation, and an error.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and, for streams and their
trailers, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from apptheory_streaming.errors import RuntimeFailure

__all__ = [
    "ERROR_BODY_TRAILER",
    "ERROR_TYPE_HEADER",
    "INVOCATION_ID_HEADER",
    "RESPONSE_MODE_HEADER",
    "STREAMING_MODE",
    "InvocationRequest",
    "ReportedError",
]

RESPONSE_MODE_HEADER = "Lambda-Runtime-Function-Response-Mode"
STREAMING_MODE = "streaming"
ERROR_TYPE_HEADER = "Lambda-Runtime-Function-Error-Type"
"""A header of `…/error`, and a trailer of a streamed `…/response`."""
ERROR_BODY_TRAILER = "Lambda-Runtime-Function-Error-Body"
INVOCATION_ID_HEADER = "Lambda-Runtime-Invocation-Id"
"""Names one attempt; a runtime that echoes it lets the late answer of a timed-out one be told apart."""

_REQUEST_ID = "Lambda-Runtime-Aws-Request-Id"
_DEADLINE = "Lambda-Runtime-Deadline-Ms"
_ARN = "Lambda-Runtime-Invoked-Function-Arn"
_TRACE_ID = "Lambda-Runtime-Trace-Id"
_CLIENT_CONTEXT = "Lambda-Runtime-Client-Context"
_COGNITO_IDENTITY = "Lambda-Runtime-Cognito-Identity"
_TENANT_ID = "Lambda-Runtime-Aws-Tenant-Id"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRequest:
    """What a runtime gets for `GET …/invocation/next`.

    `deadline_ms` is in milliseconds since the epoch; `client_context` and `cognito_identity` are
    JSON text; what is empty is not sent.
    """

    request_id: str
    deadline_ms: int
    payload: bytes
    function_arn: str = ""
    invocation_id: str = ""
    trace_id: str = ""
    client_context: str = ""
    cognito_identity: str = ""
    tenant_id: str = ""
    content_type: str = "application/json"

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Give the headers that carry it; the payload is the body."""
        values = (
            (_REQUEST_ID, self.request_id),
            (_DEADLINE, str(self.deadline_ms)),
            (_ARN, self.function_arn),
            (INVOCATION_ID_HEADER, self.invocation_id),
            (_TRACE_ID, self.trace_id),
            (_CLIENT_CONTEXT, self.client_context),
            (_COGNITO_IDENTITY, self.cognito_identity),
            (_TENANT_ID, self.tenant_id),
            ("Content-Type", self.content_type),
        )
        return tuple((name, value) for name, value in values if value)

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], payload: bytes) -> Self:
        """Read one from lower-case header names; a missing deadline is 0."""

        def value(name: str) -> str:
            return headers.get(name.lower(), "")

        deadline = value(_DEADLINE)
        return cls(
            request_id=value(_REQUEST_ID),
            deadline_ms=int(deadline) if deadline.isascii() and deadline.isdigit() else 0,
            payload=payload,
            function_arn=value(_ARN),
            invocation_id=value(INVOCATION_ID_HEADER),
            trace_id=value(_TRACE_ID),
            client_context=value(_CLIENT_CONTEXT),
            cognito_identity=value(_COGNITO_IDENTITY),
            tenant_id=value(_TENANT_ID),
            content_type=value("Content-Type"),
        )


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An error as a runtime reports it: to `…/error`, to `init/error`, or in the trailers of a stream.

    `code` is ours: the code of rule E1, which only our own runtime sends.
    """

    error_type: str
    message: str
    stack_trace: tuple[str, ...] = ()
    code: str | None = None

    def document(self) -> bytes:
        """Give the JSON document."""
        fields: dict[str, object] = {
            "errorMessage": self.message,
            "errorType": self.error_type,
            "stackTrace": list(self.stack_trace),
        }
        if self.code is not None:
            fields["code"] = self.code
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")

    def trailer(self) -> str:
        """Give the document as the value of ERROR_BODY_TRAILER."""
        return base64.b64encode(self.document()).decode()

    @classmethod
    def from_document(cls, document: bytes, *, error_type: str = "") -> Self:
        """Read a document; `error_type` is what a header says, used where the document names none.

        A document that is no JSON object becomes the message: what a runtime says about its death is
        never refused.
        """
        try:
            fields = json.loads(document)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            return cls(error_type, document.decode("utf-8", "replace"))
        trace = fields.get("stackTrace", fields.get("trace"))  # the Node runtime client writes `trace`
        code = fields.get("code")
        return cls(
            _text(fields.get("errorType")) or error_type,
            _text(fields.get("errorMessage")),
            tuple(_text(line) for line in trace) if isinstance(trace, list) else (),
            code if isinstance(code, str) else None,
        )

    @classmethod
    def from_trailers(cls, error_type: str, body: str) -> Self:
        """Read the values of ERROR_TYPE_HEADER and ERROR_BODY_TRAILER, of which either may be empty."""
        try:
            document = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            document = body.encode()
        return cls.from_document(document, error_type=error_type)

    def failure(self) -> RuntimeFailure:
        """Give it as an exception."""
        return RuntimeFailure(self.message, error_type=self.error_type, stack_trace=self.stack_trace, code=self.code)


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
