"""Keeps a server open in a task, so that it is entered and left in one."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

__all__ = ["Keeper"]

_Served = TypeVar("_Served")

# A loop knows its tasks weakly: a server that nobody else holds would be collected while it serves.
_serving: set["asyncio.Task[None]"] = set()


class Keeper(Generic[_Served]):
    """Holds a server open until `end`, or until its loop ends, which cancels what is left.

    So it is closed properly whoever started it: a test, a fixture or a plain `asyncio.run`.
    """

    def __init__(self, server: AbstractAsyncContextManager[_Served]) -> None:
        """Begin to start `server` on the running loop."""
        self._server = server
        self._over = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[_Served] = self.loop.create_future()
        self._task = self.loop.create_task(self._keep())
        _serving.add(self._task)
        self._task.add_done_callback(_serving.discard)

    @property
    def ended(self) -> bool:
        """Whether it serves no longer, or is about to stop."""
        return self._over.is_set() or self._task.done() or self.loop.is_closed()

    async def start(self) -> _Served:
        """Give what the server gives once it serves; raises what kept it from that."""
        futures: set[asyncio.Future[Any]] = {self._task, self._ready}
        try:
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not self._ready.done():
                self._task.cancel()
        if not self._ready.done():
            await self._task
        return self._ready.result()

    async def end(self) -> None:
        """Close the server; that of another loop ends with its own."""
        if self.loop is asyncio.get_running_loop():
            self._over.set()
            await self._task

    async def _keep(self) -> None:
        async with self._server as served:
            self._ready.set_result(served)
            await self._over.wait()
