"""The event and the context of an invocation, made of what the Runtime API sent."""

import json
import os
import time
from dataclasses import dataclass
from typing import Any

from apptheory_streaming.context import CognitoIdentity, LambdaContext
from apptheory_streaming.runtime.fault import Fault, FaultType
from apptheory_streaming.wire.runtime_api import InvocationRequest

__all__ = ["Client", "ClientContext", "make_context", "read_event", "set_trace_id"]


@dataclass(slots=True)
class Client:
    """The application of a caller that uses an AWS SDK for mobile."""

    installation_id: str | None = None
    app_title: str | None = None
    app_version_name: str | None = None
    app_version_code: str | None = None
    app_package_name: str | None = None


@dataclass(slots=True)
class ClientContext:
    """What a caller sent in `X-Amz-Client-Context`."""

    custom: Any = None
    env: Any = None
    client: Client | None = None


def read_event(request: InvocationRequest) -> Any:
    """Give the event: the value of its JSON, or the bytes of any other content type; raises Fault."""
    if request.content_type not in ("application/json", ""):
        return request.payload
    try:
        return json.loads(request.payload)
    except (ValueError, RecursionError) as error:
        raise Fault(FaultType.UNMARSHAL, f"Unable to unmarshal input: {error}") from error


def make_context(request: InvocationRequest) -> LambdaContext:
    """Make the context, with the function's name and its log from the environment; raises Fault."""
    deadline = request.deadline_ms / 1000
    context = LambdaContext(
        aws_request_id=request.request_id,
        remaining_seconds=lambda: deadline - time.time(),
        invoked_function_arn=request.function_arn,
        identity=_identity(_read(request.cognito_identity, "Cognito Identity")),
        client_context=_client_context(_read(request.client_context, "Client Context")),
        tenant_id=request.tenant_id or None,
    )
    for name, variable in _FROM_ENVIRONMENT.items():
        if variable in os.environ:
            setattr(context, name, os.environ[variable])
    return context


def set_trace_id(trace_id: str) -> None:
    """Set the variable that the X-Ray SDK reads, or unset it where an invocation has no trace."""
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


_FROM_ENVIRONMENT = {
    "function_name": "AWS_LAMBDA_FUNCTION_NAME",
    "function_version": "AWS_LAMBDA_FUNCTION_VERSION",
    "memory_limit_in_mb": "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "log_group_name": "AWS_LAMBDA_LOG_GROUP_NAME",
    "log_stream_name": "AWS_LAMBDA_LOG_STREAM_NAME",
}


def _read(text: str, what: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Fault(FaultType.CONTEXT_UNMARSHAL, f"Unable to parse {what} JSON: {error}") from error
    if value is not None and not isinstance(value, dict):
        raise Fault(FaultType.CONTEXT_UNMARSHAL, f"Unable to parse {what} JSON: it is no object but {text[:80]}")
    return value


def _identity(fields: dict[str, Any] | None) -> CognitoIdentity:
    fields = fields or {}
    return CognitoIdentity(fields.get("cognitoIdentityId"), fields.get("cognitoIdentityPoolId"))


def _client_context(fields: dict[str, Any] | None) -> ClientContext | None:
    if fields is None:
        return None
    client = fields.get("client")
    known = {name: client.get(name) for name in Client.__slots__} if isinstance(client, dict) else None
    return ClientContext(fields.get("custom"), fields.get("env"), None if known is None else Client(**known))
