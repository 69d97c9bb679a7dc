"""ASGI applications written by hand, with nothing between them and the messages."""

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["App", "answering", "body", "sending", "start"]

App = Callable[[Any, Any, Any], Awaitable[None]]


def start(status: Any = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """The message that begins a response."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: Any = b"", *, more: bool = True) -> dict[str, Any]:
    """A message of a body."""
    return {"type": "http.response.body", "body": data, "more_body": more}


def sending(*messages: Any, error: BaseException | None = None) -> App:
    """An application without a lifespan that sends these messages, and then fails if it is to."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    return app


def answering(answer: Callable[[Any], bytes]) -> App:
    """An application that sends what `answer` makes of the scope."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        await send(body(answer(scope), more=False))

    return app
