"""What the Lambda API answers when a function was not run: one of AWS's exceptions, which SDKs know by name."""

import json

from aiohttp import web

__all__ = ["InvokeError", "invalid_content", "invalid_parameter", "not_found", "service_error", "too_large", "too_many"]


class InvokeError(Exception):
    """An exception of the API: status, name, and a document whose members are AWS's."""

    def __init__(self, status: int, error_type: str, message: str, **members: str) -> None:
        """Keep what to answer; `members` come before the message, and may rename it: `message_name`."""
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.message_name = members.pop("message_name", "message")
        self.members = members

    def response(self) -> web.Response:
        """Give the response."""
        document = {**self.members, self.message_name: self.message}
        retry = {"Retry-After": "1"} if self.status == 429 else {}
        return web.Response(
            status=self.status,
            body=json.dumps(document).encode(),
            content_type="application/json",
            headers={"x-amzn-ErrorType": self.error_type, **retry},
        )


def not_found(message: str) -> InvokeError:
    """The function is not there."""
    return InvokeError(404, "ResourceNotFoundException", message, Type="User", message_name="Message")


def too_many() -> InvokeError:
    """All of a function's environments are busy."""
    reason = "ConcurrentInvocationLimitExceeded"
    return InvokeError(429, "TooManyRequestsException", "Rate Exceeded.", Reason=reason, Type="User")


def too_large(limit: int, operation: str) -> InvokeError:
    """The event is over the limit of an operation, in bytes."""
    message = f"Request must be smaller than {limit} bytes for the {operation} operation"
    return InvokeError(413, "RequestTooLargeException", message, Type="User", message_name="Message")


def invalid_content(message: str) -> InvokeError:
    """The event, or the client context, cannot be read."""
    return InvokeError(400, "InvalidRequestContentException", message, Type="User")


def invalid_parameter(message: str) -> InvokeError:
    """A header, the qualifier or the name has a value that it cannot have."""
    return InvokeError(400, "InvalidParameterValueException", message, Type="User")


def service_error(message: str) -> InvokeError:
    """The emulator itself failed."""
    return InvokeError(500, "ServiceException", message, Type="Service", message_name="Message")
