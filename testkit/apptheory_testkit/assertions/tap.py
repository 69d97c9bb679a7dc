"""A tap in the stream under a wrapper: it notes when each chunk was made, before the wrapper had it."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast, overload

from apptheory_streaming.errors import UsageError
from apptheory_streaming.threads import handler_call
from apptheory_testkit.virtual_time.loop import VirtualLoop

__all__ = ["Heard", "Tap"]

_Chunk = TypeVar("_Chunk")
_App = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One chunk that went by: its bytes, None for what is no text and no bytes, and the virtual time of its loop."""

    data: bytes | None
    at: float | None


class Tap:
    """Hands on a stream unchanged and notes its chunks: `wrapper(tap(chunks()))`, `middleware(tap.app(app))`.

    One tap listens to one stream of one response; `capture.assert_not_buffered(tap)` then compares
    when each chunk was made and when it was delivered.
    """

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._heard: list[Heard] | None = None

    @overload
    def __call__(self, chunks: AsyncIterable[_Chunk]) -> AsyncIterator[_Chunk]: ...

    @overload
    def __call__(self, chunks: Iterable[_Chunk]) -> Iterator[_Chunk]: ...

    def __call__(self, chunks: AsyncIterable[_Chunk] | Iterable[_Chunk]) -> AsyncIterator[_Chunk] | Iterator[_Chunk]:
        """Give the same stream, async or not; raises UsageError for what is no stream, and for a second one."""
        if not isinstance(chunks, AsyncIterable | Iterable) or isinstance(chunks, str | bytes | bytearray | memoryview):
            raise UsageError(f"a tap goes around a stream of chunks, not {type(chunks).__name__}")
        heard = self._begin()
        return self._async(chunks, heard) if isinstance(chunks, AsyncIterable) else self._sync(chunks, heard)

    def app(self, app: _App) -> _App:
        """Give the same ASGI application; the bodies of the one response that it sends are noted.

        So `middleware(tap.app(app))` is asked what the middleware holds back.  Raises UsageError for what
        is no application; a second request gets one.
        """
        if not callable(app):
            raise UsageError(f"tap.app goes around an ASGI application, not {type(app).__name__}")

        async def tapped(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            heard = self._begin()

            async def listening(message: Any) -> None:
                if message["type"] == "http.response.body":
                    heard.append(_hear(message.get("body", b"")))
                await send(message)

            await app(scope, receive, listening)

        return tapped

    def _begin(self) -> list[Heard]:
        """Listen to one stream; raises UsageError for a second one."""
        if self._heard is not None:
            raise UsageError("this tap has listened to a stream already: make a Tap() for each response")
        self._heard = []
        return self._heard

    @property
    def heard(self) -> list[Heard]:
        """What went by so far; raises UsageError when the tap was put around nothing."""
        __tracebackhide__ = True  # the test's own line is the one that matters
        if self._heard is None:
            raise UsageError(
                "the tap was put around no stream: the handler returns `wrapper(tap(chunks()))`, or the middleware of "
                "an ASGI application is put around `tap.app(app)`"
            )
        return list(self._heard)

    async def _async(self, chunks: AsyncIterable[_Chunk], heard: list[Heard]) -> AsyncIterator[_Chunk]:
        try:
            async for chunk in chunks:
                heard.append(_hear(chunk))
                yield chunk
        except BaseException:  # left before its end, or failed
            if (close := getattr(chunks, "aclose", None)) is not None:
                await close()
            raise

    def _sync(self, chunks: Iterable[_Chunk], heard: list[Heard]) -> Iterator[_Chunk]:
        try:
            for chunk in chunks:
                heard.append(_hear(chunk))
                yield chunk
        except BaseException:  # left before its end, or failed
            if (close := getattr(chunks, "close", None)) is not None:
                close()
            raise


def _hear(chunk: Any) -> Heard:
    if isinstance(chunk, str):
        data: bytes | None = chunk.encode("utf-8", "surrogatepass")
    else:
        data = bytes(cast("bytes", chunk)) if isinstance(chunk, bytes | bytearray | memoryview) else None
    return Heard(data, _now())


def _now() -> float | None:
    """The time of the virtual loop on which the handler runs, also from the thread of a sync one."""
    call = handler_call()
    if call is not None:
        loop: asyncio.AbstractEventLoop = call.loop
    else:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
    return loop.time() if isinstance(loop, VirtualLoop) else None
