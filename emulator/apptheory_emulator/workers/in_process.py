"""Functions that run in the emulator's own process, many requests at a time."""

import asyncio
import logging
from contextlib import AbstractContextManager
from typing import Any

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.tracebacks import describe
from apptheory_streaming.asgi_apps.handler import AsgiHandler
from apptheory_streaming.context import LambdaContext
from apptheory_streaming.environment import environment
from apptheory_streaming.errors import TargetError
from apptheory_streaming.handlers import Handler
from apptheory_streaming.target import LazyHandler
from apptheory_streaming.wire.limits import DEFAULT_TIMEOUT_SECONDS

__all__ = ["InProcessFunction"]

_log = logging.getLogger("apptheory_emulator")


class InProcessFunction:
    """A handler, imported once; what cannot be imported is tried again at the next request."""

    def __init__(self, config: FunctionConfig) -> None:
        """Import nothing yet."""
        self.config = config
        self._handler = LazyHandler(config.target)

    def environment(self) -> AbstractContextManager[None]:
        """Set the function's variables in this process, and put back what was there before."""
        return environment(self.config.env)

    def load(self) -> None:
        """Import the handler before the first request; a failure is logged, and is no reason not to serve."""
        try:
            handler = self._handler.load()
            if isinstance(handler, AsgiHandler):
                handler.load()
        except TargetError as error:
            _log.error("function %s cannot be loaded: %s", self.config.name, describe(error))

    async def close(self) -> None:
        """End what the handler itself runs, such as the processes of a worker."""
        close = getattr(self.config.target, "aclose", None)
        if close is not None:
            await close()

    def handler(self) -> Handler:
        """Give the handler, or one that fails because there is none, so that a client gets its 502."""
        try:
            return self._handler.load()
        except TargetError as error:
            failure = error

        async def unloadable(_event: Any, _context: Any) -> None:
            raise failure

        return unloadable

    def context(self, request_id: str) -> LambdaContext:
        """Make the context of an invocation that begins now."""
        return LambdaContext.for_function(
            self.config.name,
            request_id=request_id,
            timeout=self.config.timeout or DEFAULT_TIMEOUT_SECONDS,
            now=asyncio.get_running_loop().time,
        )
