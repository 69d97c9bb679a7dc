"""A contract document and its handlers, for tests that change one thing about them."""

import asyncio
import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from apptheory_streaming import AppError, StreamingResponse, streamify_response
from apptheory_testkit.contract import ContractDocument, parse_document

__all__ = ["HANDLERS", "MODULE", "changed", "document", "text"]

VALUE: Mapping[str, Any] = {
    "id": "stream.two_chunks",
    "tier": "p0",
    "name": "Two chunks arrive as they were written.",
    "setup": {"routes": [{"method": "GET", "path": "/two", "handler": "two"}]},
    "input": {"request": {"method": "GET", "path": "/two"}},
    "expect": {
        "response": {
            "status": 201,
            "headers": {"content-type": ["text/plain"], "x-tag": ["one", "two"]},
            "cookies": ["a=1", "b=2"],
            "is_base64": False,
            "chunks": [{"encoding": "utf8", "value": "one"}, {"encoding": "base64", "value": "AP8="}],
        }
    },
}

MODULE = """
from apptheory_streaming import StreamingResponse

def two(event, context):
    headers = {"content-type": "text/plain", "x-tag": ["one", "two"]}
    return StreamingResponse(iter(["one", b"\\x00\\xff"]), status=201, headers=headers, cookies=["a=1", "b=2"])
"""
"""The handler `two` as the file of a user."""


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The document with other values, each by its JSON pointer; `...` takes one away."""
    value: dict[str, Any] = copy.deepcopy(dict(VALUE))
    for pointer, new in changes.items():
        *way, last = pointer.strip("/").split("/")
        place: Any = value
        for name in way:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        key: Any = int(last) if isinstance(place, list) else last
        if new is ...:
            del place[key]
        else:
            place[key] = new
    return value


def text(changes: Mapping[str, Any] | None = None) -> str:
    """Its text."""
    return json.dumps(changed(changes or {}))


def document(changes: Mapping[str, Any] | None = None) -> ContractDocument:
    """The document that this text is."""
    return parse_document(text(changes), file="two.stream.json")


def two(event: Any, context: Any) -> StreamingResponse:
    headers = {"content-type": "text/plain", "x-tag": ["one", "two"]}
    return StreamingResponse(["one", b"\x00\xff"], status=201, headers=headers, cookies=["a=1", "b=2"])


def json_value(event: Any, context: Any) -> StreamingResponse:
    return StreamingResponse('{"a": [1, true, null]}', headers={"content-type": "application/json"})


def empty(event: Any, context: Any) -> StreamingResponse:
    return StreamingResponse(iter(()), status=204)


def late(event: Any, context: Any) -> Iterator[str]:
    yield "one"
    raise AppError("app.conflict", "taken")


def early(event: Any, context: Any) -> Any:
    raise AppError("app.conflict", "busy")


def broken(event: Any, context: Any) -> Any:
    raise ValueError("a secret")


def echo(event: Any, context: Any) -> Iterator[str]:
    yield json.dumps(event)


async def echo_async(event: Any, context: Any) -> Any:
    yield json.dumps(event)


@streamify_response
async def echo_streamified(event: Any, stream: Any, context: Any) -> None:
    stream.write(json.dumps(event))
    await stream.end()


def leaves(event: Any, context: Any) -> Any:
    raise SystemExit(3)


async def gives_up(event: Any, context: Any) -> Any:
    raise asyncio.CancelledError


HANDLERS: dict[str, Any] = {
    each.__name__: each
    for each in (two, json_value, empty, late, early, broken, echo, echo_async, echo_streamified, leaves, gives_up)
}
