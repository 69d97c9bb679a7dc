"""The servers of one test, which run on its own loop and end with it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from typing import Any

from apptheory_emulator import ServedUrl, ThreadedUrl, serve_function_url, serve_function_url_threaded
from apptheory_emulator.keeper import Keeper
from apptheory_streaming.errors import LoopError

__all__ = ["Servers"]


class Servers:
    """Starts servers, each kept by a task of its own."""

    def __init__(self) -> None:
        """Begin without any."""
        self._keepers: list[Keeper[Any]] = []
        self._addresses: list[Keeper[Any]] = []

    def __call__(self, target: str | Callable[..., Any], **options: Any) -> Coroutine[Any, Any, ServedUrl]:
        """Serve a handler; raises LoopError at once where there is no loop to serve on."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise LoopError(
                "function_url serves on the running asyncio loop of a test: make the test `async def`, "
                "serve on a thread by `with function_url.threaded(handler) as url`, "
                "and under anyio let `anyio_backend` give 'asyncio'"
            ) from None
        return self._start(serve_function_url(target, **options))

    def threaded(self, target: str | Callable[..., Any], **options: Any) -> AbstractContextManager[ThreadedUrl]:
        """Serve a handler in real time on a thread of its own, for clients that block; ends with its block."""
        return serve_function_url_threaded(target, **options)

    def adopt(self, keeper: Keeper[Any]) -> None:
        """End this server with the others; whoever started it starts another where a test needs one."""
        self._keepers.append(keeper)

    @property
    def started(self) -> int:
        """How many servers have been started and not closed."""
        return len(self._keepers)

    @property
    def stuck(self) -> bool:
        """Whether a URL that a test may hold waits for a loop that does not run now."""
        return any(not keeper.loop.is_running() for keeper in self._addresses if keeper in self._keepers)

    async def close(self, *, keep: int = 0) -> None:
        """End all servers of this loop but the first `keep`, the latest first."""
        ending, self._keepers = self._keepers[keep:], self._keepers[:keep]
        async with AsyncExitStack() as closing:
            for keeper in ending:
                closing.push_async_callback(keeper.end)  # one that fails leaves none of the others open

    async def _start(self, server: AbstractAsyncContextManager[ServedUrl]) -> ServedUrl:
        keeper = Keeper(server)
        url = await keeper.start()
        self._keepers.append(keeper)
        self._addresses.append(keeper)
        return url
