"""The three shapes in which chats ask a function for something, read into one."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apptheory_streaming.errors import AppError
from apptheory_streaming.wire.json_text import JsonFault, read_json

__all__ = ["ActionRequest", "RequestShape", "read_action"]


class RequestShape(StrEnum):
    """How a request came."""

    DIRECT = "direct"
    """`{action, payload}`, the event itself."""
    BODY = "body"
    """`{body: {action, payload}}`, the body as an object, as JSON text or in base64."""
    CHAT = "chat"
    """`{id, messages}`, as useChat of the AI SDK sends it, as the event or in its body."""


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """What is asked for, and with what; the payload of a chat is all that useChat sent."""

    action: str
    payload: Any
    shape: RequestShape


def read_action(event: Any, *, chat_action: str = "chat") -> ActionRequest:
    """Read an event in any of the three shapes; a chat that names no action of its own has `chat_action`.

    Raises AppError with `app.bad_request`, which answers 400 (rule E2), for any other event.
    """
    if not isinstance(event, Mapping):
        raise _refused(f"the event is {_name(event)}")
    in_body = "body" in event and "action" not in event and "messages" not in event
    fields = _body(event) if in_body else event
    if "messages" in fields and "payload" not in fields:
        return _chat(fields, chat_action)
    if "action" not in fields:
        raise _refused(f"the {'body' if in_body else 'event'} has neither action nor messages")
    shape = RequestShape.BODY if in_body else RequestShape.DIRECT
    return ActionRequest(_action(fields["action"]), fields.get("payload"), shape)


def _chat(fields: Mapping[str, Any], chat_action: str) -> ActionRequest:
    if not isinstance(fields["messages"], list):
        raise _refused(f"messages is {_name(fields['messages'])}, not a list")
    return ActionRequest(_action(fields.get("action", chat_action)), fields, RequestShape.CHAT)


def _body(event: Mapping[str, Any]) -> Mapping[str, Any]:
    body = event["body"]
    if isinstance(body, str):
        body = _json(_decoded(body) if event.get("isBase64Encoded") else body)
    if not isinstance(body, Mapping):
        raise _refused(f"the body is {_name(body)}")
    return body


def _decoded(body: str) -> str:
    try:
        return base64.b64decode(body, validate=True).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused("the body is no JSON") from error  # which is UTF-8 between systems
    except ValueError as error:
        raise _refused("the body is no base64") from error


def _json(text: str) -> Any:
    try:
        return read_json(text)
    except JsonFault as fault:
        raise _refused("the body is no JSON") from fault


def _action(action: object) -> str:
    if not isinstance(action, str) or not action:
        raise _refused(f"action is {_name(action)}, not its name")
    return action


def _refused(problem: str) -> AppError:
    return AppError(
        "app.bad_request", f"{problem}; send {{action, payload}}, {{body: {{action, payload}}}} or {{id, messages}}"
    )


def _name(value: object) -> str:
    if value is None:
        return "null"
    return "an empty text" if value == "" else type(value).__name__
