"""How a request reaches a handler: request in, capture out, the same for every path."""

from typing import Any, Protocol

from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.live import LiveStream

__all__ = ["Transport"]


class Transport(Protocol):
    """What a client sends its requests through; the in-process one is the testkit's own."""

    @property
    def host(self) -> str:
        """The host that requests name unless a test names another."""
        ...

    async def send(self, request: HttpRequest) -> StreamCapture:
        """Send a request and capture the whole response."""
        ...

    async def invoke(self, event: Any) -> StreamCapture:
        """Hand over a raw event and capture the whole response."""
        ...

    def open(self, request: HttpRequest) -> LiveStream:
        """Send a request when the live stream is entered."""
        ...
