"""Collects all that a function sends, for a caller who waits for the whole: Invoke."""

import asyncio

from apptheory_emulator.front.invoke_front import InvokeFront
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryKind, Ending

__all__ = ["CollectingSink"]


class CollectingSink:
    """The sink of one invocation; `over` is done when its response is whole, or there will be none."""

    def __init__(self, front: InvokeFront) -> None:
        """Begin empty."""
        self.body = bytearray()
        self.started = False
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._front = front

    def start(self, head: Head) -> None:
        """Keep the prelude: a caller of Invoke gets what the runtime sends."""
        self.started = True
        self.body += self._front.prelude(head)

    def write(self, data: bytes) -> bool:
        """Keep a chunk."""
        self.body += data
        return True

    async def drain(self) -> None:
        """Have room: the limits of the function bound what comes."""

    async def end(self, ending: Ending) -> DeliveryKind:
        """Let the caller have it."""
        if not self.over.done():
            self.over.set_result(None)
        return DeliveryKind.CUT if ending is Ending.CUT and self.started else DeliveryKind.COMPLETE
