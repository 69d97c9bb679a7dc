"""B04 to B06: three shapes of request, one value."""

import base64
import json
from typing import Any

import pytest

from apptheory_streaming import ActionRequest, AppError, RequestShape, read_action

ASKED = {"action": "chat-v2-stream", "payload": {"messages": [{"role": "user", "content": "Grüße"}]}}
CHAT = {"id": "c1", "messages": [{"role": "user", "content": "Grüße"}]}
TEXT = json.dumps(ASKED)
HTTP = {"version": "2.0", "rawPath": "/", "headers": {}, "requestContext": {"http": {"method": "POST"}}}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("event", "shape"),
    [
        (ASKED, RequestShape.DIRECT),
        ({"body": ASKED}, RequestShape.BODY),
        ({"body": TEXT}, RequestShape.BODY),
        (HTTP | {"body": TEXT, "isBase64Encoded": False}, RequestShape.BODY),
        (HTTP | {"body": encoded(TEXT), "isBase64Encoded": True}, RequestShape.BODY),
    ],
    ids=["the event itself", "an object", "JSON text", "over HTTP", "in base64"],
)
def test_an_action_with_its_payload(event: Any, shape: RequestShape) -> None:
    """B04, B05: as the event, and in its body in any form."""
    assert read_action(event) == ActionRequest("chat-v2-stream", ASKED["payload"], shape)


@pytest.mark.parametrize(
    "event", [CHAT, {"body": CHAT}, HTTP | {"body": json.dumps(CHAT)}], ids=["event", "object", "over HTTP"]
)
def test_what_use_chat_sends(event: Any) -> None:
    """B06: its action is the one that the function gives it, and its payload all of it."""
    assert read_action(event) == ActionRequest("chat", CHAT, RequestShape.CHAT)
    assert read_action(event, chat_action="chat-v2-stream").action == "chat-v2-stream"


def test_use_chat_may_name_an_action() -> None:
    """B06: the option `body` of useChat adds fields of its own."""
    event = CHAT | {"action": "other", "trigger": "submit-message"}
    assert read_action(event, chat_action="chat") == ActionRequest("other", event, RequestShape.CHAT)


def test_a_payload_may_be_missing_and_may_be_anything() -> None:
    """B04: an action without anything more has None."""
    assert read_action({"action": "ping"}).payload is None
    assert read_action({"action": "sum", "payload": [1, 2]}).payload == [1, 2]
    assert read_action({"action": "x", "payload": {}, "messages": []}).shape is RequestShape.DIRECT


def test_a_body_beside_an_action_or_messages_is_one_more_field() -> None:
    """B04, B06: the event itself comes first."""
    assert read_action({**ASKED, "body": TEXT}).shape is RequestShape.DIRECT
    assert read_action({**CHAT, "body": TEXT}) == ActionRequest("chat", {**CHAT, "body": TEXT}, RequestShape.CHAT)


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (None, "the event is null"),
        ([ASKED], "the event is list"),
        ({}, "the event has neither action nor messages"),
        ({"payload": {}}, "the event has neither action nor messages"),
        ({"body": {}}, "the body has neither action nor messages"),
        ({"body": None}, "the body is null"),
        (HTTP, "the event has neither action nor messages"),
        ({"body": ""}, "the body is no JSON"),
        ({"body": "{"}, "the body is no JSON"),
        ({"body": "[" * 100_000}, "the body is no JSON"),
        ({"body": '{"action":"a","payload":NaN}'}, "the body is no JSON"),
        (
            {"body": base64.b64encode('{"action":"a"}'.encode("utf-16")).decode(), "isBase64Encoded": True},
            "the body is no JSON",
        ),
        ({"body": "[1]"}, "the body is list"),
        ({"body": '"text"'}, "the body is str"),
        ({"body": "%%%", "isBase64Encoded": True}, "the body is no base64"),
        ({"body": "é", "isBase64Encoded": True}, "the body is no base64"),
        ({"body": encoded("{"), "isBase64Encoded": True}, "the body is no JSON"),
        ({"body": "/w==", "isBase64Encoded": True}, "the body is no JSON"),
        ({"action": 1}, "action is int, not its name"),
        ({"action": ""}, "action is an empty text, not its name"),
        ({"action": None, "payload": {}}, "action is null, not its name"),
        ({"messages": "hi"}, "messages is str, not a list"),
        ({"messages": [], "action": 7}, "action is int, not its name"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_anything_else_is_the_mistake_of_the_client(event: Any, problem: str) -> None:
    """E2: 400, and the message says what to send."""
    with pytest.raises(AppError) as caught:
        read_action(event)
    assert caught.value.code == "app.bad_request"
    assert str(caught.value) == (
        f"{problem}; send {{action, payload}}, {{body: {{action, payload}}}} or {{id, messages}}"
    )
