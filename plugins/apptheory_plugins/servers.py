"""The servers of one test, which run on its own loop and end with it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

from apptheory_emulator import ServedUrl, serve_function_url
from apptheory_streaming.errors import LoopError

__all__ = ["Servers"]


class Servers:
    """Starts servers, each kept by a task of its own.

    A server ends with `close`, or with its loop, which cancels what is left: so it is closed
    properly whoever started it, a test, a fixture or a plain `asyncio.run`.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._keepers: list[_Keeper] = []

    def __call__(self, target: str | Callable[..., Any], **options: Any) -> Coroutine[Any, Any, ServedUrl]:
        """Serve a handler; raises LoopError at once where there is no loop to serve on."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise LoopError(
                "function_url serves on the running asyncio loop of a test: make the test `async def`, "
                "and under anyio let `anyio_backend` give 'asyncio'"
            ) from None
        return self._start(serve_function_url(target, **options))

    @property
    def started(self) -> int:
        """How many servers have been started and not closed."""
        return len(self._keepers)

    @property
    def stuck(self) -> bool:
        """Whether one of them waits for a loop that does not run now."""
        return any(not keeper.loop.is_running() for keeper in self._keepers)

    async def close(self, *, keep: int = 0) -> None:
        """End all servers of this loop but the first `keep`, the latest first."""
        ending, self._keepers = self._keepers[keep:], self._keepers[:keep]
        for keeper in reversed(ending):
            await keeper.end()

    async def _start(self, server: AbstractAsyncContextManager[ServedUrl]) -> ServedUrl:
        keeper = _Keeper(server)
        url = await keeper.start()
        self._keepers.append(keeper)
        return url


class _Keeper:
    """Holds a server open in a task, so that it is entered and left in one."""

    def __init__(self, server: AbstractAsyncContextManager[ServedUrl]) -> None:
        self._server = server
        self._over = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[ServedUrl] = self.loop.create_future()
        self._task = self.loop.create_task(self._keep())

    async def start(self) -> ServedUrl:
        """Give the URL once it is served; raises what kept the server from it."""
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
        async with self._server as url:
            self._ready.set_result(url)
            await self._over.wait()
