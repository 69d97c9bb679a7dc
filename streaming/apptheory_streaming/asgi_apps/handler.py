"""A handler that is an ASGI application."""

import asyncio
import contextvars
from typing import Any

from apptheory_streaming.asgi_apps.exchange import AsgiApp, AsgiExchange
from apptheory_streaming.asgi_apps.lifespan import Lifespan
from apptheory_streaming.asgi_apps.profile import AsgiProfile, LifespanMode
from apptheory_streaming.asgi_apps.scope import http_scope, request_body
from apptheory_streaming.client_signal import client_signal
from apptheory_streaming.errors import TargetError, UsageError
from apptheory_streaming.options import choose
from apptheory_streaming.shapes import StreamedAnswer
from apptheory_streaming.target import LazyHandler, check_target

__all__ = ["AsgiHandler", "asgi"]


def asgi(app: AsgiApp | str, *, profile: str = "uvicorn", lifespan: str = "auto") -> "AsgiHandler":
    """Make a handler of an ASGI application, or of its target such as `app.main:app` (rule R9).

    `profile` is what the application meets once its client is gone: `uvicorn` or `asgi-2.4`.
    `lifespan` is `auto`, `on` or `off`.  Raises UsageError for another word, TargetError for what
    is no application.
    """
    return AsgiHandler(
        app,
        profile=choose(AsgiProfile, "profile", profile),
        lifespan=choose(LifespanMode, "lifespan", lifespan),
    )


class AsgiHandler:
    """Answers events of Function URLs by an ASGI application, many at once.

    `function_name` is a name for its function.  The startup of its lifespan comes before the first
    request on a loop, the shutdown with `aclose` or at the end of that loop.
    """

    def __init__(self, app: AsgiApp | str, *, profile: AsgiProfile, lifespan: LifespanMode) -> None:
        """Import nothing yet."""
        if isinstance(app, str):
            check_target(app)
        elif not callable(app):
            raise TargetError(f"an ASGI application can be called, or is named by its target as text, not {app!r}")
        self._app = LazyHandler(app)
        self._profile = profile
        self._mode = lifespan
        self._context = contextvars.copy_context()
        self._lifespans: dict[asyncio.AbstractEventLoop, Lifespan] = {}
        self.function_name = self._app.name

    async def __call__(self, event: Any, context: Any) -> StreamedAnswer:
        """Let the application answer; its response is the body of what this gives."""
        app: AsgiApp = self.load()
        state = await self._state(app)
        scope = http_scope(event, context, spec_version=self._profile.spec_version, state=state)
        exchange = AsgiExchange(
            app,
            scope,
            body=request_body(event),
            client=client_signal(),
            raises_when_gone=self._profile is AsgiProfile.ASGI_2_4,
        )
        return await exchange.answer()

    def load(self) -> AsgiApp:
        """Import the application before the first request; raises TargetError if it cannot be had."""
        app: AsgiApp = self._app.load()
        if isinstance(app, AsgiHandler):
            raise UsageError("this is a handler already, made by asgi(): give it where a handler is asked for")
        return app

    async def aclose(self) -> None:
        """Shut the application down on the running loop; raises LifespanFailed if it could not be.

        A later request starts it again.
        """
        lifespan = self._lifespans.pop(asyncio.get_running_loop(), None)
        if lifespan is not None:
            await lifespan.end()

    async def _state(self, app: AsgiApp) -> dict[str, Any]:
        """Give the state of the lifespan on the running loop; one that failed is tried again."""
        if self._mode is LifespanMode.OFF:
            return {}
        loop = asyncio.get_running_loop()
        lifespan = self._lifespans.get(loop)
        if lifespan is None or lifespan.failure is not None:
            self._lifespans = {each: kept for each, kept in self._lifespans.items() if not each.is_closed()}
            lifespan = self._lifespans[loop] = Lifespan(app, mode=self._mode, context=self._context.copy())
        return await lifespan.state()
