"""An application with the surface of AppTheory's for Python, which is on no package index."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["App", "Response"]


@dataclass(slots=True)
class Response:
    """A response as AppTheory's handlers return it."""

    status: int = 200
    headers: dict[str, list[str]] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)
    body: bytes = b""
    is_base64: bool = False
    body_stream: Iterable[Any] | None = None


class App:
    """Routes by path; `serve` is synchronous, and refuses to be called where a loop runs."""

    def __init__(self) -> None:
        self._routes: dict[str, Callable[[Any], Any]] = {}
        self.requests: list[Any] = []

    def get(self, path: str, handler: Callable[[Any], Any]) -> None:
        """Serve a path."""
        self._routes[path] = handler

    def serve(self, request: Any) -> Any:
        """Give the response of the handler; the stream of it has not begun."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise AssertionError("serve was called where a loop runs")
        self.requests.append(request)
        handler = self._routes.get(request.path)
        if handler is None:
            error = b'{"error":{"code":"app.not_found","message":"not found"}}'
            return Response(404, {"content-type": ["application/json; charset=utf-8"]}, body=error)
        return handler(request)
