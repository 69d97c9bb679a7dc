"""One request of an application: what it receives, what it sends, and the stream that is made of that."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from apptheory_streaming.asgi_apps.messages import ResponseMessages
from apptheory_streaming.client_signal import ClientSignal
from apptheory_streaming.errors import AsgiMisuse, ClientGone, NotEnded
from apptheory_streaming.shapes import StreamedAnswer
from apptheory_streaming.wire.head import Head, make_head

__all__ = ["AsgiApp", "AsgiExchange"]

AsgiApp = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
"""An application of ASGI 3: called with scope, receive and send."""

# A loop knows its tasks weakly: an application that nobody else holds would be collected while it runs.
_running: set["asyncio.Task[None]"] = set()


class _ClientLeft(OSError):  # noqa: N818 - reads as the event it is
    """What `send` raises for a client that is gone, in the profile that raises."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A body on its way, None for the end of the response; and who waits until it is taken."""

    data: bytes | None
    waiter: "asyncio.Future[None] | None"


class AsgiExchange(AsyncIterator[bytes]):
    """Runs an application in a task of its own, and is the body that comes of it (rule R9).

    `send` returns when the next chunk is asked for: so the application runs no further ahead of its
    client than a generator would.
    """

    def __init__(
        self, app: AsgiApp, scope: dict[str, Any], *, body: bytes, client: ClientSignal, raises_when_gone: bool
    ) -> None:
        """Run nothing yet; `raises_when_gone` is what `send` does once the client is gone."""
        self._app = app
        self._scope = scope
        self._request: bytes | None = body
        self._client = client
        self._raises_when_gone = raises_when_gone
        self._response = ResponseMessages()
        self._sent: deque[_Sent] = deque()
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._waiter: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._finished = False
        self._stopped = False

    async def answer(self) -> StreamedAnswer:
        """Start the application and give its response once it has a head; raises what it raises before."""
        self._client.on_gone(self._over.set)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="asgi-app")
        _running.add(self._task)
        self._task.add_done_callback(_running.discard)
        try:
            await self._news.wait()
        except BaseException:
            await self._stop()
            raise
        head = self._response.head
        if head is None:
            self._raise_failure()
            if not self._client.gone:
                raise AsgiMisuse("the application returned without sending 'http.response.start'")
            return StreamedAnswer(make_head())  # nobody will see it
        return StreamedAnswer(head, body=self, commit=True, rest=self._rest)

    async def __anext__(self) -> bytes:
        assert self._task is not None
        self._let_go()
        while not self._sent:
            if self._task.done():
                self._raise_failure()
                if self._client.gone:
                    raise StopAsyncIteration
                raise NotEnded("the application returned without a body that has more_body=False")
            self._news.clear()
            await self._news.wait()
        sent = self._sent.popleft()
        self._waiter = sent.waiter
        if sent.data is not None:
            return sent.data
        self._finished = True
        self._over.set()
        self._let_go()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Cancel the application, unless its response is complete: then it may run on."""
        if not self._finished:
            await self._stop()

    async def _rest(self) -> None:
        """Let the application run on behind its response; raises what it raises there."""
        assert self._task is not None
        try:
            await asyncio.wait({self._task})
        except BaseException:
            await self._stop()
            raise
        self._raise_failure()

    async def _stop(self) -> None:
        assert self._task is not None
        self._stopped = True
        self._let_go()
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})
        self._failure = None  # of a cancelled task: what it holds is to be closed now

    # -- the application's side ---------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except _ClientLeft:
            pass  # it heard that the client is gone, and ends for that
        except BaseException as error:  # noqa: BLE001 - raised again where the handler is driven
            self._failure = error
        finally:
            self._over.set()
            self._news.set()

    async def _receive(self) -> dict[str, Any]:
        if self._request is not None and not self._over.is_set():
            body, self._request = self._request, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if self._stopped:
            raise ClientGone("the invocation is over")
        if self._raises_when_gone and self._client.gone and not self._response.ended:
            raise _ClientLeft("the client closed the connection")
        said = self._response.accept(message)
        waiter = asyncio.get_running_loop().create_future()
        if isinstance(said, Head):
            self._waiter = waiter
        else:
            if said.data or said.more:
                self._sent.append(_Sent(said.data, waiter if said.more else None))
            if not said.more:
                self._sent.append(_Sent(None, waiter))
        self._news.set()
        await waiter

    def _let_go(self) -> None:
        """Let the application go on behind what was taken last."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
