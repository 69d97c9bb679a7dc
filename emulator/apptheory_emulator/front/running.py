"""The invocations of one front that run, and the connections whose clients do not read."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from apptheory_streaming.invocation import Invocation
from apptheory_streaming.wire.transcript import Transcript

__all__ = ["RunningInvocations"]

_log = logging.getLogger("apptheory_emulator")


class RunningInvocations:
    """Runs each in a task of its own, so that a client which goes away does not take it along (rule E4)."""

    def __init__(self) -> None:
        """Begin with none."""
        self._running: dict[asyncio.Task[Transcript], Invocation] = {}
        self._in_flight: set[asyncio.Future[None]] = set()
        self._stalled: tuple[asyncio.Transport, ...] = ()
        self._stopped = False

    def start(
        self, invocation: Invocation, *, what: str, on_over: Callable[[Transcript], None]
    ) -> "asyncio.Task[Transcript]":
        """Run an invocation; `on_over` hears of its end, and `what` names it in the log if it breaks.

        One that comes after the stop is cancelled before it begins: its body was long on its way.
        """
        running = asyncio.create_task(invocation.run())
        self._running[running] = invocation
        running.add_done_callback(lambda task: self._over(task, what, on_over))
        if self._stopped:
            running.cancel()
        return running

    def hold(self, over: "asyncio.Future[None]", running: "asyncio.Task[Transcript]") -> None:
        """Count a response as in flight until its invocation is over, though nobody waits for it."""
        self._in_flight.add(over)
        running.add_done_callback(lambda _: self._in_flight.discard(over))

    async def wait(
        self,
        running: "asyncio.Task[Transcript]",
        over: "asyncio.Future[None]",
        *,
        sent: Callable[[], int] = lambda: 0,
    ) -> None:
        """Wait until a response is over; `sent` says how many bytes of it a client has that goes away."""
        self._in_flight.add(over)
        try:
            futures: set[asyncio.Future[Any]] = {running, over}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # aiohttp's word for a connection that is lost
            if (invocation := self._running.get(running)) is not None:
                invocation.lose_client(after_bytes=sent())
            raise
        finally:
            self._in_flight.discard(over)
            over.cancel()

    async def settled(self) -> None:
        """Wait until no invocation runs, so that every exchange has been heard of."""
        while self._running:
            await asyncio.wait(self._running)

    async def stop(self, seconds: float) -> None:
        """Let responses in flight go on for so long, then cut them and cancel every handler that still runs."""
        if self._in_flight and seconds > 0:
            await asyncio.wait(self._in_flight, timeout=seconds)
        self._stopped = True
        await asyncio.sleep(0)  # what was started in this pass has no handler yet that could be cancelled
        for invocation in tuple(self._running.values()):
            invocation.cancel()
        await self.settled()

    def remember_if_stalled(self, transport: asyncio.Transport | None) -> None:
        """Keep a connection whose client does not take what it was sent; it may never end by itself."""
        known = self._stalled if transport is None else (*self._stalled, transport)
        self._stalled = tuple(each for each in known if each.get_write_buffer_size())

    async def close(self) -> None:
        """Drop what clients that do not read have left in their connections."""
        for transport in self._stalled:
            if transport.get_write_buffer_size():  # else it came to its end after all, and has no loop any more
                transport.abort()
        await asyncio.sleep(0)  # the loop tells their protocols in its next pass

    def _over(self, task: "asyncio.Task[Transcript]", what: str, on_over: Callable[[Transcript], None]) -> None:
        del self._running[task]
        if task.cancelled():  # the loop is being closed
            return
        error = task.exception()
        if error is None:
            on_over(task.result())
        else:
            _log.error("%s: the invocation itself failed", what, exc_info=error)
