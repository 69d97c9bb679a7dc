"""The lifespan of an application: its startup before the first request, its shutdown at the end."""

import asyncio
import contextvars
import logging
from typing import Any

from apptheory_streaming.asgi_apps.exchange import AsgiApp
from apptheory_streaming.asgi_apps.messages import message_type
from apptheory_streaming.asgi_apps.profile import LifespanMode
from apptheory_streaming.errors import AsgiMisuse, LifespanFailed

__all__ = ["Lifespan"]

_log = logging.getLogger("apptheory_streaming")

# A loop knows its tasks weakly: a lifespan must outlive the handler that nobody holds any more.
_running: set["asyncio.Task[None]"] = set()


class Lifespan:
    """Runs the lifespan of an application in a task of the running loop, until `end` or until that loop ends.

    A loop that ends cancels its tasks: to the application this is the shutdown.
    """

    def __init__(self, app: AsgiApp, *, mode: LifespanMode, context: contextvars.Context) -> None:
        """Begin the startup, in `context`: it belongs to no request."""
        self.failure: str | None = None
        self._app = app
        self._mode = mode
        self._state: dict[str, Any] = {}
        self._scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._state,
        }
        self._asked = False
        self._over = asyncio.Event()
        self._ready = asyncio.Event()
        self._cause: BaseException | None = None
        self._task: asyncio.Task[None] = context.run(asyncio.create_task, self._run(), name="asgi-lifespan")
        _running.add(self._task)
        self._task.add_done_callback(_running.discard)

    async def state(self) -> dict[str, Any]:
        """Give a copy of the state once the application is started; raises LifespanFailed if it could not be."""
        await self._ready.wait()
        if self.failure is not None:
            raise LifespanFailed(f"the startup of the application failed: {self.failure}") from self._cause
        return dict(self._state)

    async def end(self) -> None:
        """Let the application shut down; raises LifespanFailed if it could not.

        One that has not come to the end of its startup is cancelled: it would never ask for the shutdown.
        """
        self._over.set()
        if not self._ready.is_set():
            self._task.cancel()
        await self._task

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except BaseException as error:  # noqa: BLE001 - judged below; a loop must not end for it
            self._ended(error)
        else:
            self._ended(None)
        finally:
            self._ready.set()

    def _ended(self, error: BaseException | None) -> None:
        """Judge the end of the application by where it was."""
        if self.failure is not None:
            return
        said = "it returned" if error is None else f"{type(error).__name__}: {error}"
        if not self._ready.is_set():
            if self._mode is LifespanMode.ON or not isinstance(error, Exception | None):
                self.failure, self._cause = f"{said}, before 'lifespan.startup.complete'", error
            else:
                _log.debug("the application has no lifespan: %s", said)
        elif error is not None and not self._over.is_set():
            _log.error("the lifespan of the application ended before its shutdown: %s", said)
        elif error is not None and not isinstance(error, asyncio.CancelledError):
            raise LifespanFailed(f"the shutdown of the application failed: {said}") from error

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        try:
            await self._over.wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._over.is_set() or task is None:
                raise
            self._over.set()
            task.uncancel()  # taken for what it means: the loop ends
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Any) -> None:
        kind = message_type(message)
        if kind == "lifespan.startup.complete":
            self._ready.set()
        elif kind == "lifespan.startup.failed":
            self.failure = str(message.get("message") or "it gave no message")
            self._ready.set()
        elif kind == "lifespan.shutdown.failed":
            raise LifespanFailed(f"the shutdown of the application failed: {message.get('message', '')}")
        elif kind != "lifespan.shutdown.complete":
            raise AsgiMisuse(f"{kind!r} is no message of a lifespan")
