"""The messages of one response: which may come when, and what each says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apptheory_streaming.errors import (
    AsgiMisuse,
    HeadSetTwice,
    InvalidResponse,
    StreamTypeError,
    WriteAfterEnd,
)
from apptheory_streaming.wire.head import Head, make_head

__all__ = ["BodyPart", "ResponseMessages", "message_type"]

START, BODY = "http.response.start", "http.response.body"


@dataclass(frozen=True, slots=True)
class BodyPart:
    """What one `http.response.body` says; `data` may be empty."""

    data: bytes
    more: bool


class ResponseMessages:
    """Takes the messages of an application in the order in which it sends them (rule R9)."""

    def __init__(self) -> None:
        """Nothing was sent."""
        self.head: Head | None = None
        self.ended = False
        self._parts = 0

    def accept(self, message: object) -> Head | BodyPart:
        """Give what a message says; one that cannot be sent, or not now, raises a FunctionError."""
        kind, fields = message_type(message), message
        assert isinstance(fields, Mapping)
        if kind not in (START, BODY):
            raise AsgiMisuse(_unknown(kind))
        if self.ended:
            raise WriteAfterEnd(f"{kind!r} was sent after the last body: the response is complete")
        return self._start(fields) if kind == START else self._body(fields)

    def _start(self, message: Mapping[str, Any]) -> Head:
        if self.head is not None:
            raise HeadSetTwice(f"{START!r} was sent twice: the head of a response is final with the first")
        if "status" not in message:
            raise InvalidResponse(f"{START!r} has no status")
        headers, cookies = _fields(message.get("headers", ()))
        self.head = make_head(message["status"], headers, cookies)
        return self.head

    def _body(self, message: Mapping[str, Any]) -> BodyPart:
        if self.head is None:
            raise AsgiMisuse(f"{BODY!r} was sent before {START!r}")
        data = message.get("body", b"")
        if not isinstance(data, bytes | bytearray | memoryview):
            raise StreamTypeError(
                f"chunk {self._parts} is of type {type(data).__name__}: the body of {BODY!r} is bytes, so encode text"
            )
        self._parts += 1
        self.ended = not message.get("more_body", False)
        return BodyPart(bytes(data), not self.ended)


def message_type(message: object) -> str:
    """Give the type of a message; raises AsgiMisuse for what is none."""
    if not isinstance(message, Mapping) or not isinstance(message.get("type"), str):
        raise AsgiMisuse(f"an ASGI message is a dict with the text 'type', not {message!r}")
    return str(message["type"])


def _unknown(kind: str) -> str:
    if kind.startswith("websocket."):
        return f"{kind!r} was sent in an HTTP request: a Function URL has no WebSockets"
    if kind.startswith("http.response."):
        return f"{kind!r} belongs to an extension that scope['extensions'] does not offer"
    return f"{kind!r} is no message of an HTTP response: it has {START!r} and {BODY!r}"


def _fields(pairs: Any) -> tuple[dict[str, list[str]], list[str]]:
    """Headers as name -> values, and the values of Set-Cookie in the order in which they were sent (rule R6)."""
    if isinstance(pairs, Mapping) or not isinstance(pairs, Iterable):
        raise InvalidResponse(f"the headers of {START!r} are pairs of bytes, not {type(pairs).__name__}")
    headers: dict[str, list[str]] = {}
    cookies: list[str] = []
    for pair in pairs:
        name, value = _pair(pair)
        (cookies if name.lower() == "set-cookie" else headers.setdefault(name, [])).append(value)
    return headers, cookies


def _pair(pair: Any) -> tuple[str, str]:
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(each, bytes) for each in pair):
        raise InvalidResponse(f"a header of {START!r} is a pair of bytes (name, value), not {pair!r}")
    return pair[0].decode("latin-1"), pair[1].decode("latin-1")
