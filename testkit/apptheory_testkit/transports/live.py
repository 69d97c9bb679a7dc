"""A response that the test takes chunk by chunk while the handler runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Protocol, Self

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit.capture import Metadata, StreamCapture
from apptheory_testkit.faults.reader import Reader
from apptheory_testkit.transports.sinks import LiveSink

__all__ = ["LINGER_SECONDS", "LiveCall", "LiveStream"]

LINGER_SECONDS = 5.0
"""How long a handler may run on once the block is left before the testkit cancels it and says so."""


class LiveCall(Protocol):
    """What a live stream needs of a request under way: an Invocation, or one over a connection."""

    @property
    def head(self) -> Head | None:
        """The head, once there is one."""
        ...

    async def run(self) -> Transcript:
        """Answer into the sink, and give the transcript once the handler is at its end."""
        ...

    def lose_client(self, *, after_bytes: int | None = None) -> object:
        """Let the client go away."""
        ...

    def cancel(self) -> object:
        """Cancel the handler."""
        ...


class LiveStream:
    """An async context manager and an async iterator over chunks.

    Inside the block an async handler is held back until the test took its last chunk; a sync one,
    which runs on a thread, may be a few chunks ahead.  Leaving the block before the end is a client
    that goes away.  `capture` is there after the block.
    """

    def __init__(
        self,
        invocation: LiveCall,
        sink: LiveSink,
        *,
        surroundings: AbstractContextManager[object] | None = None,
        reader: Reader | None = None,
    ) -> None:
        """Made by a transport; `surroundings` is entered for as long as the handler runs."""
        self._invocation = invocation
        self._sink = sink
        self._surroundings = surroundings or nullcontext()
        self._running: asyncio.Task[Transcript] | None = None
        self._disconnected = False
        self._capture: StreamCapture | None = None
        self._reader = reader
        if reader is not None:
            reader.on_gone = self._has_left
        self.on_capture: Callable[[StreamCapture], object] = lambda _: None
        self.on_enter: Callable[[], AbstractContextManager[object]] = nullcontext
        self.on_exit: Callable[[], Awaitable[object]] | None = None
        self.on_left: Callable[[StreamCapture], object] = lambda _: None

    async def __aenter__(self) -> Self:
        with self.on_enter():  # and not longer: the block is the test's
            self._running = asyncio.create_task(self._run())
        started = asyncio.create_task(self._sink.started.wait())
        try:
            await asyncio.wait({self._running, started}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._running.cancel()
            await asyncio.wait({self._running})
            await self._exited()
            raise
        finally:
            started.cancel()
        return self

    async def __aexit__(self, *exception: object) -> None:
        try:
            capture = await self._finish()
        finally:
            await self._exited()
        if exception[0] is None:  # else the block has something to say itself
            self.on_left(capture)

    async def _exited(self) -> None:
        if self._reader is not None:
            self._reader.leave()
        if self.on_exit is not None:
            await self.on_exit()

    async def _finish(self) -> StreamCapture:
        assert self._running is not None
        leaves_early = not self._sink.over and not self._disconnected
        if leaves_early:
            self._leave()
            self._invocation.cancel()
        transcript = await self._transcript(self._running, linger=None if leaves_early else LINGER_SECONDS)
        ended_by_test = self._disconnected
        if self._reader is not None:
            ended_by_test = ended_by_test or self._reader.ended(transcript)
            transcript = self._reader.annotated(transcript)
        self._capture = StreamCapture(transcript, self._sink.chunks, ended_by_test=ended_by_test)
        self.on_capture(self._capture)
        return self._capture

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._running is None:
            raise UsageError("the stream is not open: iterate inside `async with client.stream(...) as live`")
        chunk = None if self._disconnected else await self._sink.next_chunk()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def disconnect(self) -> None:
        """Go away as a client does; what the handler does then is `on_disconnect`'s choice (rule E4).

        A client that has taken the whole response already has nothing left to lose.
        """
        if self._running is None:
            raise UsageError("the stream is not open: disconnect inside `async with client.stream(...) as live`")
        if not self._sink.over:
            self._leave()

    @property
    def head(self) -> Metadata:
        """Status, headers and cookies; raises UsageError when the handler ended without any."""
        head = self._invocation.head
        if head is None:
            raise UsageError("there is no head: the handler has not run, or was stopped before it had one")
        return Metadata(head.status, {name: list(each) for name, each in head.headers.items()}, list(head.cookies))

    @property
    def capture(self) -> StreamCapture:
        """The whole response; raises UsageError before the block is left."""
        if self._capture is None:
            raise UsageError("the capture is complete once the `async with` block is left")
        return self._capture

    async def _run(self) -> Transcript:
        with self._surroundings:
            if self._reader is not None:
                self._reader.begin()
            try:
                return await self._invocation.run()
            finally:
                await self._sink.finish()

    async def _transcript(self, running: "asyncio.Task[Transcript]", *, linger: float | None) -> Transcript:
        """Wait for the handler, but not for ever; a cancelled one has its own limit."""
        try:
            _, pending = await asyncio.wait({running}, timeout=linger)
        except asyncio.CancelledError:
            running.cancel()
            raise
        if not pending:
            return running.result()
        self._invocation.cancel()
        transcript = await running
        note = f"the handler still ran {linger:g} s after the test had left it, and was cancelled"
        return replace(transcript, notes=(*transcript.notes, note))

    def _leave(self) -> None:
        self._disconnected = True
        self._invocation.lose_client(after_bytes=sum(map(len, self._sink.chunks)))

    def _has_left(self) -> None:
        self._disconnected = True
        self._sink.leave()
