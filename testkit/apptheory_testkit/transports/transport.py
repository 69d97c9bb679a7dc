"""How a request reaches a handler: request in, capture out, the same for every path."""

import asyncio
from typing import Any, Protocol

from apptheory_streaming.errors import LoopError
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.faults.plan import FaultPlan
from apptheory_testkit.transports.live import LiveStream

__all__ = ["Transport", "need_asyncio"]


class Transport(Protocol):
    """What a client sends its requests through; the in-process one is the testkit's own.

    One that cannot do a fault of a plan raises UsageError before it sends anything, or hands the request to one
    that can, as HTTP does to in-process.
    """

    @property
    def host(self) -> str:
        """The host that requests name unless a test names another."""
        ...

    async def send(self, request: HttpRequest, *, faults: FaultPlan | None = None) -> StreamCapture:
        """Send a request and capture the whole response."""
        ...

    async def invoke(self, event: Any, *, faults: FaultPlan | None = None) -> StreamCapture:
        """Hand over a raw event and capture the whole response."""
        ...

    def open(self, request: HttpRequest, *, faults: FaultPlan | None = None) -> LiveStream:
        """Send a request when the live stream is entered."""
        ...


def need_asyncio() -> None:
    """Raise LoopError, with what to do, where no asyncio loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise LoopError(
            "the testkit needs a running asyncio loop: under anyio let `anyio_backend` give 'asyncio', "
            "and in a test that is not async call `client.sync`"
        ) from None
