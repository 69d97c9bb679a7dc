"""One request over HTTP, as a client sees it and as the front wrote it down."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from apptheory_emulator.frame_client import ConnectionCut, FrameClient
from apptheory_streaming.errors import RuntimeExit, UsageError
from apptheory_streaming.invocation import Invocation
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryKind, DeliveryOutcome, Ending
from apptheory_streaming.wire.request import HttpRequest
from apptheory_streaming.wire.transcript import ChunkRecord, Transcript
from apptheory_testkit.transports.sinks import CaptureSink
from apptheory_testkit.virtual_time.loop import VirtualLoop

__all__ = ["HttpCall", "HttpServer"]

_CUT_NOTE = "the connection ended before the last chunk, although the server had sent it"


class HttpServer(Protocol):
    """What a call needs of a server: where it is, and to be told apart from the others there."""

    def connect(self) -> Awaitable[FrameClient]:
        """Open a connection, starting the server if there is none."""
        ...

    def expecting(self, port: int, call: "HttpCall") -> AbstractContextManager[None]:
        """Tell `call` of the request that comes from `port` on the client's side."""
        ...


class HttpCall:
    """Runs as an Invocation does, but its response comes over a connection.

    Heads and chunks are the wire's; the rest is the front's, since no client can see it.
    """

    def __init__(self, request: HttpRequest, *, request_id: str, sink: CaptureSink, server: HttpServer) -> None:
        """Prepare; nothing is sent before `run`."""
        self.request_id = request_id
        self.head: Head | None = None
        self._request = request
        self._sink = sink
        self._server = server
        self._client: FrameClient | None = None
        self._reading: asyncio.Task[Ending] | None = None
        self._invocation: Invocation | None = None
        self._running: asyncio.Task[Transcript] | None = None
        self._left = asyncio.Event()
        self._lost = False
        self._cancelled = False

    async def run(self) -> Transcript:
        """Send the request and give the transcript once the handler is at its end.

        Cancelling this cancels the handler.  What a handler raises beside `Exception` comes out, as
        in-process.  Raises UsageError for a request that the server refused.
        """
        self._client = await self._server.connect()
        with self._server.expecting(self._client.port, self):
            try:
                return await self._exchange(self._client)
            except BaseException:
                self._client.abort()
                await self._abandon()
                raise
            finally:
                await self._client.close()

    def lose_client(self, *, after_bytes: int | None = None) -> None:  # noqa: ARG002 - the server counts for itself
        """Go away: the connection is aborted, and the server has to notice."""
        self._lost = True
        if self._client is not None:
            self._client.abort()
        if self._reading is not None:
            self._reading.cancel()

    def cancel(self) -> None:
        """Cancel the handler, but not before the server has noticed that its client is gone."""
        self._cancelled = True
        if self._invocation is not None and (self._left.is_set() or not self._lost):
            self._invocation.cancel()

    # -- the front's side ---------------------------------------------------------------------

    def began(self, invocation: Invocation, running: "asyncio.Task[Transcript]") -> None:
        """Hear that the handler is about to run."""
        self._invocation, self._running = invocation, running
        if self._cancelled:  # already, and a task can be cancelled in the pass after the one that made it
            asyncio.get_running_loop().call_soon(self.cancel)

    def over(self) -> None:
        """Hear that nothing more will be sent."""
        self._left.set()

    # -- the client's side --------------------------------------------------------------------

    async def _exchange(self, client: FrameClient) -> Transcript:
        self._reading = asyncio.create_task(self._read(client))
        await asyncio.wait({self._reading})
        ending = Ending.CUT if self._lost else self._reading.result()
        if self._running is None:
            raise ConnectionCut("the emulator closed the connection without an answer")
        if self._lost:
            await self._left.wait()
            if self._cancelled and self._invocation is not None:
                self._invocation.cancel()
        await asyncio.wait({self._running})
        transcript = self._running.result()
        _raise_exit(transcript)
        self._sink.chunks[:] = _woven(self._sink.chunks, transcript.chunks, whole=not self._lost)
        return self._seen(transcript, ending)

    async def _read(self, client: FrameClient) -> Ending:
        """Hand the response to the sink, and say whether it was complete."""
        ending = Ending.ENDED
        try:
            client.send(self._request)
            head = await client.head(continued=bool(self._request.first("expect")))
            if self._running is None:
                raise UsageError(await _refusal(client, head))
            self.head = head
            self._sink.start(head)
            if self._request.method != "HEAD" and not head.bodyless:
                async for frame in client.frames():
                    self._sink.write(frame)
                    await self._sink.drain()
        except ConnectionCut:
            ending = Ending.CUT
        await self._sink.end(ending)
        return ending

    async def _abandon(self) -> None:
        """Let nothing run on behind the back of a test that gave the call up."""
        tasks: set[asyncio.Task[Ending] | asyncio.Task[Transcript]] = {
            task for task in (self._reading, self._running) if task is not None
        }
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _seen(self, transcript: Transcript, ending: Ending) -> Transcript:
        """The transcript with what the client saw, and without times where they would be real (rule D3)."""
        if self.head is not None:
            transcript = replace(transcript, head=self.head)
        if ending is Ending.CUT:
            transcript = self._incomplete(transcript)
        virtual = isinstance(asyncio.get_running_loop(), VirtualLoop)
        return transcript if virtual else _without_times(transcript)

    def _incomplete(self, transcript: Transcript) -> Transcript:
        """Tell of a delivery what the client knows: a server counts also what lies in its connection."""
        kind = transcript.delivery.kind
        if self._lost and kind is not DeliveryKind.CUT:
            gone = DeliveryOutcome(DeliveryKind.CLIENT_GONE, sum(map(len, self._sink.chunks)))
            return replace(transcript, delivery=gone)
        if kind is not DeliveryKind.COMPLETE:
            return transcript
        cut = DeliveryOutcome(DeliveryKind.CUT)
        return replace(transcript, delivery=cut, notes=(*transcript.notes, _CUT_NOTE))


async def _refusal(client: FrameClient, head: Head) -> str:
    body = b"".join([frame async for frame in client.frames()])
    return (
        f"the server answered {head.status} before any function saw the request: {body.decode('utf-8', 'replace')!r}; "
        "such a request reaches a handler in-process alone"
    )


def _raise_exit(transcript: Transcript) -> None:
    """Give a test what its handler raised beside `Exception`, such as what `pytest.fail` raises."""
    error = transcript.error
    if error is not None and isinstance(error.exception, RuntimeExit) and error.exception.__cause__ is not None:
        raise error.exception.__cause__


def _woven(frames: Sequence[bytes], records: Sequence[ChunkRecord], *, whole: bool) -> list[bytes]:
    """The frames, with empty chunks in the places where the front wrote them down (rule W7).

    Of a response that the client left (not `whole`), only those before its last frame.
    """
    left = iter(frames)
    woven: list[bytes] = []
    taken = 0
    for record in records:
        if taken == len(frames) and (record.size or not whole):
            break
        woven.append(next(left) if record.size else b"")
        taken += bool(record.size)
    return [*woven, *left]


def _without_times(transcript: Transcript) -> Transcript:
    return replace(
        transcript,
        events=tuple(replace(event, at=None) for event in transcript.events),
        chunks=tuple(ChunkRecord(chunk.index, chunk.size) for chunk in transcript.chunks),
        started_at=None,
        ended_at=None,
    )
